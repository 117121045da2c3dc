"""The ladder of a route by the front door: what it takes, what it says, and what the report counts."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from router.pricing.money import usd
from tests.http.wire import error_of, events_of
from tests.ladder.config import CHAT, ask, chat, turns
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

LARGE_NANO = 9 * 2_000 + 9 * 10_000


class Team:
    """A team with a hard budget of its own, whose calls go to one route."""

    def __init__(self, client: httpx.Client, name: str, route: str) -> None:
        self.client = client
        self.name = name
        self.route = route
        self.limit("1")

    def limit(self, dollars: str) -> None:
        body = {"scope": {"team": self.name}, "period": "month", "limit_usd": dollars, "hard": True}
        assert self.client.post("/v1/budgets", json=body).status_code in (200, 201)

    def chat(self, **more: Any) -> httpx.Response:
        body = {**chat(model=self.route, max_tokens=20), **more}
        return self.client.post(CHAT, json=body, headers={"x-pennyroute-team": self.name})

    def decision(self, response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        there = f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}"
        found: dict[str, Any] = self.client.get(there).json()
        return found


def after_one_call(service: Service, client: httpx.Client, name: str, route: str) -> Team:
    team = Team(client, name, route)
    first = team.chat()
    assert "x-pennyroute-degraded" not in first.headers
    made = team.decision(first)
    assert (made["tier"], made["degraded"], made["uncertified"]) == ("large", [], False)
    service.settled()
    return team


def test_small_is_preferred_when_a_budget_runs_low(service: Service, client: httpx.Client) -> None:
    team = after_one_call(service, client, "saving", "frugal")
    team.limit("0.0011")
    assert team.chat().headers["x-pennyroute-reason"] == "at_or_above_threshold"
    service.settled()
    team.limit("0.001")
    response = team.chat()
    headers = response.headers
    assert (headers["x-pennyroute-tier"], headers["x-pennyroute-reason"]) == ("small", "prefer_small")
    assert headers["x-pennyroute-degraded"] == "prefer_small"
    assert "x-pennyroute-uncertified" not in headers
    decision = team.decision(response)
    assert decision["degraded"] == ["prefer_small"]
    assert decision["inputs"]["pressure"]["budget"] == 0.216
    assert "under pressure" in decision["explanation"]
    other = client.post(CHAT, json=chat(model="frugal", max_tokens=20))  # whose budget is whole
    assert other.headers["x-pennyroute-tier"] == "large"


def test_a_forced_tier_stays_where_the_caller_wants_it(service: Service, client: httpx.Client) -> None:
    team = after_one_call(service, client, "insisting", "frugal")
    team.limit("0.001")
    forced = team.chat(metadata={"tier": "large"})
    assert forced.headers["x-pennyroute-reason"] == "forced"
    assert "x-pennyroute-degraded" not in forced.headers


def test_answers_are_shortened_and_then_refused(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    team = after_one_call(service, client, "talking", "terse")
    team.limit("0.001")
    short = team.chat(max_tokens=2)  # shorter than the ladder would have it
    assert "x-pennyroute-degraded" not in short.headers
    for asked in (
        {"max_tokens": 20},
        {"max_tokens": None, "max_completion_tokens": 20},
        {"max_tokens": None},
    ):
        service.settled()
        team.limit("0.002")
        upstream.clear()
        assert team.chat(**asked).headers["x-pennyroute-degraded"] == "shorten_output"
        sent = upstream.seen[-1].body
        assert 7 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    service.settled()
    team.limit(usd(5 * LARGE_NANO + 1))
    upstream.clear()
    refused = team.chat()
    error = error_of(httpx.Response(429, headers=refused.headers, json={"error": plain(refused)}), 429)
    assert error["code"] == "budget_exceeded"
    assert "route 'terse' answers nothing while budget" in error["message"]
    assert refused.json()["error"]["left_usd"] == "0.000000001"
    assert int(refused.headers["retry-after"]) >= 1
    dry = {"team": team.name}
    assert client.post("/complete", json=ask(route="terse", dry_run=True, metadata=dry)).status_code == 429
    assert not upstream.seen


def plain(refused: httpx.Response) -> dict[str, Any]:
    """The error with OpenAI's own fields."""
    return {name: refused.json()["error"][name] for name in ("message", "type", "param", "code")}


def test_the_oldest_turns_are_left_out_and_never_the_system_prompt(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    team = after_one_call(service, client, "long", "forgetful")
    team.limit("0.001")
    upstream.clear()
    words = "word " * 40
    response = team.chat(messages=turns(words, words, "Short?", system="Be brief."))
    assert response.headers["x-pennyroute-degraded"] == "trim_context"
    sent = [message["content"] for message in upstream.seen[-1].body["messages"]]
    assert sent == ["Be brief.", "Short?"]
    assert team.decision(response)["inputs"]["trimmed_turns"] == 2
    service.settled()
    team.limit("0.01")
    alone = team.chat(messages=turns(words * 4))  # nothing to leave out: no refusal either
    assert alone.status_code == 200
    assert "x-pennyroute-degraded" not in alone.headers


def test_answers_come_from_the_cache_only_and_what_is_not_there_is_refused(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    team = Team(client, "remembering", "remembering")
    first = team.chat(temperature=0)
    assert (first.status_code, first.headers["x-pennyroute-cache"]) == (200, "miss")
    service.settled()
    assert team.chat(temperature=0).headers["x-pennyroute-cache"] == "hit"
    team.limit("0.001")
    upstream.clear()
    hit = team.chat(temperature=0)
    assert hit.content == first.content
    assert hit.headers["x-pennyroute-degraded"] == "cache_only"
    assert hit.headers["x-pennyroute-cost-usd"] == "0"
    assert team.decision(hit)["degraded"] == ["cache_only"]
    missed = team.chat(temperature=0, messages=turns("Something else?")).json()["error"]
    assert missed["code"] == "budget_exceeded"
    assert "answers from its cache only, and has no answer to this" in missed["message"]
    assert missed["left_usd"] == usd(1_000_000 - LARGE_NANO)
    assert not upstream.seen


def test_a_route_with_a_floor_goes_on_at_its_floor_until_it_refuses(
    service: Service, client: httpx.Client
) -> None:
    team = after_one_call(service, client, "careful", "proven")
    team.limit("0.001")
    assert team.decision(team.chat())["reason"] == "no_certificate"
    service.settled()
    assert team.chat().json()["error"]["code"] == "budget_exceeded"


def test_best_effort_goes_below_the_floor_says_so_and_is_counted(
    service: Service, client: httpx.Client
) -> None:
    team = after_one_call(service, client, "hoping", "hopeful")
    team.limit("0.001")
    response = team.chat()
    assert response.headers["x-pennyroute-degraded"] == "prefer_small, shorten_output"
    assert response.headers["x-pennyroute-uncertified"] == "true"
    decision = team.decision(response)
    assert (decision["tier"], decision["reason"]) == ("small", "prefer_small")
    assert (decision["uncertified"], decision["certificate"]) == (True, "")
    streamed = client.post(
        "/complete", json=ask(route="hopeful", stream=True, max_output_tokens=20, metadata={"team": "hoping"})
    )
    name, body = events_of(streamed.text)[-1]
    assert name == "completion"
    assert body["decision"]["degraded"] == ["prefer_small", "shorten_output"]
    assert body["decision"]["uncertified"] is True
    service.settled()
    report = client.get("/v1/reports/routes", params={"by": "team"}).json()
    (group,) = [group for group in report["groups"] if group["team"] == "hoping"]
    assert (group["degraded"], group["uncertified"]) == (2, 2)
    assert report["total"]["degraded"] >= 2
    assert "degraded by a route's ladder" in " ".join(service.cli("report").stdout.split())


def test_requests_that_come_much_faster_than_usual_are_refused(
    service: Service, client: httpx.Client
) -> None:
    body = chat(model="crowded", max_tokens=5)

    def burst() -> list[httpx.Response]:
        with ThreadPoolExecutor(10) as crowd:
            return list(crowd.map(lambda _: client.post(CHAT, json=body), range(40)))

    answers = service.until(burst, lambda found: any(one.status_code == 429 for one in found))
    refused = next(one for one in answers if one.status_code == 429)
    error = error_of(refused, 429, "traffic_spike")
    assert "times as fast as usual" in error["message"]
    assert refused.headers["retry-after"] == "1"


def test_small_is_preferred_while_the_large_model_fails(client: httpx.Client) -> None:
    body = chat(model="limping", max_tokens=5)
    found = [client.post(CHAT, json=body) for _ in range(5)]
    assert found[0].status_code == 502
    assert found[-1].headers["x-pennyroute-degraded"] == "prefer_small"


def test_a_route_is_left_alone_while_both_its_models_fail(client: httpx.Client, upstream: OpenAIWire) -> None:
    body = chat(model="down", max_tokens=5)
    seen = [client.post(CHAT, json=body) for _ in range(6)]
    assert seen[0].status_code == 502
    upstream.clear()
    error = error_of(client.post(CHAT, json=body), 503, "providers_in_trouble")
    assert "of the calls of its models fail" in error["message"]
    assert not upstream.seen


@pytest.mark.parametrize("route", ["default", "careless"])
def test_a_route_without_a_ladder_says_nothing_of_one(client: httpx.Client, route: str) -> None:
    body = client.post("/complete", json=ask(route=route, max_output_tokens=5)).json()
    assert (body["decision"]["degraded"], body["decision"]["uncertified"]) == ([], False)
