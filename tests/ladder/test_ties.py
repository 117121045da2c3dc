"""Keys tied to a team, a feature and routes, and routes that require labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.access.keys import ApiKey, KeyRing, Scope
from router.access.tie import Tie
from router.errors import InvalidRequest
from router.store.connection import Store
from tests.http.wire import error_of
from tests.ladder.config import CHAT, CONFIG, ENVIRON, ask, chat
from tests.service import Service
from tests.settings.writing import GOOD, check, said
from tests.upstreams.openai_wire import OpenAIWire

TIE = Tie(team="legal", feature="contracts", routes=("default", "billed"))


@pytest.fixture(scope="module")
def locked(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with keys."""
    folder = tmp_path_factory.mktemp("locked")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ=ENVIRON) as running:
        yield running
    assert "Traceback" not in running.said, running.said


@pytest.fixture(scope="module")
def tied(locked: Service) -> Iterator[httpx.Client]:
    with locked.client(headers=bearer(made(locked, "tied", TIE))) as client:
        yield client


@pytest.fixture(scope="module")
def free(locked: Service) -> Iterator[httpx.Client]:
    with locked.client(headers=bearer(made(locked, "free", Tie()))) as client:
        yield client


def made(service: Service, name: str, tie: Tie) -> str:
    async def work(store: Store) -> tuple[ApiKey, str]:
        return await KeyRing(store).create(name, (Scope.CALL,), tie=tie)

    return service.in_store(work)[1]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def labels_of(client: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    found = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    labels: dict[str, Any] = found["labels"]
    return labels


def test_a_tied_key_fills_its_labels_in(tied: httpx.Client) -> None:
    own = {"x-pennyroute-user": "ann"}
    found = labels_of(tied, tied.post(CHAT, json=chat(), headers=own))
    assert found == {"team": "legal", "feature": "contracts", "user": "ann"}
    same = {"x-pennyroute-team": "legal"}
    assert labels_of(tied, tied.post(CHAT, json=chat(), headers=same))["team"] == "legal"


@pytest.mark.parametrize("label", ["team", "feature"])
def test_another_label_than_the_key_carries_is_refused(
    tied: httpx.Client, upstream: OpenAIWire, label: str
) -> None:
    upstream.clear()
    by_header = tied.post(CHAT, json=chat(), headers={f"x-pennyroute-{label}": "sales"})
    error = error_of(by_header, 403, "not_permitted")
    assert "'sales'" in error["message"]
    error_of(tied.post(CHAT, json=chat(metadata={label: "sales"})), 403, "not_permitted")
    error_of(tied.post("/complete", json=ask(metadata={label: "sales"})), 403, "not_permitted")
    error_of(tied.post("/complete", json=ask(metadata={label: "sales"}, dry_run=True)), 403, "not_permitted")
    assert not upstream.seen


def test_a_route_the_key_is_not_for_is_refused_and_so_is_a_model_by_its_name(tied: httpx.Client) -> None:
    error = error_of(tied.post(CHAT, json=chat(model="thrifty", max_tokens=5)), 403, "not_permitted")
    assert "this key is for routes 'default', 'billed', and not for route 'thrifty'" in error["message"]
    error = error_of(tied.post(CHAT, json=chat(model="tiny")), 403, "not_permitted")
    assert "not for model 'tiny'" in error["message"]
    assert tied.post(CHAT, json=chat(model="auto")).status_code == 200


def test_a_key_without_ties_takes_any_label_and_route(free: httpx.Client) -> None:
    found = labels_of(free, free.post(CHAT, json=chat(), headers={"x-pennyroute-team": "sales"}))
    assert found == {"team": "sales"}
    assert free.post(CHAT, json=chat(model="thrifty", max_tokens=5)).status_code == 200


def test_a_route_refuses_a_call_without_the_labels_it_requires(
    free: httpx.Client, tied: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.clear()
    error = error_of(free.post(CHAT, json=chat(model="billed")), 400, "label_required")
    assert "requires labels 'team', 'user'" in error["message"]
    assert error["param"] == "metadata.team"
    error = error_of(tied.post(CHAT, json=chat(model="billed")), 400, "label_required")
    assert error["param"] == "metadata.user"  # the team comes with the key
    blank = {"x-pennyroute-team": "", "x-pennyroute-user": "ann"}
    error_of(free.post(CHAT, json=chat(model="billed"), headers=blank), 400, "label_required")
    assert not upstream.seen
    whole = {"x-pennyroute-team": "legal", "x-pennyroute-user": "ann"}
    assert free.post(CHAT, json=chat(model="billed"), headers=whole).status_code == 200


def test_naming_the_model_is_no_way_around_a_route_that_requires_labels(free: httpx.Client) -> None:
    error = error_of(free.post(CHAT, json=chat(model="dearest")), 400, "label_required")
    assert "a route of model 'dearest' requires" in error["message"]
    assert free.post(CHAT, json=chat(model="big")).status_code == 200


async def test_a_tie_that_no_call_could_have_is_refused(store: Store) -> None:
    ring = KeyRing(store)
    for tie in (Tie(team="a\nb"), Tie(feature="x" * 129), Tie(routes=("",))):
        with pytest.raises(InvalidRequest):
            await ring.create("bot", (Scope.CALL,), tie=tie)
    assert await ring.all() == {}


def test_the_command_ties_a_key_and_lists_what_it_is_tied_to(locked: Service) -> None:
    ties = ("--team", "legal", "--feature", "contracts", "--route", "default")
    assert locked.cli("keys", "create", "clerk", *ties).stdout.startswith("pr-")
    listed = locked.cli("keys", "list", "--format", "json").stdout
    (clerk,) = [key for key in httpx.Response(200, text=listed).json() if key["name"] == "clerk"]
    assert (clerk["team"], clerk["feature"], clerk["routes"]) == ("legal", "contracts", ["default"])
    assert "route default" in locked.cli("keys", "list").stdout.replace("\n", " ")
    refused = locked.cli("keys", "create", "clerk", "--route", "defalt", check=False)
    assert refused.returncode == 1
    assert 'did you mean "default"?' in refused.stderr


def test_only_a_label_can_be_required(tmp_path: Path) -> None:
    line = "default: {small: tiny, large: big, threshold: 0.12"
    (problem,) = said(check(tmp_path, GOOD.replace(line, f"{line}, require: [teem]")))
    assert "routes.default.require" in problem
