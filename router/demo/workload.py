"""The sample queries: legal triage, support, meeting notes, two prompt variants and everyday questions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

_FILE: Final = "workload.jsonl"
_LABELS: Final = ("team", "feature", "experiment", "variant")


@dataclass(frozen=True, slots=True)
class DemoQuery:
    """One sample query and how it is labelled.

    Attributes:
        experiment: set where two variants of a prompt are compared, as is `variant`.
    """

    id: str
    route: str
    query: str
    team: str
    feature: str
    experiment: str | None = None
    variant: str | None = None

    def body(self, route: str) -> dict[str, Any]:
        """What is sent to `POST /complete`, through this route.

        The feature keeps the query's own route in sight where another stands in for it.
        """
        labels = {name: getattr(self, name) for name in _LABELS if getattr(self, name) is not None}
        if route != self.route:
            labels["feature"] = f"{self.route}/{self.feature}"
        return {"query": self.query, "route": route, "metadata": labels}


def read_workload() -> tuple[DemoQuery, ...]:
    """All sample queries, in the order they are sent."""
    return tuple(_queries())


def _queries() -> Iterator[DemoQuery]:
    text = (files("router.demo") / _FILE).read_text(encoding="utf-8")
    for line in text.splitlines():
        yield DemoQuery(**json.loads(line))
