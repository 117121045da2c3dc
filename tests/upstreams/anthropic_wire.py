"""A real HTTP upstream that speaks Anthropic's wire (POST /v1/messages) and misbehaves on request.

Used as `OpenAIWire` is; its `root_url` is what a client takes as base URL.
"""

import json
from collections.abc import Iterator
from typing import Any

from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire

SCRIPTS = {
    "ok": "a whole answer, or a stream, with usage",
    "cached": "50 plain, 600 read from a cache, 200 written for 5 minutes and 100 for an hour",
    "length": "stop_reason max_tokens",
    "thinking": "a thinking block before the text",
    "400": "the caller's fault",
    "401": "our key is wrong; the body echoes it",
    "403": "not allowed",
    "404": "no such model",
    "429": "rate limited, retry-after 7",
    "500": "an error of the server",
    "529": "overloaded",
    "redirect": "302 to somewhere else",
    "garbage": "200 and not JSON",
    "error-first": "a stream whose first event is an error",
    "error-midway": "a stream that breaks off with an error event",
    "half": "a stream that ends before its stop",
    "half-reset": "a stream whose connection is reset",
    "hang": "nothing for 30 s",
    "hang-midway": "half a stream, then nothing for 30 s",
    "reset": "the connection is reset before any answer",
    "slow": "the events come 0.1 s apart",
    "usage-missing": "no usage at all",
}

TEXT = "The quick brown fox jumps over the lazy dog."
THOUGHT = "Let me think about foxes."

_ERRORS = {
    "400": (400, "invalid_request_error", "max_tokens: must be positive"),
    "401": (401, "authentication_error", "invalid x-api-key sk-ant-test-secret"),
    "403": (403, "permission_error", "not for you"),
    "404": (404, "not_found_error", "model: tiny"),
    "429": (429, "rate_limit_error", "slow down"),
    "500": (500, "api_error", "it broke"),
    "529": (529, "overloaded_error", "Overloaded"),
}


class AnthropicWire(OpenAIWire):
    """The upstream; enter it to start it on a free loopback port."""

    chat_path = "/v1/messages"
    scripts = SCRIPTS

    def speak(self, script: str, body: dict[str, Any]) -> Spoken:
        """What a script answers to a body."""
        if script in _ERRORS:
            status, kind, message = _ERRORS[script]
            spoken = Spoken([json.dumps(_error(kind, message)).encode()], status=status)
            spoken.headers = {"request-id": "req_ant"} | ({"retry-after": "7"} if script == "429" else {})
            return spoken
        fixed = {
            "reset": Spoken([b""], reset_at_once=True),
            "redirect": Spoken([b""], status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
            "garbage": Spoken([b"<html>"], content_type="text/html"),
            "hang": Spoken([b"{}"], wait_s=30),
        }
        if script in fixed:
            return fixed[script]
        return _stream(script, body) if body.get("stream") else _whole(script, body)


def _error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_ant"}


def _usage(script: str) -> dict[str, Any]:
    if script == "usage-missing":
        return {}
    usage: dict[str, Any] = {"input_tokens": 12, "output_tokens": 9, "service_tier": "standard"}
    if script == "cached":
        usage |= {
            "input_tokens": 50,
            "cache_read_input_tokens": 600,
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
        }
    return usage


def _blocks(script: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    if body.get("tools"):
        name = body["tools"][0]["name"]
        return [{"type": "tool_use", "id": "toolu_1", "name": name, "input": {"city": "Paris"}}]
    text = {"type": "text", "text": TEXT}
    if script == "thinking":
        return [{"type": "thinking", "thinking": THOUGHT, "signature": "sig"}, text]
    return [text]


def _stop(script: str, blocks: list[dict[str, Any]]) -> str:
    if script == "length":
        return "max_tokens"
    return "tool_use" if blocks[0]["type"] == "tool_use" else "end_turn"


def _frame(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": str(body.get("model", "")).partition("@")[0],
        "stop_sequence": None,
    }


def _whole(script: str, body: dict[str, Any]) -> Spoken:
    blocks = _blocks(script, body)
    answer = _frame(body) | {"content": blocks, "stop_reason": _stop(script, blocks)}
    return Spoken([json.dumps(answer | {"usage": _usage(script)}).encode()])


def _event(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n".encode()


def _parts(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "tool_use":
        text = json.dumps(block["input"])
        for piece in (text[:5], text[5:]):
            yield {"type": "input_json_delta", "partial_json": piece}
    elif block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        for word in block["text"].split(" "):
            yield {"type": "text_delta", "text": word + " "}


def _events(script: str, body: dict[str, Any]) -> Iterator[bytes]:
    blocks = _blocks(script, body)
    usage = _usage(script)
    begun = usage | {"output_tokens": 1} if usage else {}
    yield _event("message_start", message=_frame(body) | {"content": [], "stop_reason": None, "usage": begun})
    yield _event("ping")
    for index, block in enumerate(blocks):
        empty: dict[str, Any] = {"input": {}} if block["type"] == "tool_use" else {block["type"]: ""}
        yield _event("content_block_start", index=index, content_block=block | empty)
        for delta in _parts(block):
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ended = {"output_tokens": usage["output_tokens"]} if usage else {}
    delta = {"stop_reason": _stop(script, blocks), "stop_sequence": None}
    yield _event("message_delta", delta=delta, usage=ended)
    yield _event("message_stop")


def _stream(script: str, body: dict[str, Any]) -> Spoken:
    pieces = list(_events(script, body))
    spoken = Spoken(pieces, streamed=True, content_type="text/event-stream")
    half = pieces[: len(pieces) // 2]
    error = _event("error", error={"type": "overloaded_error", "message": "Overloaded sk-ant-test-secret"})
    if script == "error-first":
        spoken.pieces = [error]
    if script == "error-midway":
        spoken.pieces = [*half, error]
    if script in ("half", "half-reset"):
        spoken.pieces, spoken.reset_at_end = half, script == "half-reset"
    if script == "hang-midway":
        spoken.pause_before_piece, spoken.pause_s = len(half), 30
    if script == "slow":
        spoken.gap_s = 0.1
    return spoken
