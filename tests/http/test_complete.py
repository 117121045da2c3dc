"""`POST /complete`: what it answers, and what it passes on."""

from typing import Any

import httpx
import pytest

from tests.http.config import EASY, HARD, ask
from tests.http.wire import error_of, events_of, nano
from tests.service import Service
from tests.upstreams.answers import OK_TEXT
from tests.upstreams.openai_wire import OpenAIWire

TALK = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Hello, who are you?"},
    {"role": "assistant", "content": "A test."},
    {"role": "user", "content": EASY},
]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}


def test_a_query_is_answered_with_everything_about_its_decision_and_cost(client: httpx.Client) -> None:
    response = client.post("/complete", json=ask())
    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["id", "output", "finish_reason", "usage", "decision", "cost"]
    assert body["id"].startswith("cmp_")
    assert body["output"] == OK_TEXT
    assert body["finish_reason"] == "stop"
    assert body["usage"] == {
        "input_tokens": 9,
        "output_tokens": 9,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
    }
    decision = body["decision"]
    assert decision["id"].startswith("dec_")
    assert (decision["route"], decision["tier"], decision["model"]) == ("default", "small", "tiny")
    assert 0 <= decision["difficulty"] < decision["threshold"] == 0.12
    assert decision["threshold_version"] == 1
    assert decision["reason"] == "below_threshold"
    assert "below the threshold 0.12" in decision["explanation"]


def test_the_explanation_names_what_pushed_the_score_up_and_down(client: httpx.Client) -> None:
    explanation = client.post("/complete", json=ask(HARD)).json()["decision"]["explanation"]
    assert "raised by" in explanation.lower()
    assert "lowered by" in explanation.lower()


def test_a_hard_query_goes_to_the_large_model(client: httpx.Client, upstream: OpenAIWire) -> None:
    decision = client.post("/complete", json=ask(HARD)).json()["decision"]
    assert (decision["tier"], decision["model"]) == ("large", "big")
    assert decision["reason"] == "at_or_above_threshold"
    assert decision["difficulty"] >= decision["threshold"]
    assert [seen.body["model"] for seen in upstream.seen] == ["big-1"]


def test_the_cost_is_tokens_times_price_to_the_nano_dollar(client: httpx.Client) -> None:
    small = client.post("/complete", json=ask()).json()["cost"]
    assert small["nano_usd"] == 9 * 100 + 9 * 400
    assert small["usd"] == "0.0000045"
    assert nano(small["baseline_usd"]) == 9 * 2_000 + 9 * 10_000
    assert small["baseline"] == "the large model at the same tokens"
    assert small["usage_source"] == "provider"


@pytest.mark.parametrize("text", [EASY, HARD])
def test_savings_are_baseline_minus_cost_in_exact_decimal_strings(client: httpx.Client, text: str) -> None:
    cost = client.post("/complete", json=ask(text)).json()["cost"]
    assert nano(cost["usd"]) == cost["nano_usd"]
    assert nano(cost["savings_usd"]) == nano(cost["baseline_usd"]) - cost["nano_usd"]
    assert (text == HARD) == (nano(cost["savings_usd"]) == 0)


def test_cached_and_reasoning_tokens_are_told_and_priced(client: httpx.Client, upstream: OpenAIWire) -> None:
    upstream.play("usage-cached")
    body = client.post("/complete", json=ask(HARD)).json()
    assert body["usage"] == {
        "input_tokens": 1000,
        "output_tokens": 90,
        "cached_input_tokens": 600,
        "reasoning_tokens": 40,
    }
    assert body["cost"]["nano_usd"] == 400 * 2_000 + 600 * 200 + 90 * 10_000


def test_where_no_usage_is_stated_it_is_counted_and_said_to_be(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("usage-missing")
    body = client.post("/complete", json=ask()).json()
    assert body["cost"]["usage_source"] == "counted"
    assert body["usage"]["output_tokens"] > 0
    assert body["cost"]["nano_usd"] > 0


def test_messages_are_passed_on_byte_for_byte(client: httpx.Client, upstream: OpenAIWire) -> None:
    raw = '{"messages": [ {"role":"user", "content":"h\\u00e9",  "name":"x", "odd": 1.50} ]}'
    response = client.post("/complete", content=raw, headers={"content-type": "application/json"})
    assert response.status_code == 200
    sent = '"messages":[ {"role":"user", "content":"h\\u00e9",  "name":"x", "odd": 1.50} ]'
    assert sent in upstream.seen[-1].text


def test_a_conversation_is_scored_by_its_last_user_turn(client: httpx.Client) -> None:
    decision = client.post("/complete", json={"messages": TALK}).json()["decision"]
    found = client.get(f"/v1/decisions/{decision['id']}").json()
    assert decision["tier"] == "small"
    assert found["inputs"]["text_chars"] == len(EASY)
    assert found["inputs"]["turns"] == 4
    assert found["inputs"]["system_chars"] == len("You are brief.")


def test_the_route_is_chosen_by_name(client: httpx.Client) -> None:
    for route in ("default", "once", "support/tier-1"):
        assert client.post("/complete", json=ask(route=route)).json()["decision"]["route"] == route


def test_labels_and_free_form_strings_are_recorded(client: httpx.Client, upstream: OpenAIWire) -> None:
    metadata = {
        "team": "legal",
        "feature": "triage",
        "user": "u-1",
        "session": "s-1",
        "experiment": "prompts",
        "variant": "B",
        "ticket": "T-4711",
        "größe": "🙂 unicode",
    }
    decision = client.post("/complete", json=ask(metadata=metadata)).json()["decision"]
    labels = client.get(f"/v1/decisions/{decision['id']}").json()["labels"]
    extra = labels.pop("extra")
    assert labels | extra == metadata
    assert set(extra) == {"ticket", "größe"}
    assert "metadata" not in upstream.seen[-1].body


def test_label_headers_win_over_metadata(client: httpx.Client) -> None:
    headers = {"x-pennyroute-team": "from-header", "x-pennyroute-session": "s-2"}
    body = ask(metadata={"team": "from-body", "user": "u"})
    decision = client.post("/complete", json=body, headers=headers).json()["decision"]
    labels = client.get(f"/v1/decisions/{decision['id']}").json()["labels"]
    assert (labels["team"], labels["session"], labels["user"]) == ("from-header", "s-2", "u")


@pytest.mark.parametrize(("tier", "text", "model"), [("large", EASY, "big"), ("small", HARD, "tiny")])
def test_a_tier_can_be_forced_both_ways(client: httpx.Client, tier: str, text: str, model: str) -> None:
    decision = client.post("/complete", json=ask(text, tier=tier)).json()["decision"]
    assert (decision["tier"], decision["model"], decision["reason"]) == (tier, model, "forced")
    assert decision["difficulty"] is not None
    by_header = client.post("/complete", json=ask(text), headers={"x-pennyroute-tier": tier}).json()
    assert by_header["decision"]["reason"] == "forced"
    assert by_header["decision"]["tier"] == tier


def test_a_dry_run_decides_and_prices_and_calls_nobody(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.ledger()
    body = client.post("/complete", json=ask(HARD, dry_run=True, max_output_tokens=100)).json()
    assert body["decision"]["tier"] == "large"
    assert body["output"] is None
    assert body["finish_reason"] is None
    assert body["usage"]["output_tokens"] == 100
    assert body["cost"]["nano_usd"] == body["usage"]["input_tokens"] * 2_000 + 100 * 10_000
    assert upstream.seen == []
    assert service.ledger() == before
    assert client.get(f"/v1/decisions/{body['decision']['id']}").status_code == 404


def test_a_dry_run_that_wants_a_stream_is_answered_whole(client: httpx.Client, upstream: OpenAIWire) -> None:
    response = client.post("/complete", json=ask(dry_run=True, stream=True))
    assert response.json()["decision"]["tier"] == "small"
    assert upstream.seen == []


def test_a_stream_is_deltas_and_then_the_same_body_as_unstreamed(client: httpx.Client) -> None:
    response = client.post("/complete", json=ask(stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    *deltas, (name, body) = events_of(response.text)
    assert {kind for kind, _ in deltas} == {"delta"}
    assert all(set(data) == {"text"} for _, data in deltas)
    assert name == "completion"
    assert "".join(data["text"] for _, data in deltas) == body["output"]
    whole = client.post("/complete", json=ask()).json()
    for one in (body, whole):
        one["output"] = one["output"].strip()
        del one["id"], one["decision"]["id"]
    assert body == whole


def test_the_ledger_has_a_streams_cost_before_its_last_event_is_sent(
    service: Service, client: httpx.Client
) -> None:
    before = service.settled()
    with client.stream("POST", "/complete", json=ask(stream=True)) as response:
        for line in response.iter_lines():
            if line == "event: completion":
                break
        after = service.ledger()
    assert after.open_holds == 0
    assert after.entries == before.entries + 1


@pytest.mark.parametrize("script", ["half", "half-reset", "half-a-body", "error-midway", "hang-midway"])
def test_a_stream_that_breaks_ends_in_an_error_event_and_is_priced(client: httpx.Client, script: str) -> None:
    response = client.post("/complete", json=ask(route=f"once-{script}", stream=True, tier="small"))
    events = events_of(response.text)
    assert events[0][0] == "delta"
    name, data = events[-1]
    assert name == "error"
    assert set(data["error"]) == {"message", "type", "param", "code"}
    assert "completion" not in [kind for kind, _ in events]
    found = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert found["status"] in ("broken_stream", "idle_timeout")
    assert found["cost"]["nano_usd"] > 0
    assert found["attempts"][0]["usage_source"] == "counted"
    assert len(found["attempts"]) == 1


def test_the_output_cap_and_the_temperature_go_upstream(client: httpx.Client, upstream: OpenAIWire) -> None:
    client.post("/complete", json=ask(max_output_tokens=33, temperature=0.25))
    sent = upstream.seen[-1].body
    assert 33 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    assert sent["temperature"] == 0.25


@pytest.mark.parametrize(("asked", "sent"), [(500, 20), (7, 7), (None, 20)])
def test_a_routes_output_cap_clamps_what_is_sent_upstream(
    client: httpx.Client, upstream: OpenAIWire, asked: int | None, sent: int
) -> None:
    more: dict[str, Any] = {} if asked is None else {"max_output_tokens": asked}
    decision = client.post("/complete", json=ask(route="capped", **more)).json()["decision"]
    body = upstream.seen[-1].body
    assert sent in (body.get("max_tokens"), body.get("max_completion_tokens"))
    inputs = client.get(f"/v1/decisions/{decision['id']}").json()["inputs"]
    assert inputs["output_tokens"] == sent
    assert inputs["output_clamped"] == (asked == 500)


def test_a_query_over_the_routes_input_cap_is_refused_with_413(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.ledger()
    response = client.post("/complete", json=ask("word " * 200, route="capped"))
    error = error_of(response, 413, "context_too_long")
    assert "'capped'" in error["message"]
    assert "50" in error["message"]
    assert response.headers["x-should-retry"] == "false"
    assert upstream.seen == []
    assert service.ledger() == before


def test_a_route_that_trims_leaves_out_the_oldest_turns_only(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    old = [{"role": role, "content": "filler " * 20} for role in ("user", "assistant") * 3]
    messages = [TALK[0], *old, {"role": "user", "content": EASY}]
    decision = client.post("/complete", json={"messages": messages, "route": "trimmed"}).json()["decision"]
    sent = upstream.seen[-1].body["messages"]
    assert sent[0] == TALK[0]
    assert sent[-1] == {"role": "user", "content": EASY}
    assert len(sent) < len(messages)
    inputs = client.get(f"/v1/decisions/{decision['id']}").json()["inputs"]
    assert inputs["trimmed_turns"] == len(messages) - len(sent)
    assert inputs["input_tokens"] <= 50


def test_a_route_that_trims_refuses_when_the_last_turn_alone_is_too_long(client: httpx.Client) -> None:
    error = error_of(client.post("/complete", json=ask("word " * 200, route="trimmed")), 413)
    assert "leaving out older turns cannot help" in error["message"]


def test_a_query_too_long_for_the_small_model_goes_to_the_large_one(client: httpx.Client) -> None:
    decision = client.post("/complete", json=ask("What is this? " + "word " * 3000)).json()["decision"]
    assert (decision["tier"], decision["reason"]) == ("large", "context_too_long")


def test_the_output_asked_for_counts_towards_the_small_models_context(client: httpx.Client) -> None:
    decision = client.post("/complete", json=ask(max_output_tokens=1995)).json()["decision"]
    assert (decision["tier"], decision["reason"]) == ("large", "context_too_long")


def test_a_query_too_long_for_every_model_is_refused_with_413(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    error = error_of(client.post("/complete", json=ask("word " * 120_000)), 413, "context_too_long")
    assert "'big'" in error["message"]
    assert upstream.seen == []


def test_a_query_forced_onto_a_model_it_does_not_fit_is_refused(client: httpx.Client) -> None:
    error = error_of(client.post("/complete", json=ask("word " * 3000, tier="small")), 413)
    assert "'tiny' takes 2000" in error["message"]


def test_images_go_to_the_model_that_sees(client: httpx.Client, upstream: OpenAIWire) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": EASY}, PICTURE]}]
    decision = client.post("/complete", json={"messages": messages}).json()["decision"]
    assert (decision["tier"], decision["reason"]) == ("large", "needs_vision")
    assert upstream.seen[-1].body["messages"] == messages


def test_a_route_that_stores_prompts_keeps_messages_and_output(client: httpx.Client) -> None:
    for stream in (False, True):
        response = client.post("/complete", json=ask(route="kept", stream=stream))
        body = events_of(response.text)[-1][1] if stream else response.json()
        found = client.get(f"/v1/decisions/{body['decision']['id']}").json()
        assert found["messages"] == [{"role": "user", "content": EASY}]
        assert found["explanation"] == body["decision"]["explanation"]
        assert found["output"] == body["output"]


def test_no_other_route_stores_what_was_said(service: Service, client: httpx.Client) -> None:
    secret = "The codeword is xylophone-7."
    for stream in (False, True):
        response = client.post("/complete", json=ask(secret, stream=stream))
        body = events_of(response.text)[-1][1] if stream else response.json()
        found = client.get(f"/v1/decisions/{body['decision']['id']}").json()
        assert "messages" not in found
        assert "output" not in found
        assert "xylophone" not in client.get(f"/v1/decisions/{body['decision']['id']}").text
        assert OK_TEXT[:19] not in client.get(f"/v1/decisions/{body['decision']['id']}").text
    files = [path for path in service.data_dir.rglob("*") if path.is_file()]
    assert files
    assert not any(b"xylophone" in path.read_bytes() for path in files)


def test_a_decision_can_be_looked_up_with_its_attempt_and_cost(client: httpx.Client) -> None:
    body = client.post("/complete", json=ask()).json()
    found = client.get(f"/v1/decisions/{body['decision']['id']}").json()
    assert found["id"] == body["decision"]["id"]
    assert found["status"] == "ok"
    assert found["finish_reason"] == "stop"
    assert found["cost"] == {"usd": body["cost"]["usd"], "nano_usd": body["cost"]["nano_usd"]}
    (attempt,) = found["attempts"]
    assert attempt["model"] == "tiny"
    assert attempt["served_model"] == "tiny-1"
    assert attempt["outcome"] == "ok"
    assert attempt["nano_usd"] == body["cost"]["nano_usd"]
    assert attempt["held_nano_usd"] >= attempt["nano_usd"]
    assert attempt["price_book"]
    assert attempt["latency_ms"] >= 0
    assert found["explanation"].startswith("Difficulty")
    assert {factor["name"] for factor in found["factors"]}


def test_a_finish_reason_comes_through_in_the_providers_word(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("length")
    assert client.post("/complete", json=ask()).json()["finish_reason"] == "length"


def test_the_cost_of_a_minute_of_traffic_is_the_sum_the_ledger_has(
    service: Service, client: httpx.Client
) -> None:
    before = service.settled()
    costs = [client.post("/complete", json=ask(text)).json()["cost"]["nano_usd"] for text in (EASY, HARD) * 3]
    after = service.ledger()
    assert after.cost_nano - before.cost_nano == sum(costs)
    assert after.entries - before.entries == 6
