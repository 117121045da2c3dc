"""A real HTTP upstream that states any usage on the wire of the provider asked: OpenAI's, Anthropic's, Gemini's."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire

TEXT = "The quick brown fox."
_NOTHING: Any = object()


class AnyWire(OpenAIWire):
    """The upstream; what it answers is queued by `say(spoken(fixture))`."""

    chat_path = "/{path:.*}"


def spoken(fixture: Mapping[str, Any]) -> Spoken:
    """A fixture's answer in its provider's envelope."""
    wire, model = fixture["wire"], fixture.get("served", fixture["model"])
    headers = {"x-request-id": "req_test"} | fixture.get("headers", {})
    tier = {"service_tier": fixture["service_tier"]} if "service_tier" in fixture else {}
    if "stream" not in fixture:
        body = _WHOLE[wire](model, fixture.get("usage", _NOTHING)) | (tier if wire == "openai" else {})
        return Spoken([json.dumps(body).encode()], headers=headers)
    pieces = list(_STREAMED[wire](model, fixture["stream"], tier))
    return Spoken(pieces, streamed=True, content_type="text/event-stream", headers=headers)


def _stated(name: str, usage: Any) -> dict[str, Any]:
    return {} if usage is _NOTHING else {name: usage}


def _openai(model: str, usage: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": TEXT}
    return {
        "id": "chatcmpl-test",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    } | _stated("usage", usage)


def _anthropic(model: str, usage: Any) -> dict[str, Any]:
    return {
        "id": "msg_test",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": TEXT}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
    } | _stated("usage", usage)


def _gemini(model: str, usage: Any) -> dict[str, Any]:
    content = {"role": "model", "parts": [{"text": TEXT}]}
    return {
        "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}],
        "modelVersion": model,
        "responseId": "test",
    } | _stated("usageMetadata", usage)


def _openai_events(model: str, usages: list[Any], tier: Mapping[str, Any]) -> Iterator[bytes]:
    frame = {
        "id": "chatcmpl-test",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": model,
    }
    frame |= tier
    said = [({"role": "assistant", "content": TEXT}, None), ({}, "stop")]
    for delta, finish in said:
        yield _event(frame | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    for usage in usages:
        yield _event(frame | {"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _anthropic_events(model: str, usages: list[Any], _: Mapping[str, Any]) -> Iterator[bytes]:
    start = _anthropic(model, usages[0]) | {"content": [], "stop_reason": None}
    yield _named("message_start", message=start)
    yield _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield _named("content_block_delta", index=0, delta={"type": "text_delta", "text": TEXT})
    yield _named("content_block_stop", index=0)
    yield _named("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=usages[-1])
    yield _named("message_stop")


def _gemini_events(model: str, usages: list[Any], _: Mapping[str, Any]) -> Iterator[bytes]:
    for at, usage in enumerate(usages):
        chunk = _gemini(model, usage)
        if at < len(usages) - 1:
            del chunk["candidates"][0]["finishReason"]
        yield _event(chunk)


def _event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def _named(kind: str, **data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | data)}\n\n".encode()


_WHOLE = {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}
_STREAMED = {"openai": _openai_events, "anthropic": _anthropic_events, "gemini": _gemini_events}
