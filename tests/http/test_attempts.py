"""Providers that fail: retried, fallen back from, left alone; each attempt recorded and priced."""

from typing import Any

import httpx
import pytest

from tests.http.config import EASY, HARD, KEY, ask, chat
from tests.http.wire import error_of, events_of
from tests.service import Service
from tests.upstreams.answers import OK_TEXT, Spoken
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
SMALL_NANO = 9 * 100 + 9 * 400
LARGE_NANO = 9 * 2_000 + 9 * 10_000


def decision_of(client: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/v1/decisions/{response.json()['decision']['id']}").json()
    return found


def failed_decision(client: httpx.Client, response: httpx.Response) -> dict[str, Any]:
    """Of an error, which names its decision in a header."""
    found: dict[str, Any] = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    return found


def test_a_500_is_tried_again_and_both_attempts_are_recorded(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.settled()
    upstream.play("500", "ok")
    response = client.post("/complete", json=ask(route="spare-1"))
    assert response.json()["output"] == OK_TEXT
    found = decision_of(client, response)
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["upstream_error", "ok"]
    assert [attempt["number"] for attempt in found["attempts"]] == [1, 2]
    assert found["reason"] == "below_threshold"
    costs = [attempt["nano_usd"] for attempt in found["attempts"]]
    assert costs == [0, SMALL_NANO]
    assert found["cost"]["nano_usd"] == sum(costs)
    after = service.ledger()
    assert after.entries == before.entries + 2
    assert after.cost_nano == before.cost_nano + SMALL_NANO


def test_an_attempt_that_was_given_up_costs_what_is_likely_as_assumed(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.settled()
    upstream.play("hang", "ok")
    response = client.post("/complete", json=ask(route="spare-2", max_output_tokens=50))
    first, second = decision_of(client, response)["attempts"]
    assert (first["usage_source"], second["usage_source"]) == ("assumed", "provider")
    assert first["usage"]["output_tokens"] == 50
    assert 50 * 400 < first["nano_usd"] < first["held_nano_usd"]
    cost = first["nano_usd"] + second["nano_usd"]
    assert decision_of(client, response)["cost"]["nano_usd"] == cost
    assert service.ledger().cost_nano == before.cost_nano + cost


def test_an_answer_that_was_given_up_is_not_assumed_to_be_longer_than_most(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("hang")
    response = client.post("/complete", json=ask(route="once", tier="large", max_output_tokens=50_000))
    (attempt,) = failed_decision(client, response)["attempts"]
    assert attempt["usage"]["output_tokens"] == 1_024


def test_the_cost_that_complete_answers_is_the_decisions_and_not_the_last_attempts(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("hang", "ok")
    response = client.post("/complete", json=ask(route="spare-2", max_output_tokens=50))
    assert response.json()["cost"]["nano_usd"] == decision_of(client, response)["cost"]["nano_usd"]
    upstream.play("hang", "ok")
    answered = client.post(CHAT, json=chat(model="spare-2", max_tokens=50))
    found = client.get(f"/v1/decisions/{answered.headers['x-pennyroute-decision-id']}").json()
    assert answered.headers["x-pennyroute-cost-usd"] == found["cost"]["usd"]
    upstream.play("hang", "ok")
    streamed = client.post("/complete", json=ask(route="spare-2", max_output_tokens=50, stream=True))
    body = events_of(streamed.text)[-1][1]
    found = client.get(f"/v1/decisions/{body['decision']['id']}").json()
    assert body["cost"]["nano_usd"] == found["cost"]["nano_usd"]


def test_a_small_model_that_fails_twice_falls_back_to_the_large_one(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("500", "500", "ok")
    response = client.post("/complete", json=ask(route="spare-3"))
    decision = response.json()["decision"]
    assert (decision["tier"], decision["model"], decision["reason"]) == ("large", "large-3", "fallback")
    found = decision_of(client, response)
    assert [attempt["model"] for attempt in found["attempts"]] == ["small-3", "small-3", "large-3"]
    assert [attempt["tier"] for attempt in found["attempts"]] == ["small", "small", "large"]
    assert (found["chosen_model"], found["chosen_tier"]) == ("small-3", "small")
    assert found["chosen_reason"] == "below_threshold"
    assert found["cost"]["nano_usd"] == LARGE_NANO
    assert [seen.body["model"] for seen in upstream.seen] == ["tiny-1", "tiny-1", "big-1"]


def test_a_stream_falls_back_as_long_as_nothing_was_passed_on(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("error-first", "500", "ok")
    response = client.post(CHAT, json=chat(model="spare-4", stream=True))
    assert response.headers["x-pennyroute-reason"] == "fallback"
    assert response.headers["x-pennyroute-model"] == "large-4"
    assert response.text.endswith("data: [DONE]\n\n")


def test_a_forced_tier_does_not_fall_back_to_the_other(client: httpx.Client, upstream: OpenAIWire) -> None:
    upstream.play("500", "500", "500")
    response = client.post("/complete", json=ask(route="spare-5", tier="small"))
    error_of(response, 502, "upstream_failed")
    assert {seen.body["model"] for seen in upstream.seen} == {"tiny-1"}


def test_fallbacks_are_tried_in_order(client: httpx.Client, upstream: OpenAIWire) -> None:
    upstream.play("401", "401", "ok")
    response = client.post("/complete", json=ask(route="patient"))
    assert response.json()["decision"]["reason"] == "fallback"
    found = decision_of(client, response)
    models = [attempt["model"] for attempt in found["attempts"]]
    assert models[:2] == ["small-0", "large-0"]
    assert models[-1] == "does-slow"
    assert set(models[2:-1]) == {"gone"}


def test_nobody_else_is_tried_with_what_is_the_requests_own_fault(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("400", "ok")
    assert client.post("/complete", json=ask(route="patient")).status_code == 400
    assert len(upstream.seen) == 1


def test_one_attempt_is_one_attempt(client: httpx.Client, upstream: OpenAIWire) -> None:
    upstream.play("500")
    response = client.post("/complete", json=ask(route="once"))
    error_of(response, 502, "upstream_failed")
    assert len(upstream.seen) == 1
    found = failed_decision(client, response)
    assert found["status"] == "upstream_error"
    assert len(found["attempts"]) == 1


def test_retries_and_fallbacks_share_one_budget(client: httpx.Client, upstream: OpenAIWire) -> None:
    upstream.play(*["500"] * 10)
    error_of(client.post("/complete", json=ask(route="spare-6")), 502)
    assert len(upstream.seen) == 3


def test_a_wait_the_provider_asks_for_is_waited_for_when_short(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("429", "ok")
    response = client.post("/complete", json=ask(tier="large"))
    first, second = decision_of(client, response)["attempts"]
    assert (first["outcome"], second["outcome"]) == ("rate_limited", "ok")


def test_a_wait_that_is_too_long_is_told_to_the_caller(client: httpx.Client, upstream: OpenAIWire) -> None:
    upstream.play("429-long")
    response = client.post("/complete", json=ask(HARD))
    error_of(response, 429, "upstream_rate_limited")
    assert response.headers["retry-after"] == "3600"
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("path", ["/complete", CHAT])
@pytest.mark.parametrize(
    "case",
    [
        ("500", 502, "upstream_failed", None),
        ("502", 502, "upstream_failed", None),
        ("garbage", 502, "upstream_failed", None),
        ("not-the-wire", 502, "upstream_failed", None),
        ("half-a-body", 502, "upstream_failed", "assumed"),
        ("reset", 502, "upstream_failed", None),
        ("redirect", 502, "upstream_failed", None),
        ("401", 502, "upstream_misconfigured", None),
        ("429-long", 429, "upstream_rate_limited", None),
        ("hang", 504, "upstream_timeout", "assumed"),
    ],
)
def test_each_way_a_provider_fails_is_an_error_with_the_cost_it_may_have(
    service: Service, client: httpx.Client, path: str, case: tuple[str, int, str, str | None]
) -> None:
    script, status, code, source = case
    before = service.settled()
    body = ask(route=f"once-{script}", tier="small", max_output_tokens=10)
    if path == CHAT:
        body = chat(model=f"once-{script}", metadata={"tier": "small"}, max_tokens=10)
    response = client.post(path, json=body)
    error = error_of(response, status, code)
    assert f"does-{script}" in error["message"]
    assert KEY not in response.text
    (attempt,) = failed_decision(client, response)["attempts"]
    assert attempt["usage_source"] == source
    assert (attempt["nano_usd"] > 0) == (source == "assumed")
    after = service.ledger()
    assert after.cost_nano == before.cost_nano + attempt["nano_usd"]
    assert after.open_holds == 0


def test_a_model_that_is_late_is_not_asked_again_but_the_next_one_is(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("hang", "ok")
    response = client.post("/complete", json=ask(route="spare-8", max_output_tokens=10))
    first, second = decision_of(client, response)["attempts"]
    assert (first["model"], first["outcome"]) == ("small-8", "first_byte_timeout")
    assert (second["model"], second["outcome"]) == ("large-8", "ok")
    upstream.play("hang", "ok")
    late = client.post("/complete", json=ask(route="spare-9", tier="small", max_output_tokens=10))
    error_of(late, 504, "upstream_timeout")
    assert [seen.script for seen in upstream.seen] == ["hang", "ok", "hang"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_breaks_off_before_its_first_byte_is_not_asked_for_again(
    client: httpx.Client, upstream: OpenAIWire, *, stream: bool
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    upstream.clear()
    upstream.say(Spoken([], streamed=True, content_type=kind, reset_at_end=True))
    response = client.post("/complete", json=ask(route="spare-10", stream=stream, max_output_tokens=10))
    error_of(response, 502, "upstream_failed")
    assert response.headers["x-should-retry"] == "false"
    (attempt,) = failed_decision(client, response)["attempts"]
    assert (attempt["outcome"], attempt["usage_source"]) == ("broken_stream", "assumed")
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    ("script", "again"),
    [
        ("500", "true"),
        ("502", "true"),
        ("reset", "true"),
        ("hang", "true"),
        ("garbage", "false"),
        ("not-the-wire", "false"),
        ("redirect", "false"),
        ("half-a-body", "false"),
        ("401", "false"),
    ],
)
def test_a_client_is_told_to_try_again_only_where_that_can_help(
    client: httpx.Client, script: str, again: str
) -> None:
    response = client.post("/complete", json=ask(route=f"once-{script}", tier="small", max_output_tokens=10))
    assert response.headers["x-should-retry"] == again


NO_TEXT = b'{"index": 0, "%s": {"content": "\xff"}, "finish_reason": null}'


@pytest.mark.parametrize("path", ["/complete", CHAT])
@pytest.mark.parametrize("torn", ["whole", "stream", "stream that began"])
def test_an_answer_that_is_no_text_is_booked_and_leaves_nothing_held(
    service: Service, client: httpx.Client, upstream: OpenAIWire, path: str, torn: str
) -> None:
    before = service.settled()
    hello = b'data: {"choices": [{"index": 0, "delta": {"content": "Hello"}, "finish_reason": null}]}\n\n'
    chunk = b'data: {"choices": [' + NO_TEXT % b"delta" + b"]}\n\n"
    if torn == "whole":
        upstream.say(Spoken([b'{"choices": [' + NO_TEXT % b"message" + b"]}"]))
    else:
        pieces = [hello, chunk] if torn == "stream that began" else [chunk]
        upstream.say(Spoken(pieces, streamed=True, content_type="text/event-stream"))
    stream = torn != "whole"
    if path == CHAT:
        body = chat(model="once-torn", metadata={"tier": "small"}, max_tokens=10, stream=stream)
    else:
        body = ask(route="once-torn", tier="small", max_output_tokens=10, stream=stream)
    response = client.post(path, json=body)
    assert "upstream_failed" in response.text
    (attempt,) = failed_decision(client, response)["attempts"]
    expected = ("broken_stream", "counted") if torn == "stream that began" else ("garbage", None)
    assert (attempt["outcome"], attempt["usage_source"]) == expected
    after = service.ledger()
    assert (after.open_holds, after.entries) == (0, before.entries + 1)
    assert after.cost_nano == before.cost_nano + attempt["nano_usd"]
    assert (attempt["nano_usd"] > 0) == (torn == "stream that began")


@pytest.mark.parametrize("path", ["/complete", CHAT])
def test_an_answer_of_no_choices_is_no_success(client: httpx.Client, upstream: OpenAIWire, path: str) -> None:
    upstream.say(Spoken([b'{"id": "c", "object": "chat.completion", "choices": []}']))
    if path == CHAT:
        body = chat(model="once-garbage", metadata={"tier": "small"})
    else:
        body = ask(route="once-garbage", tier="small")
    response = client.post(path, json=body)
    assert error_of(response, 502)["code"] == "upstream_failed"
    (attempt,) = failed_decision(client, response)["attempts"]
    assert attempt["outcome"] == "garbage"


@pytest.mark.parametrize("path", ["/complete", CHAT])
def test_nobody_listening_upstream_is_a_502_and_free(
    service: Service, client: httpx.Client, path: str
) -> None:
    before = service.settled()
    response = client.post(path, json=ask(route="nowhere") if path == "/complete" else chat(model="nowhere"))
    error = error_of(response, 502, "upstream_failed")
    assert "no connection" in error["message"]
    assert response.headers["x-should-retry"] == "true"
    assert service.ledger().cost_nano == before.cost_nano


def test_a_model_that_keeps_failing_is_left_alone(client: httpx.Client, upstream: OpenAIWire) -> None:
    body = ask(route="sick-small", tier="small")
    codes = [client.post("/complete", json=body).json()["error"]["code"] for _ in range(8)]
    assert set(codes) == {"upstream_failed"}
    assert len(upstream.seen) == 8
    response = client.post("/complete", json=body)
    error = error_of(response, 503, "upstream_busy")
    assert "sick" in error["message"]
    assert int(response.headers["retry-after"]) >= 1
    assert len(upstream.seen) == 8
    metrics = client.get("/metrics").text
    assert 'pennyroute_circuit_closed{model="sick"} 0.0' in metrics
    assert client.post("/complete", json=ask()).status_code == 200


def test_usage_of_zeros_is_not_believed(client: httpx.Client) -> None:
    cost = client.post(CHAT, json=chat(model="does-usage-zero"))
    found = client.get(f"/v1/decisions/{cost.headers['x-pennyroute-decision-id']}").json()
    assert found["attempts"][0]["usage_source"] == "counted"
    assert found["cost"]["nano_usd"] > 0


def test_what_was_served_is_recorded(client: httpx.Client) -> None:
    answered = client.post(CHAT, json=chat(model="does-tier"))
    found = client.get(f"/v1/decisions/{answered.headers['x-pennyroute-decision-id']}").json()
    (attempt,) = found["attempts"]
    assert attempt["served_model"] == "other-model-2026"
    assert attempt["service_tier"] == "flex"


def test_the_metrics_count_answers_and_refusals(client: httpx.Client, upstream: OpenAIWire) -> None:
    client.post("/complete", json=ask(EASY))
    upstream.play("429-long")
    client.post("/complete", json=ask(HARD))
    text = client.get("/metrics").text
    assert 'pennyroute_refusals_total{code="upstream_rate_limited"}' in text
    assert 'pennyroute_completions_total{model="tiny",reason="below_threshold"' in text
    assert "pennyroute_cost_nano_usd_total" in text
