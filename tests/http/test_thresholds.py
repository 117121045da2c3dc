"""`/v1/routes/{route}/threshold`: read, changed under a version, in force at once and everywhere."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from router.routes.thresholds import Change, Thresholds
from tests.http.config import CONFIG, KEY, ask
from tests.http.wire import error_of
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

PATH = "/v1/routes/moved/threshold"


@pytest.fixture
def back(client: httpx.Client) -> Iterator[None]:
    """Leaves the route `moved` at the threshold it is configured with."""
    yield
    put(client, 0.12, "*")


def put(client: httpx.Client, value: object, version: str | None, **more: object) -> httpx.Response:
    headers = {} if version is None else {"if-match": version}
    return client.put(PATH, json={"threshold": value, **more}, headers=headers)


def tier(client: httpx.Client, route: str = "moved") -> dict[str, Any]:
    found: dict[str, Any] = client.post("/complete", json=ask(route=route)).json()["decision"]
    return found


def test_it_is_read_with_its_version_as_etag(client: httpx.Client) -> None:
    response = client.get("/v1/routes/default/threshold")
    body = response.json()
    named = ["route", "threshold", "version", "set_by", "set_at", "reason", "suspended", "certificate"]
    named += ["holds", "why_not"]
    assert list(body) == named
    assert (body["route"], body["threshold"], body["set_by"]) == ("default", 0.12, "config")
    assert response.headers["etag"] == f'"v{body["version"]}"'
    assert datetime.fromisoformat(body["set_at"]).tzinfo is not None


def test_a_route_with_a_slash_in_its_name_has_one_too(client: httpx.Client) -> None:
    assert client.get("/v1/routes/support/tier-1/threshold").json()["route"] == "support/tier-1"
    assert client.get("/v1/routes/support/tier-1/threshold/history").json()["route"] == "support/tier-1"


@pytest.mark.usefixtures("back")
def test_a_change_is_in_force_for_the_next_request(client: httpx.Client) -> None:
    etag = client.get(PATH).headers["etag"]
    before = tier(client)
    assert before["tier"] == "small"
    response = put(client, 0.0, etag, reason="everything to large")
    assert response.status_code == 200
    body = response.json()
    assert (body["threshold"], body["reason"], body["set_by"]) == (
        0.0,
        "everything to large",
        "anybody on loopback",
    )
    assert response.headers["etag"] == f'"v{body["version"]}"' != etag
    after = tier(client)
    assert (after["tier"], after["threshold"]) == ("large", 0.0)
    assert after["threshold_version"] == body["version"] == before["threshold_version"] + 1
    assert tier(client, "default")["tier"] == "small"


@pytest.mark.usefixtures("back")
def test_a_change_made_elsewhere_is_in_force_for_the_next_dry_run(
    service: Service, client: httpx.Client
) -> None:
    for value in (0.9, 0.0, 0.8, 0.1, 0.7):  # a worker looks by itself now and then: not every time
        change = Change("moved", value, "test", "elsewhere", None)
        service.in_store(lambda store, change=change: Thresholds(store).set(change))  # type: ignore[misc]
        seen = client.post("/complete", json=ask(route="moved", dry_run=True)).json()["decision"]
        assert seen["threshold"] == value


@pytest.mark.usefixtures("back")
def test_a_change_of_an_older_version_is_refused_with_412(client: httpx.Client) -> None:
    old = client.get(PATH).headers["etag"]
    assert put(client, 0.3, old).status_code == 200
    error = error_of(put(client, 0.4, old), 412, "version_conflict")
    assert error["param"] == "If-Match"
    assert "not" in error["message"]
    assert client.get(PATH).json()["threshold"] == 0.3


def test_a_change_without_a_version_is_refused_with_428(client: httpx.Client) -> None:
    error = error_of(put(client, 0.3, None), 428, "if_match_required")
    assert "If-Match" in error["message"]
    assert client.get(PATH).json()["threshold"] == 0.12


@pytest.mark.parametrize(
    "etag", ["v3", "3", '"3"', 'W/"v3"', '"vx"', '"v-1"', '""', '"v1", "v2"', "x" * 5000]
)
def test_what_is_no_etag_of_ours_is_refused(client: httpx.Client, etag: str) -> None:
    error = error_of(put(client, 0.3, etag), 400, "invalid_request")
    assert error["param"] == "If-Match"


@pytest.mark.parametrize(
    "value", [1.5, -1, -0.0001, 1.0001, "x", "0.5", None, True, [0.5], {}, 1e308, -1e308, 10**400]
)
def test_a_value_that_is_no_number_from_0_to_1_is_refused(client: httpx.Client, value: object) -> None:
    error = error_of(put(client, value, "*"), 400, "invalid_request")
    assert error["param"] == "threshold"
    assert client.get(PATH).json()["threshold"] == 0.12


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_value_that_is_not_finite_is_refused(client: httpx.Client, literal: str) -> None:
    headers = {"content-type": "application/json", "if-match": "*"}
    response = client.put(PATH, content=f'{{"threshold": {literal}}}', headers=headers)
    error_of(response, 400)
    assert client.get(PATH).json()["threshold"] == 0.12


@pytest.mark.parametrize("value", [0, 1, 0.5, 1e-300])
@pytest.mark.usefixtures("back")
def test_both_ends_and_whole_numbers_are_values(client: httpx.Client, value: float) -> None:
    assert put(client, value, "*").json()["threshold"] == value
    assert client.get(PATH).json()["threshold"] == value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "body"),
        ("[]", "body"),
        ("\xff", "JSON"),
        ("{}", "threshold"),
        ("{", "JSON"),
        ('{"threshold": 0.5, "oops": 1}', "oops"),
        ('{"threshold": 0.5, "reason": 5}', "reason"),
        ('{"threshold": 0.5, "reason": "%s"}' % ("x" * 501), "reason"),
        (r'{"threshold": 0.5, "reason": "\ud800"}', ""),
        (b'{"threshold": 0.5, "reason": "\xff"}', "UTF-8"),
    ],
)
def test_a_body_that_is_no_change_is_refused(client: httpx.Client, body: str | bytes, said: str) -> None:
    headers = {"content-type": "application/json", "if-match": "*"}
    error = error_of(client.put(PATH, content=body, headers=headers), 400)
    assert said in error["message"]
    assert client.get(PATH).json()["threshold"] == 0.12


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_route_that_is_not_there_is_404_with_a_suggestion(client: httpx.Client, method: str) -> None:
    path = "/v1/routes/defualt/threshold"
    response = client.request(method, path, json={"threshold": 0.5}, headers={"if-match": "*"})
    assert 'did you mean "default"?' in error_of(response, 404, "route_not_found")["message"]


@pytest.mark.usefixtures("back")
def test_history_says_who_changed_it_when_and_why(client: httpx.Client) -> None:
    for value, reason in ((0.2, "first"), (0.3, "second 🙂")):
        put(client, value, "*", reason=reason)
    rows = client.get(f"{PATH}/history").json()["history"]
    assert [(row["threshold"], row["reason"]) for row in rows[:2]] == [(0.3, "second 🙂"), (0.2, "first")]
    assert all(newer["version"] == older["version"] + 1 for newer, older in itertools.pairwise(rows))
    assert rows[-1]["set_by"] == "config"
    assert rows == sorted(rows, key=lambda row: row["set_at"], reverse=True)


@pytest.mark.usefixtures("back")
def test_a_change_on_the_command_line_is_in_force_for_the_next_request(
    service: Service, client: httpx.Client
) -> None:
    assert tier(client)["tier"] == "small"
    service.cli("threshold", "set", "moved", "0", "--reason", "from a shell")
    assert tier(client)["tier"] == "large"
    assert client.get(PATH).json()["reason"] == "from a shell"
    service.cli("threshold", "rollback", "moved")
    assert tier(client)["tier"] == "small"
    shown = json.loads(service.cli("threshold", "show", "moved", "--format", "json").stdout)
    assert shown == client.get(PATH).json()


def test_every_worker_knows_a_change_before_its_next_decision(
    upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("workers")
    config = CONFIG.format(url=upstream.base_url)
    running = Service(folder, config, environ={"TINY_KEY": KEY}, arguments=("--workers", "2"))
    with running as service:

        def asked() -> dict[str, Any]:
            # A connection each, so that both workers are asked.
            with service.client() as client:
                return tier(client, "default")

        assert {asked()["tier"] for _ in range(10)} == {"small"}
        for value, expected in ((0, "large"), (0.9, "small"), (0.0, "large")):
            with service.client() as client:
                change = {"threshold": value, "reason": "test"}
                client.put("/v1/routes/default/threshold", json=change, headers={"if-match": "*"})
            seen = [asked() for _ in range(16)]
            assert {one["tier"] for one in seen} == {expected}
            assert {one["threshold"] for one in seen} == {float(value)}
        with service.client() as client:
            assert "pennyroute_completions_total" in client.get("/metrics").text
        assert service.settled().entries == 10 + 3 * 16
    assert "Traceback" not in service.said
