"""Caps on turns and on what a query may cost: refused before anybody is called."""

from decimal import Decimal
from pathlib import Path

import httpx

from tests.http.wire import error_of
from tests.ladder.config import CHAT, ask, chat, turns
from tests.settings.writing import GOOD, check, said
from tests.upstreams.openai_wire import OpenAIWire

CAP_USD = Decimal("0.015")


def test_a_query_of_too_many_turns_is_refused(client: httpx.Client, upstream: OpenAIWire) -> None:
    body = {"model": "short", "messages": turns("a", "b", "c", system="Be brief.")}
    error = error_of(client.post(CHAT, json=body), 413, "context_too_long")
    assert "4 messages; route 'short' takes at most 3 (caps.max_turns)" in error["message"]
    assert not upstream.seen
    body["messages"] = turns("a", "b", "c")
    assert client.post(CHAT, json=body).status_code == 200


def test_a_query_of_too_many_turns_loses_its_oldest_and_never_its_system_prompt(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    body = {"model": "shortened", "messages": turns("a", "b", "c", "d", "e", system="Be brief.")}
    response = client.post(CHAT, json=body)
    assert response.status_code == 200
    sent = upstream.seen[-1].body["messages"]
    assert [message["content"] for message in sent] == ["Be brief.", "d", "e"]
    decision = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert decision["inputs"]["trimmed_turns"] == 3


def test_a_query_that_could_cost_too_much_is_refused_before_anybody_is_called(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    error = error_of(
        client.post(CHAT, json=chat(model="thrifty", max_tokens=1_500)), 413, "cost_cap_exceeded"
    )
    assert "at most $0.015 (caps.max_cost_usd)" in error["message"]
    assert "1500 output tokens" in error["message"]
    assert error["param"] == "max_tokens"
    uncapped = client.post("/complete", json=ask(route="thrifty"))  # the bound of an answer without a cap
    error_of(uncapped, 413, "cost_cap_exceeded")
    error_of(client.post("/complete", json=ask(route="thrifty", dry_run=True)), 413, "cost_cap_exceeded")
    assert not upstream.seen
    assert client.post(CHAT, json=chat(model="thrifty", max_tokens=1_000)).status_code == 200


def test_every_answer_that_is_asked_for_counts_towards_the_cap(client: httpx.Client) -> None:
    three = chat(model="thrifty", max_tokens=1_000, n=2)
    error_of(client.post(CHAT, json=three), 413, "cost_cap_exceeded")


def test_all_attempts_of_a_decision_together_stay_within_the_cap(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("hang", "ok")
    failed = client.post(CHAT, json=chat(model="thrifty", max_tokens=1_000))
    error_of(failed, 504, "upstream_timeout")  # what it may have used leaves no room for the next in line
    assert len(upstream.seen) == 1
    decision = client.get(f"/v1/decisions/{failed.headers['x-pennyroute-decision-id']}").json()
    assert 0 < Decimal(decision["cost"]["usd"]) <= CAP_USD
    upstream.clear()
    upstream.play("hang", "ok")
    assert client.post(CHAT, json=chat(model="careless", max_tokens=1_000)).status_code == 200


def test_an_attempt_that_cost_nothing_leaves_room_for_the_next(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("500", "ok")
    assert client.post(CHAT, json=chat(model="thrifty", max_tokens=1_000)).status_code == 200
    assert len(upstream.seen) == 2


def test_a_fallback_that_alone_could_cost_too_much_is_passed_over(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("429-long", "ok")
    response = client.post(CHAT, json=chat(model="choosy", max_tokens=1_000))
    assert response.status_code == 200
    assert [seen.body["model"] for seen in upstream.seen] == ["big-1", "big-2"]


def test_a_cap_on_cost_needs_known_prices_and_whole_nano_dollars(tmp_path: Path) -> None:
    line = "default: {small: tiny, large: big, threshold: 0.12"
    unknown = GOOD.replace(line, f"{line}, price: unknown-ok, caps: {{max_cost_usd: 0.01}}")
    (problem,) = said(check(tmp_path, unknown))
    assert "can only be capped where every price is known" in problem
    (problem,) = said(check(tmp_path, GOOD.replace(line, f"{line}, caps: {{max_cost_usd: 0.0000000001}}")))
    assert "9 decimals" in problem
