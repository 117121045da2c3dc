"""Budgets by HTTP: in force at once in every worker, never overspent, refused in clear words."""

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.pricing.money import usd
from tests.budgets.conftest import CONFIG, KEY
from tests.service import Service
from tests.store.servers import StoreServer
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
COST_NANO = 4_500


def ask(team: str, user: str = "", **more: Any) -> dict[str, Any]:
    """A body of `/complete`; what it comes to, the upstream says: `COST_NANO`."""
    labels = {"team": team} | ({"user": user} if user else {})
    return {"query": "What is the capital of France?", "metadata": labels, **more}


def put(client: httpx.Client, status: int = 201, **body: Any) -> dict[str, Any]:
    response = client.post("/v1/budgets", json={"period": "day", **body})
    assert response.status_code == status, response.text
    found: dict[str, Any] = response.json()
    return found


def at_once(service: Service, admin: str, bodies: list[dict[str, Any]]) -> list[httpx.Response]:
    """Each over a connection of its own, so that every worker gets some."""

    async def all_of_them() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=100)
        options: Any = {"timeout": 60, "trust_env": False, "verify": False, "limits": limits}
        headers = {"authorization": f"Bearer {admin}"}
        async with httpx.AsyncClient(base_url=service.url, headers=headers, **options) as calling:
            return await asyncio.gather(*(calling.post("/complete", json=body) for body in bodies))

    return asyncio.run(all_of_them())


def test_five_hundred_at_once_never_go_over_a_budget_for_a_hundred(
    service: Service, admin: str, client: httpx.Client
):
    cost = client.post("/complete", json=ask("rush")).json()["cost"]["nano_usd"]
    limit = 100 * cost
    budget = put(client, scope={"team": "rush"}, limit_usd=str(Decimal(limit).scaleb(-9)))
    before = service.settled()
    statuses = Counter(answer.status_code for answer in at_once(service, admin, [ask("rush")] * 500))
    assert set(statuses) == {200, 429}
    after = service.settled()
    assert after.cost_nano - before.cost_nano == statuses[200] * cost <= limit
    assert after.entries - before.entries == statuses[200], "what was refused is charged nothing"
    left = client.get(f"/v1/budgets/{budget['id']}").json()["left_usd"]
    assert Decimal(left).scaleb(9) == limit - statuses[200] * cost
    while client.post("/complete", json=ask("rush")).status_code == 200:
        statuses[200] += 1
    assert 90 <= statuses[200] <= 100, "all but what the last call's worst case does not fit"


def test_a_refusal_says_what_is_left_and_when_there_may_be_more(client: httpx.Client):
    budget = put(client, scope={"team": "poor"}, limit_usd="0.00000123")
    for path, body in (
        ("/complete", ask("poor")),
        (
            CHAT,
            {"model": "auto", "messages": [{"role": "user", "content": "Hi"}], "metadata": {"team": "poor"}},
        ),
        ("/complete", ask("poor", stream=True)),
    ):
        response = client.post(path, json=body)
        assert response.status_code == 429
        assert response.headers["x-should-retry"] == "false"
        assert 0 < int(response.headers["retry-after"]) <= 86_400
        error = response.json()["error"]
        assert (error["code"], error["type"]) == ("budget_exceeded", "insufficient_quota")
        assert (error["budget"], error["left_usd"], error["left_tokens"]) == (
            budget["id"],
            "0.00000123",
            None,
        )
        assert "more than its whole limit" in error["message"]


def test_a_budget_is_in_force_in_every_worker_once_post_returns_and_no_more_once_delete_does(
    service: Service, admin: str, client: httpx.Client
):
    for number in range(5):
        team = f"switched-{number}"
        assert {a.status_code for a in at_once(service, admin, [ask(team)] * 8)} == {200}
        budget = put(client, scope={"team": team}, limit_tokens=0)
        assert {a.status_code for a in at_once(service, admin, [ask(team)] * 8)} == {429}
        put(client, 200, scope={"team": team}, limit_tokens=10**6)
        assert {a.status_code for a in at_once(service, admin, [ask(team)] * 8)} == {200}
        put(client, 200, scope={"team": team}, limit_tokens=0)
        assert {a.status_code for a in at_once(service, admin, [ask(team)] * 8)} == {429}
        assert client.delete(f"/v1/budgets/{budget['id']}").status_code == 204
        assert {a.status_code for a in at_once(service, admin, [ask(team)] * 8)} == {200}


def test_each_user_has_a_budget_of_their_own(client: httpx.Client):
    budget = put(client, scope={"team": "many", "user": "*"}, limit_tokens=150, period="month")
    for user in ("ann", "bob"):
        assert client.post("/complete", json=ask("many", user)).status_code == 200
        assert client.post("/complete", json=ask("many", user)).status_code == 429
    assert client.post("/complete", json=ask("many")).status_code == 200, "of nobody"
    found = client.get(f"/v1/budgets/{budget['id']}").json()
    assert {window["of"]["user"] for window in found["windows"]} == {"ann", "bob"}
    assert found["left_tokens"] == found["windows"][0]["left_tokens"] < 150


def test_a_fallback_from_a_free_to_a_paid_model_is_checked(
    service: Service, client: httpx.Client, budget_upstream: OpenAIWire
):
    put(client, scope={"team": "thrifty"}, limit_usd="0.000001")
    before = service.settled()
    response = client.post("/complete", json=ask("thrifty", route="falls-back"))
    assert (response.status_code, response.json()["error"]["code"]) == (429, "budget_exceeded")
    assert [seen.body["model"] for seen in budget_upstream.seen] == ["tiny-1@500"]
    after = service.settled()
    assert after.cost_nano == before.cost_nano
    decision = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert decision["status"] == "budget_exceeded"
    assert [attempt["kind"] for attempt in decision["attempts"]] == ["void", "void"]
    assert decision["cost"]["nano_usd"] == 0


def test_a_hard_budget_of_dollars_refuses_a_model_whose_price_nobody_knows(client: httpx.Client):
    put(client, scope={"team": "careful"}, limit_tokens=10**6)
    assert client.post("/complete", json=ask("careful", route="unpriced")).status_code == 200
    put(client, scope={"team": "careful"}, limit_usd="100")
    response = client.post("/complete", json=ask("careful", route="unpriced"))
    assert (response.status_code, response.json()["error"]["code"]) == (503, "enforcement_unavailable")
    assert "'odd' is not known" in response.json()["error"]["message"]
    assert response.headers["x-should-retry"] == "false"
    assert client.post("/complete", json=ask("careful")).status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "period"),
        ({"period": "day"}, "limit_usd"),
        ({"period": "day", "limit_usd": "1", "limit_tokens": 1}, "limit_usd"),
        ({"period": "day", "limit_usd": "0.0000000001"}, "limit_usd"),
        ({"period": "day", "limit_usd": 0.1234567891}, "limit_usd"),
        ({"period": "day", "limit_usd": "-1"}, "limit_usd"),
        ({"period": "day", "limit_usd": "1e400"}, "limit_usd"),
        ({"period": "day", "limit_usd": "NaN"}, "limit_usd"),
        ({"period": "day", "limit_usd": "1000000001"}, "limit_usd"),
        ({"period": "day", "limit_tokens": -1}, "limit_tokens"),
        ({"period": "day", "limit_tokens": 10**30}, "limit_tokens"),
        ({"period": "week", "limit_usd": "1"}, "period"),
        ({"period": "day", "limit_usd": "1", "scope": {"tema": "x"}}, "scope.tema"),
        ({"period": "day", "limit_usd": "1", "scope": {"team": ""}}, "scope.team"),
        ({"period": "day", "limit_usd": "1", "scope": {"team": "x" * 129}}, "scope.team"),
        ({"period": "day", "limit_usd": "1", "scope": {"team": "a\nb"}}, "scope.team"),
        ({"period": "day", "limit_usd": "1", "scope": {"team": "\ud800"}}, "scope.team"),
        ({"period": "day", "limit_usd": "1", "scope": {"route": "defualt"}}, "scope.route"),
        ({"period": "day", "limit_usd": "1", "scope": {"model": "default"}}, "scope.model"),
        ({"period": "day", "limit_usd": "1", "scope": {"key": "key_0"}}, "scope.key"),
        ({"period": "day", "limit_usd": "1", "time_zone": "Europe/Wien"}, "time_zone"),
        ({"period": "day", "limit_usd": "1", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"period": "minute", "limit_usd": "1", "time_zone": "Europe/Vienna"}, "time_zone"),
        ({"period": "day", "limit_usd": "1", "window_s": 60}, "window_s"),
        ({"period": "rolling", "limit_usd": "1"}, "window_s"),
        ({"period": "rolling", "limit_usd": "1", "window_s": 90}, "window_s"),
        ({"period": "rolling", "limit_usd": "1", "window_s": 10**9}, "window_s"),
        ({"period": "day", "limit_usd": "1", "hard": "yes"}, "hard"),
        ({"period": "day", "limit": "1"}, "limit"),
    ],
)
def test_what_is_no_budget_is_refused_with_its_place(client: httpx.Client, body: dict[str, Any], param: str):
    count = len(client.get("/v1/budgets").json()["budgets"])
    raw, kind = json.dumps(body), {"content-type": "application/json"}  # also what is no text
    response = client.post("/v1/budgets", content=raw, headers=kind)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param), response.text
    assert len(client.get("/v1/budgets").json()["budgets"]) == count


def test_budgets_belong_to_the_account_of_the_key_and_need_admin(service: Service, client: httpx.Client):
    mine = put(client, scope={"team": "ours"}, limit_usd="1")
    other, caller = (
        {"authorization": f"Bearer {service.key(name, scope, 'acme')}"}
        for name, scope in (("boss", "admin"), ("bot", "call"))
    )
    path = f"/v1/budgets/{mine['id']}"
    assert client.get(path, headers=other).status_code == 404
    assert client.delete(path, headers=other).status_code == 404
    assert client.get("/v1/budgets", headers=other).json() == {"budgets": []}
    theirs = client.post("/v1/budgets", json={"period": "day", "limit_tokens": 0}, headers=other)
    assert theirs.status_code == 201
    assert client.post("/complete", json=ask("ours"), headers=caller).status_code == 429
    assert client.post("/complete", json=ask("ours")).status_code == 200
    for method, at in (("GET", "/v1/budgets"), ("POST", "/v1/budgets"), ("GET", path), ("DELETE", path)):
        assert client.request(method, at, json={}, headers=caller).status_code == 403
    assert client.get(path).json() == mine | {
        "windows": client.get(path).json()["windows"],
        "left_usd": usd(10**9 - COST_NANO),
    }


@contextmanager
def killable() -> Iterator[StoreServer]:
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        store = StoreServer("valkey", Path(folder)).start()
        try:
            yield store
        finally:
            store.stop()


def test_while_the_store_is_away_a_hard_budget_lets_nobody_call_and_others_go_on(
    budget_upstream: OpenAIWire, tmp_path: Path
):
    budget_upstream.clear()
    with killable() as store:
        environ = {"TINY_KEY": KEY, "REDIS_URL": store.url}
        config = CONFIG.format(url=budget_upstream.base_url)
        with Service(tmp_path, config, environ=environ) as service, service.client() as client:
            put(client, scope={"team": "hard"}, limit_usd="1")
            put(client, scope={"team": "soft"}, limit_usd="1", hard=False)
            assert {
                client.post("/complete", json=ask(team)).status_code for team in ("hard", "soft", "")
            } == {200}
            before = service.settled()
            store.kill()
            response = client.post("/complete", json=ask("hard"))
            assert (response.status_code, response.json()["error"]["code"]) == (
                503,
                "enforcement_unavailable",
            )
            assert response.headers["x-should-retry"] == "true"
            assert [client.post("/complete", json=ask(team)).status_code for team in ("soft", "")] == [
                200,
                200,
            ]
            assert len(budget_upstream.seen) == 5
            store.start()
            after = service.until(service.ledger, lambda found: found.entries == before.entries + 3, 60)
            assert (after.open_holds, after.cost_nano - before.cost_nano) == (0, 2 * COST_NANO)
