"""`POST /v1/chat/completions`: the OpenAI wire, passed through both ways."""

import json
from typing import Any

import httpx
import pytest

from tests.http.config import EASY, HARD, KEY, chat
from tests.http.wire import error_of, events_of, nano
from tests.service import Service
from tests.upstreams.answers import OK_TEXT
from tests.upstreams.openai_wire import OpenAIWire

JSON = {"content-type": "application/json"}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PATH = "/v1/chat/completions"


def chunks_of(text: str) -> list[dict[str, Any]]:
    return [data for name, data in events_of(text) if name == "message" and data != "[DONE]"]


def test_a_field_nobody_knows_arrives_upstream_byte_for_byte(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    odd = b'"x_vendor" : {"a": [1.50, 1e3, "h\\u00e9", null],  "deep": {"b" :true}}'
    seed = b'"seed": 12345678901234567890123'
    body = b'{"model": "auto", %b, %b, "messages": [{"role": "user", "content": "hi"}]}' % (odd, seed)
    assert client.post(PATH, content=body, headers=JSON).status_code == 200
    sent = upstream.seen[-1].text
    assert '{"a": [1.50, 1e3, "h\\u00e9", null],  "deep": {"b" :true}}' in sent
    assert "12345678901234567890123" in sent
    assert sent.count('"messages"') == 1


def test_every_field_of_openais_is_passed_on_as_it_came(client: httpx.Client, upstream: OpenAIWire) -> None:
    more: dict[str, Any] = {
        "temperature": 0.3,
        "top_p": 0.9,
        "seed": 7,
        "stop": ["\n"],
        "logit_bias": {"50256": -100},
        "presence_penalty": 0.1,
        "user": "u",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_object"},
        "reasoning_effort": "low",
        "metadata": {"team": "legal", "anything": "else"},
        "max_completion_tokens": 50,
        "logprobs": True,
        "top_logprobs": 2,
        "n": 2,
        "service_tier": "auto",
    }
    assert client.post(PATH, json=chat(**more)).status_code == 200
    sent = upstream.seen[-1].body
    assert {name: sent[name] for name in more} == more
    assert sent["model"] == "tiny-1"
    assert sent["messages"] == [{"role": "user", "content": EASY}]


def test_what_the_provider_answers_comes_back_byte_for_byte(client: httpx.Client) -> None:
    body = client.post(PATH, json=chat())
    assert body.json()["x_vendor"] == {"kept": True}
    assert body.json()["id"] == "chatcmpl-test"
    assert body.text.startswith('{"id": "chatcmpl-test", "object": "chat.completion", ')
    assert body.json()["usage"] == {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}


def test_the_callers_own_key_and_headers_do_not_go_upstream(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    headers = {"authorization": "Bearer callers-own", "cookie": "a=b", "x-pennyroute-team": "t"}
    assert client.post(PATH, json=chat(), headers=headers).status_code == 200
    sent = {name.lower(): value for name, value in upstream.seen[-1].headers.items()}
    assert sent["authorization"] == f"Bearer {KEY}"
    assert "cookie" not in sent
    assert not any(name.startswith("x-pennyroute") for name in sent)


@pytest.mark.parametrize(
    ("model", "route"),
    [("auto", "default"), ("default", "default"), ("once", "once"), ("support/tier-1",) * 2],
)
def test_model_names_a_route(client: httpx.Client, model: str, route: str) -> None:
    response = client.post(PATH, json=chat(model=model))
    assert response.headers["x-pennyroute-route"] == route
    assert response.headers["x-pennyroute-model"] == "tiny"


def test_a_models_own_name_goes_straight_to_it_unrouted_but_recorded(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.settled()
    response = client.post(PATH, json=chat(model="big"))
    assert upstream.seen[-1].body["model"] == "big-1"
    assert response.headers["x-pennyroute-reason"] == "direct"
    assert response.headers["x-pennyroute-route"] == "big"
    assert "x-pennyroute-difficulty" not in response.headers
    found = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert found["difficulty"] is None
    assert found["threshold"] is None
    assert found["cost"]["nano_usd"] == 9 * 2_000 + 9 * 10_000
    assert service.ledger().cost_nano == before.cost_nano + found["cost"]["nano_usd"]


def test_decision_and_cost_ride_in_headers(client: httpx.Client) -> None:
    headers = client.post(PATH, json=chat()).headers
    assert headers["x-pennyroute-decision-id"].startswith("dec_")
    assert headers["x-pennyroute-route"] == "default"
    assert headers["x-pennyroute-tier"] == "small"
    assert headers["x-pennyroute-model"] == "tiny"
    assert headers["x-pennyroute-reason"] == "below_threshold"
    assert 0 <= float(headers["x-pennyroute-difficulty"]) < 0.12
    assert nano(headers["x-pennyroute-cost-usd"]) == 9 * 100 + 9 * 400
    large = client.post(PATH, json=chat(HARD)).headers
    assert (large["x-pennyroute-tier"], large["x-pennyroute-reason"]) == ("large", "at_or_above_threshold")


def test_labels_come_from_headers_or_from_metadata_and_headers_win(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    headers = {
        "x-pennyroute-team": "h-team",
        "x-pennyroute-feature": "h-feature",
        "x-pennyroute-user": "ü-user",
    }
    metadata = {"team": "m-team", "session": "m-session", "note": "free"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    response = client.post(PATH, json=chat(metadata=metadata), headers=encoded)
    labels = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()["labels"]
    assert labels["team"] == "h-team"
    assert labels["feature"] == "h-feature"
    assert labels["user"] == "ü-user"
    assert labels["session"] == "m-session"
    assert upstream.seen[-1].body["metadata"] == metadata


@pytest.mark.parametrize(
    "given",
    [{"headers": {"x-pennyroute-tier": "large"}}, {"json": chat(metadata={"tier": "large"})}],
    ids=["by header", "by metadata"],
)
def test_a_tier_is_forced_by_header_or_metadata(client: httpx.Client, given: dict[str, Any]) -> None:
    headers = client.post(PATH, **({"json": chat()} | given)).headers
    assert (headers["x-pennyroute-model"], headers["x-pennyroute-reason"]) == ("big", "forced")


def test_a_tier_that_does_not_exist_is_refused(client: httpx.Client, upstream: OpenAIWire) -> None:
    error = error_of(client.post(PATH, json=chat(), headers={"x-pennyroute-tier": "huge"}), 400)
    assert "small or large" in error["message"]
    assert upstream.seen == []


def test_tools_go_to_the_model_that_takes_them_and_their_calls_come_back(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    response = client.post(PATH, json=chat("What is the weather?", tools=[TOOL]))
    assert response.headers["x-pennyroute-reason"] == "needs_tools"
    assert upstream.seen[-1].body["tools"] == [TOOL]
    call = response.json()["choices"][0]["message"]["tool_calls"][0]
    assert call["function"] == {"name": "weather", "arguments": '{"city": "Paris"}'}
    assert response.json()["choices"][0]["finish_reason"] == "tool_calls"


def test_a_tools_answer_in_the_conversation_is_passed_on(client: httpx.Client, upstream: OpenAIWire) -> None:
    messages = [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]
    assert client.post(PATH, json={"model": "auto", "messages": messages}).status_code == 200
    assert upstream.seen[-1].body["messages"] == messages


def test_images_go_to_the_model_that_sees_them(client: httpx.Client, upstream: OpenAIWire) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": EASY}, picture]}]
    response = client.post(PATH, json={"model": "auto", "messages": messages})
    assert response.headers["x-pennyroute-reason"] == "needs_vision"
    assert upstream.seen[-1].body["messages"] == messages


def test_json_mode_is_passed_on(client: httpx.Client) -> None:
    response = client.post(PATH, json=chat(response_format={"type": "json_object"}))
    content = response.json()["choices"][0]["message"]["content"]
    assert json.loads(content) == {"answer": OK_TEXT}


def test_n_answers_are_wanted_answered_and_paid_for(client: httpx.Client) -> None:
    response = client.post(PATH, json=chat(n=3))
    assert [choice["index"] for choice in response.json()["choices"]] == [0, 1, 2]
    assert nano(response.headers["x-pennyroute-cost-usd"]) == 9 * 100 + 27 * 400


def test_logprobs_come_back(client: httpx.Client) -> None:
    response = client.post(PATH, json=chat(logprobs=True))
    assert response.json()["choices"][0]["logprobs"]["content"][0]["token"] == "The"


def test_a_stream_passes_through_with_one_id_and_ends_in_done(client: httpx.Client) -> None:
    response = client.post(PATH, json=chat(stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    chunks = chunks_of(response.text)
    assert {chunk["id"] for chunk in chunks} == {"chatcmpl-test"}
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks).strip() == OK_TEXT
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert response.text.endswith("data: [DONE]\n\n")
    assert response.text.count("[DONE]") == 1


def test_a_streams_decision_rides_in_headers_and_its_cost_in_a_comment_before_done(
    client: httpx.Client,
) -> None:
    response = client.post(PATH, json=chat(stream=True))
    assert response.headers["x-pennyroute-tier"] == "small"
    assert "x-pennyroute-cost-usd" not in response.headers
    (before, after) = events_of(response.text)[-2:]
    assert after == ("message", "[DONE]")
    assert before[0] == "comment"
    said = json.loads(before[1].removeprefix("pennyroute "))
    assert said["decision_id"] == response.headers["x-pennyroute-decision-id"]
    assert said["cost"]["nano_usd"] == 9 * 100 + 9 * 400
    assert said["cost"]["usd"] == "0.0000045"
    assert said["usage"]["output_tokens"] == 9
    found = client.get(f"/v1/decisions/{said['decision_id']}").json()
    assert found["cost"]["nano_usd"] == said["cost"]["nano_usd"]
    assert b"}\ndata: [DONE]" in response.content, (
        "in the event of [DONE]: an empty one is data to some clients"
    )


@pytest.mark.parametrize(
    ("options", "shown"),
    [(None, False), ({"include_usage": False}, False), ({"include_usage": True}, True)],
)
def test_usage_is_asked_for_upstream_and_its_chunk_hidden_unless_the_caller_asked(
    client: httpx.Client, upstream: OpenAIWire, options: dict[str, bool] | None, *, shown: bool
) -> None:
    more: dict[str, Any] = {} if options is None else {"stream_options": options}
    response = client.post(PATH, json=chat(stream=True, **more))
    assert upstream.seen[-1].body["stream_options"]["include_usage"] is True
    usage = [chunk for chunk in chunks_of(response.text) if not chunk["choices"]]
    assert bool(usage) == shown
    if shown:
        assert usage[0]["usage"]["completion_tokens"] == 9


def test_other_stream_options_are_passed_on(client: httpx.Client, upstream: OpenAIWire) -> None:
    client.post(PATH, json=chat(stream=True, stream_options={"include_obfuscation": False}))
    sent = upstream.seen[-1].body["stream_options"]
    assert sent == {"include_obfuscation": False, "include_usage": True}


@pytest.mark.parametrize("script", ["crlf", "gzip", "usage-missing", "reasoning"])
def test_a_stream_comes_through_however_it_is_cut(client: httpx.Client, script: str) -> None:
    response = client.post(PATH, json=chat(model=f"does-{script}", stream=True))
    chunks = chunks_of(response.text.replace("\r\n", "\n"))
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks).strip() == OK_TEXT
    assert response.text.endswith("data: [DONE]\n\n")
    if script == "reasoning":
        assert any("reasoning_content" in c["choices"][0]["delta"] for c in chunks)


def test_an_answer_that_comes_whole_though_a_stream_was_asked_is_told_as_a_stream(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    upstream.play("json-for-stream")
    response = client.post(PATH, json=chat(stream=True))
    chunks = chunks_of(response.text)
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks) == OK_TEXT
    assert response.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("script", ["half", "half-reset", "half-a-body", "error-midway", "hang-midway"])
def test_a_stream_that_breaks_ends_in_an_error_and_never_in_done(client: httpx.Client, script: str) -> None:
    response = client.post(PATH, json=chat(model=f"does-{script}", stream=True))
    assert response.status_code == 200
    assert "[DONE]" not in response.text
    *chunks, last = chunks_of(response.text)
    assert chunks
    assert set(last) == {"error"}
    assert set(last["error"]) == {"message", "type", "param", "code"}
    found = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert found["cost"]["nano_usd"] > 0
    assert len(found["attempts"]) == 1


def test_a_stream_that_fails_before_its_first_chunk_is_an_error_status_and_not_a_200(
    client: httpx.Client,
) -> None:
    response = client.post(PATH, json=chat(model="once-error-first", stream=True, metadata={"tier": "small"}))
    error = error_of(response, 502, "upstream_failed")
    assert "overloaded" in error["message"]


@pytest.mark.parametrize(("asked", "meant"), [("defualt", "default"), ("bigg", "big"), ("autoo", "auto")])
def test_an_unknown_model_is_404_with_a_suggestion(client: httpx.Client, asked: str, meant: str) -> None:
    response = client.post(PATH, json=chat(model=asked))
    error = error_of(response, 404, "model_not_found")
    assert error["param"] == "model"
    assert f'did you mean "{meant}"?' in error["message"]
    assert response.headers["x-should-retry"] == "false"


def test_what_the_provider_refuses_comes_back_in_its_own_words_and_status(client: httpx.Client) -> None:
    response = client.post(PATH, json=chat(model="does-400"))
    assert response.status_code == 400
    assert response.json() == {
        "error": {
            "message": "temperature is too hot",
            "type": "invalid_request_error",
            "param": "temperature",
        }
    }
    assert response.headers["x-should-retry"] == "false"


def test_the_models_that_can_be_asked_for_are_listed(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    kinds = {model["id"]: model["kind"] for model in listed["data"]}
    assert kinds["auto"] == kinds["default"] == kinds["support/tier-1"] == "route"
    assert kinds["tiny"] == kinds["big"] == "model"
    one = client.get("/v1/models/support/tier-1").json()
    assert (one["id"], one["small"], one["large"]) == ("support/tier-1", "tiny", "big")
    error_of(client.get("/v1/models/none-such"), 404, "model_not_found")


def test_the_routes_caps_hold_here_too(client: httpx.Client, upstream: OpenAIWire) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        client.post(PATH, json=chat(model="capped") | {name: 500})
        sent = upstream.seen[-1].body
        assert sent.get(name) == 20
    client.post(PATH, json=chat(model="capped"))
    sent = upstream.seen[-1].body
    assert 20 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    error_of(client.post(PATH, json=chat("word " * 200, model="capped")), 413, "context_too_long")


def test_a_capped_models_n_answers_are_held_at_n_times_the_cap(client: httpx.Client) -> None:
    response = client.post(PATH, json=chat(model="capped", n=4))
    (attempt,) = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()[
        "attempts"
    ]
    assert attempt["held_nano_usd"] >= 4 * 20 * 400


@pytest.mark.parametrize("path", [PATH, "/complete"])
def test_a_stream_is_passed_on_as_it_comes(client: httpx.Client, upstream: OpenAIWire, path: str) -> None:
    upstream.play("slow")
    body = chat(stream=True) if path == PATH else {"query": EASY, "stream": True}
    with client.stream("POST", path, json=body) as response:
        first = next(response.iter_text())
        assert not upstream.seen[0].answered
    assert "data: " in first


def test_of_a_key_that_comes_twice_the_last_is_scored_and_sent_and_the_first_is_not(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    first = '"messages": [{"role": "user", "content": "the first one"}], "stream": true'
    last = '"messages": [{"role": "user", "content": "the last"}], "stream": false'
    response = client.post(
        PATH, content=f'{{"model": "big", {first}, "model": "auto", {last}}}', headers=JSON
    )
    assert response.json()["object"] == "chat.completion"
    assert upstream.seen[-1].text.count('"messages"') == 1
    assert upstream.seen[-1].body["messages"] == [{"role": "user", "content": "the last"}]
    assert upstream.seen[-1].body["model"] == "tiny-1"
    found = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert found["inputs"]["text_chars"] == len("the last")
