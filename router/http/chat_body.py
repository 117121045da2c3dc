"""`POST /v1/chat/completions`: from OpenAI's body to a Query; what we do not know passes through."""

from typing import Any

import msgspec

from router.access.caller import Caller
from router.errors import InvalidRequest
from router.http.complete_body import checked_output_cap, read_tier
from router.http.json_body import not_json, read_json
from router.http.labels import read_labels
from router.http.messages import facts_of, read_messages
from router.query import Query

MAX_ANSWERS = 128
_ABSENT = msgspec.Raw()


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class ChatFields(msgspec.Struct):
    """What is read of a chat body; everything else passes through unread."""

    model: str
    messages: msgspec.Raw
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: msgspec.Raw = _ABSENT  # not `Raw | None`, which takes null alone
    functions: msgspec.Raw = _ABSENT
    metadata: dict[str, Any] | None = None


_fields = msgspec.json.Decoder(ChatFields)
_body = msgspec.json.Decoder(dict[str, msgspec.Raw])


def read_chat(raw: bytes, caller: Caller, headers: dict[str, str], arrived_s: float) -> Query:
    """Converts a chat body.

    Args:
        raw: the bytes as they came.
        caller: who sent them.
        headers: label name → value, from `x-pennyroute-*`; `tier` among them.
        arrived_s: monotonic seconds.

    Raises:
        InvalidRequest: says which field, what was wrong and what would be right.
    """
    fields = read_json(raw, _fields, ChatFields.__struct_fields__)
    _check_text(raw)
    turns, image_bytes = read_messages(fields.messages, raw)
    answers = 1 if fields.n is None else fields.n
    if not 1 <= answers <= MAX_ANSWERS:
        raise InvalidRequest(f"n: expected a whole number from 1 to {MAX_ANSWERS}, got {answers}", param="n")
    metadata = fields.metadata or {}
    tier = headers.get("tier", metadata.get("tier"))
    if tier is not None and not isinstance(tier, str):
        raise InvalidRequest("metadata.tier: expected small or large", param="metadata.tier")
    needs_tools = _is_there(fields.tools) or _is_there(fields.functions)
    options = fields.stream_options
    return Query(
        caller=caller,
        target=fields.model,
        body=_body.decode(raw),
        turns=turns,
        facts=facts_of(turns, has_tools=needs_tools),
        input_bytes=len(raw) - image_bytes,
        labels=read_labels(metadata, {k: v for k, v in headers.items() if k != "tier"}, strict=False),
        arrived_s=arrived_s,
        output_asked=_output_cap(fields),
        answers=answers,
        needs_tools=needs_tools,
        stream=bool(fields.stream),
        usage_wanted=options is not None and bool(options.include_usage),
        forced=read_tier(tier),
    )


def _check_text(raw: bytes) -> None:
    """What passes through unread must be text all the same: no provider takes other bytes."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise not_json(raw, error) from error


def _is_there(raw: msgspec.Raw) -> bool:
    """Neither left out, nor null, nor empty brackets."""
    text = bytes(raw).strip()
    return text != b"null" and text[1:-1].strip() != b""


def _output_cap(fields: ChatFields) -> int | None:
    new = checked_output_cap(fields.max_completion_tokens, "max_completion_tokens")
    old = checked_output_cap(fields.max_tokens, "max_tokens")
    return new if new is not None else old
