"""What the scripted OpenAI-wire upstream says: one script, one way of answering or failing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SCRIPTS = {
    "ok": "a whole answer with usage",
    "slow": "the answer comes in pieces, 0.1 s apart (not streamed: after 0.5 s)",
    "429": "rate limited, Retry-After 1",
    "429-long": "rate limited, Retry-After 3600",
    "500": "an error of the server",
    "502": "an error page of a gateway, in HTML",
    "503": "overloaded",
    "400": "the caller's fault",
    "401": "our key is wrong; the body echoes it",
    "402": "our account is empty",
    "404": "no such model",
    "redirect": "302 to somewhere else",
    "garbage": "200 and not JSON",
    "not-the-wire": "200, JSON, but no completion",
    "half-a-body": "the connection breaks within a body",
    "half": "a stream that ends before its finish",
    "half-reset": "a stream whose connection is reset",
    "no-done": "a stream with finish_reason but without [DONE]",
    "error-first": "a stream of 200 whose only event is an error",
    "error-midway": "a stream that breaks off with an error event",
    "json-for-stream": "a whole JSON answer though a stream was asked",
    "hang": "nothing for 30 s",
    "hang-midway": "half a stream, then nothing for 30 s",
    "reset": "the connection is reset before any answer",
    "gzip": "a compressed answer",
    "huge-body": "an answer of 8 MiB",
    "crlf": "a stream with \\r\\n line ends, comments and pieces cut anywhere",
    "usage-missing": "",
    "usage-null": "",
    "usage-zero": "",
    "usage-late": "0.3 s after the finish",
    "usage-twice": "growing",
    "usage-good-then-zero": "",
    "usage-negative": "",
    "usage-huge": "",
    "usage-garbage": "",
    "usage-on-finish": "on the last chunk that has choices",
    "usage-cached": "cached, reasoning and audio details",
    "usage-cost": "usage.cost, as OpenRouter states it",
    "tier": "served as another model, with service_tier flex",
    "reasoning": "reasoning_content beside content",
    "length": "finish_reason length",
}

OK_TEXT = "The quick brown fox jumps over the lazy dog."


@dataclass
class Spoken:
    """An answer ready to be sent."""

    pieces: list[bytes]
    status: int = 200
    streamed: bool = False
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=lambda: {"x-request-id": "req_test"})
    wait_s: float = 0.0
    gap_s: float = 0.0
    pause_before_piece: int = -1
    pause_s: float = 0.0
    gzip: bool = False
    reset_at_once: bool = False
    reset_at_end: bool = False


def speak(script: str, body: dict[str, Any]) -> Spoken:
    """What `script` answers to `body`."""
    if script in _REFUSALS:
        return _refusal(script)
    fixed = {
        "reset": Spoken([b""], reset_at_once=True),
        "garbage": Spoken([b"<html>I am a login page"], content_type="text/html"),
        "not-the-wire": Spoken([b'{"hello": "world"}']),
        "hang": Spoken([b"{}"], wait_s=30),
    }
    if script in fixed:
        return fixed[script]
    if body.get("stream") and script != "json-for-stream":
        return _stream(script, body)
    return _whole(script, body)


_REFUSALS = {
    "429": (429, {"message": "slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"}),
    "429-long": (
        429,
        {"message": "quota of the day", "type": "rate_limit_error", "code": "insufficient_quota"},
    ),
    "500": (500, {"message": "it broke", "type": "server_error", "code": None}),
    "503": (503, {"message": "overloaded", "type": "server_error", "code": None}),
    "400": (
        400,
        {"message": "temperature is too hot", "type": "invalid_request_error", "param": "temperature"},
    ),
    "401": (
        401,
        {"message": "wrong key sk-test-secret", "type": "authentication_error", "code": "invalid_api_key"},
    ),
    "402": (
        402,
        {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"},
    ),
    "404": (404, {"message": "no such model", "type": "invalid_request_error", "code": "model_not_found"}),
    "502": (502, {}),
    "redirect": (302, {}),
}


def _refusal(script: str) -> Spoken:
    status, error = _REFUSALS[script]
    spoken = Spoken([json.dumps({"error": error}).encode()], status=status)
    if script.startswith("429"):
        spoken.headers["Retry-After"] = "3600" if script == "429-long" else "1"
    if script == "502":
        spoken.pieces, spoken.content_type = [b"<h1>Bad Gateway</h1>"], "text/html"
    if script == "redirect":
        spoken.headers["Location"] = "http://127.0.0.1:9/elsewhere"
    return spoken


def prompt_tokens(body: dict[str, Any]) -> int:
    """One a word of the messages: simple enough to check by eye."""
    return max(1, len(json.dumps(body.get("messages", [])).split()))


def usage_of(script: str, body: dict[str, Any], output_tokens: int) -> Any:
    """What the script states as usage; `None` for nothing."""
    given = prompt_tokens(body)
    usage: dict[str, Any] = {
        "prompt_tokens": given,
        "completion_tokens": output_tokens,
        "total_tokens": given + output_tokens,
    }
    told: dict[str, Any] = {
        "usage-missing": None,
        "usage-null": None,
        "usage-zero": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        "usage-negative": usage | {"completion_tokens": -5},
        "usage-huge": usage | {"completion_tokens": 10**15},
        "usage-garbage": {"prompt_tokens": "many", "completion_tokens": [1, 2]},
        "usage-cached": {
            "prompt_tokens": 1000,
            "completion_tokens": 90,
            "total_tokens": 1090,
            "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 50},
            "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 10},
        },
        "usage-cost": usage | {"cost": 0.00014325},
    }
    return told.get(script, usage)


def _texts(script: str, body: dict[str, Any]) -> str:
    if script == "huge-body":
        return "x" * (8 << 20)
    if body.get("response_format", {}).get("type") in ("json_object", "json_schema"):
        return json.dumps({"answer": OK_TEXT})
    return OK_TEXT


def _message(script: str, body: dict[str, Any]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": _texts(script, body), "refusal": None}
    if script == "reasoning":
        message["reasoning_content"] = "Let me think about foxes."
    if body.get("tools") and body.get("tool_choice") != "none":
        name = body["tools"][0]["function"]["name"]
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": name, "arguments": '{"city": "Paris"}'},
        }
        message |= {"content": None, "tool_calls": [call]}
    return message


def _finish(script: str, message: dict[str, Any]) -> str:
    if script == "length":
        return "length"
    return "tool_calls" if message.get("tool_calls") else "stop"


def _frame(script: str, body: dict[str, Any], kind: str) -> dict[str, Any]:
    frame: dict[str, Any] = {
        "id": "chatcmpl-test",
        "object": kind,
        "created": 1_790_000_000,
        "model": "other-model-2026" if script == "tier" else str(body.get("model", "")).partition("@")[0],
    }
    if script == "tier":
        frame["service_tier"] = "flex"
    return frame


def _whole(script: str, body: dict[str, Any]) -> Spoken:
    message = _message(script, body)
    choices = [
        {
            "index": index,
            "message": message,
            "finish_reason": _finish(script, message),
            "logprobs": {"content": [{"token": "The", "logprob": -0.1}]} if body.get("logprobs") else None,
        }
        for index in range(body.get("n") or 1)
    ]
    answer = _frame(script, body, "chat.completion") | {"choices": choices, "x_vendor": {"kept": True}}
    usage = usage_of(script, body, 9 * len(choices))
    if script != "usage-missing":
        answer["usage"] = usage
    spoken = Spoken([json.dumps(answer).encode()], gzip=script == "gzip")
    if script == "slow":
        spoken.wait_s = 0.5
    if script == "half-a-body":
        middle = len(spoken.pieces[0]) // 2
        spoken.pieces, spoken.streamed, spoken.reset_at_end = [spoken.pieces[0][:middle]], True, True
    return spoken


def _event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _chunks(script: str, body: dict[str, Any]) -> Iterator[bytes]:
    frame = _frame(script, body, "chat.completion.chunk")
    message = _message(script, body)
    asked = bool((body.get("stream_options") or {}).get("include_usage"))
    nothing: dict[str, Any] = {"usage": None} if asked else {}
    choices = range(body.get("n") or 1)

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(frame | {"choices": [choice]} | nothing)

    for index in choices:
        yield chunk(index, {"role": "assistant", "content": ""})
        for call in message.get("tool_calls", []):
            yield chunk(index, {"tool_calls": [{"index": 0} | call]})
        if script == "reasoning":
            yield chunk(index, {"reasoning_content": message["reasoning_content"]})
        for word in (message["content"] or "").split(" ") if script != "huge-body" else [message["content"]]:
            yield chunk(index, {"content": word + " "})
    usage = usage_of(script, body, 9 * len(choices))
    for index in choices:
        if script == "usage-on-finish":
            nothing = {"usage": usage}
        yield chunk(index, {}, _finish(script, message))
    if asked and usage is not None and script != "usage-on-finish":
        for stated in _statements(script, usage):
            yield _event(frame | {"choices": [], "usage": stated})
    yield b"data: [DONE]\n\n"


def _statements(script: str, usage: dict[str, Any]) -> list[dict[str, Any]]:
    if script == "usage-twice":
        return [usage | {"completion_tokens": 1, "total_tokens": 1}, usage]
    if script == "usage-good-then-zero":
        return [usage, {"prompt_tokens": 0, "completion_tokens": 0}]
    return [usage]


def _stream(script: str, body: dict[str, Any]) -> Spoken:
    pieces = list(_chunks(script, body))
    spoken = Spoken(pieces, streamed=True, content_type="text/event-stream", gzip=script == "gzip")
    half = pieces[: len(pieces) // 2]
    if script == "slow":
        spoken.gap_s = 0.1
    if script in ("half", "half-reset"):
        spoken.pieces, spoken.reset_at_end = half, script == "half-reset"
    if script == "half-a-body":
        spoken.pieces, spoken.reset_at_end = [*half, pieces[len(half)][:20]], True
    if script == "no-done":
        spoken.pieces = pieces[:-1]
    if script == "error-first":
        spoken.pieces = [_event({"error": {"message": "overloaded", "code": 503}})]
    if script == "error-midway":
        spoken.pieces = [*half, _event({"error": {"message": "it broke", "code": 500}})]
    if script == "hang-midway":
        spoken.pieces = [*half, pieces[-1]]
        spoken.pause_before_piece, spoken.pause_s = len(half), 30
    if script == "usage-late":
        spoken.pause_before_piece, spoken.pause_s = len(pieces) - 2, 0.3
    if script == "crlf":
        whole = b": OPENROUTER PROCESSING\r\n\r\n" + b"".join(pieces).replace(b"\n", b"\r\n")
        spoken.pieces = [whole[at : at + 37] for at in range(0, len(whole), 37)]
    return spoken
