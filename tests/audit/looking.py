"""Looking at what came of an audit."""

from typing import Any

import httpx

from router.outcomes.record import OutcomeRecord
from router.outcomes.store import Outcomes
from tests.service import Service

RUNNING = "worker_died"
"""What an outcome says until its audit has ended."""


def outcome_of(service: Service, decision_id: str, account: str = "main") -> OutcomeRecord:
    """The outcome of a decision once its audit has ended."""

    def look() -> OutcomeRecord | None:
        return service.in_store(lambda store: Outcomes(store).get(account, decision_id))

    found = service.until(look, lambda found: found is not None and found.missing != RUNNING)
    assert found is not None
    return found


def asked(client: httpx.Client, body: dict[str, Any]) -> str:
    """Sends a chat body; answers the id of its decision."""
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 200, response.text
    return str(response.headers["x-pennyroute-decision-id"])


def scores(outcome: OutcomeRecord) -> tuple[float | None, float | None]:
    """Small's and large's."""
    return outcome.small.score, outcome.large.score
