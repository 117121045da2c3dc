"""`POST /complete`: from its body to a Query."""

from typing import Any

import msgspec

from policies import Tier
from router.access.caller import Caller
from router.errors import InvalidRequest
from router.http.json_body import read_json
from router.http.labels import read_labels
from router.http.messages import facts_of, read_messages
from router.query import Query

MAX_OUTPUT_TOKENS = 10_000_000


class CompleteBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `/complete` takes. One of `query` and `messages`."""

    query: str | None = None
    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    route: str = "default"
    max_output_tokens: int | None = None
    temperature: float | None = None
    stream: bool = False
    tier: str | None = None
    dry_run: bool = False
    metadata: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(CompleteBody)
_encode = msgspec.json.encode


def read_complete(raw: bytes, caller: Caller, headers: dict[str, str], arrived_s: float) -> Query:
    """Converts a body of `/complete`.

    Args:
        raw: the bytes as they came.
        caller: who sent them.
        headers: label name → value, from `x-pennyroute-*`; `tier` among them.
        arrived_s: monotonic seconds.

    Raises:
        InvalidRequest: says which field, what was wrong and what would be right.
    """
    body = read_json(raw, _decoder, CompleteBody.__struct_fields__)
    messages = _messages(body)
    turns, image_bytes = read_messages(messages, raw)
    return Query(
        caller=caller,
        target=body.route,
        body=_chat_body(body, messages),
        turns=turns,
        facts=facts_of(turns, has_tools=False),
        input_bytes=len(raw) - image_bytes,
        labels=read_labels(body.metadata, {k: v for k, v in headers.items() if k != "tier"}, strict=True),
        arrived_s=arrived_s,
        output_asked=checked_output_cap(body.max_output_tokens, "max_output_tokens"),
        stream=body.stream,
        forced=read_tier(body.tier or headers.get("tier")),
        dry_run=body.dry_run,
        explained=True,
    )


def _messages(body: CompleteBody) -> msgspec.Raw:
    given = body.messages is not msgspec.UNSET
    if given == (body.query is not None):
        wrong = "both are there" if given else "neither is there"
        raise InvalidRequest(f"give one of query and messages; {wrong}", param="query")
    if isinstance(body.messages, msgspec.Raw):
        return body.messages
    query = body.query or ""
    if not query.strip():
        raise InvalidRequest("query: the text is empty", param="query")
    if "\0" in query:
        raise InvalidRequest(
            "query: the text has a NUL character (\\u0000), which no model reads", param="query"
        )
    return msgspec.Raw(_encode([{"role": "user", "content": query}]))


def _chat_body(body: CompleteBody, messages: msgspec.Raw) -> dict[str, msgspec.Raw]:
    chat = {"messages": messages}
    if body.temperature is not None:
        if not 0 <= body.temperature <= 2:
            raise InvalidRequest(
                f"temperature: expected a number from 0 to 2, got {body.temperature:g}", param="temperature"
            )
        chat["temperature"] = msgspec.Raw(_encode(body.temperature))
    return chat


def checked_output_cap(tokens: int | None, name: str) -> int | None:
    """An output cap as the caller gave it.

    Raises:
        InvalidRequest: below 1, or absurd.
    """
    if tokens is not None and not 1 <= tokens <= MAX_OUTPUT_TOKENS:
        raise InvalidRequest(
            f"{name}: expected a whole number from 1 to {MAX_OUTPUT_TOKENS}, got {tokens}", param=name
        )
    return tokens


def read_tier(name: str | None) -> Tier | None:
    """A forced tier.

    Raises:
        InvalidRequest: neither `small` nor `large`.
    """
    if name is None:
        return None
    try:
        return Tier(name)
    except ValueError:
        raise InvalidRequest(f"tier: expected small or large, got {name[:50]!r}", param="tier") from None
