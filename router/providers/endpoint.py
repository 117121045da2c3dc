"""Where a model is called, and one call to it as bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from router.providers.chunks import UNREADABLE
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.presets import PLAIN, Lane, Quirks
from router.providers.secret import Secret


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each part of an attempt may take, in seconds.

    Attributes:
        connect_s: name look-up, TCP and TLS.
        first_byte_s: from sending to the first byte of an answer.
        idle_s: between two pieces of an answer.
        total_s: the whole attempt.
    """

    connect_s: float = 5.0
    first_byte_s: float = 120.0
    idle_s: float = 60.0
    total_s: float = 600.0


DEFAULT_TIMEOUTS: Final = Timeouts()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A configured model's place.

    Attributes:
        name: the configured name; limits and circuits are kept by it.
        provider: the preset's name.
        base_url: without `/chat/completions`; `None` only where litellm knows it.
        upstream_model: what the provider calls the model.
        max_concurrency: calls in flight at once from this worker; `None` for any number.
        queue_wait_s: how long a call may wait for its turn, seconds.
    """

    name: str
    provider: str
    lane: Lane
    base_url: str | None
    upstream_model: str
    api_key: Secret | None = None
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    quirks: Quirks = PLAIN
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    max_concurrency: int | None = None
    queue_wait_s: float = 10.0


@dataclass(slots=True)
class Sending:
    """How far an attempt came.

    Attributes:
        begun: whether any of its request may have gone out; until then it costs nothing. Set by its lane.
    """

    begun: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt to be made.

    Attributes:
        body: the OpenAI chat body, top-level values as the raw JSON they came as.
        stream_usage_wanted: whether the caller asked for the usage chunk; otherwise it is not shown.
        output_tokens: the output cap to set; `None` leaves the body's own.
    """

    endpoint: Endpoint
    body: Mapping[str, msgspec.Raw]
    stream: bool = False
    stream_usage_wanted: bool = False
    output_tokens: int | None = None
    sending: Sending = field(default_factory=Sending, compare=False)


_NEW_CAP: Final = "max_completion_tokens"
_OLD_CAP: Final = "max_tokens"
_USAGE_ON: Final = msgspec.Raw(b'{"include_usage":true}')
_TRUE: Final = msgspec.Raw(b"true")
_options: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def wire_fields(call: Call) -> dict[str, msgspec.Raw]:
    """The body's fields as this endpoint wants them; what need not change stays the bytes it was.

    Raises:
        AttemptFailed: `stream_options` is no object.
    """
    endpoint = call.endpoint
    body = dict(call.body)
    body["model"] = msgspec.Raw(msgspec.json.encode(endpoint.upstream_model))
    _set_cap(body, call.output_tokens, endpoint.quirks.output_cap_field)
    if not call.stream:
        body.pop("stream_options", None)
        return body
    body["stream"] = _TRUE
    if endpoint.quirks.takes_stream_options:
        body["stream_options"] = _with_usage(body.get("stream_options"))
    else:
        body.pop("stream_options", None)
    return body


def encode_body(call: Call) -> bytes:
    """The body as it goes to the endpoint."""
    return msgspec.json.encode(wire_fields(call))


def choices_asked(body: Mapping[str, msgspec.Raw]) -> int:
    """How many answers the caller wants, at least 1; 1 if that cannot be read."""
    raw = body.get("n")
    text = bytes(raw) if raw is not None else b"1"
    return max(1, int(text)) if text.isdigit() and len(text) < 5 else 1


def _set_cap(body: dict[str, msgspec.Raw], cap: int | None, wanted: str | None) -> None:
    stated = _NEW_CAP if _NEW_CAP in body else _OLD_CAP if _OLD_CAP in body else None
    if cap is not None:
        raw = msgspec.Raw(b"%d" % cap)
        for name in (_NEW_CAP, _OLD_CAP):
            if name in body and bytes(body[name]) != bytes(raw):
                body[name] = raw
        if stated is None:
            body[wanted or _OLD_CAP] = raw
            return
    if wanted is not None and stated is not None and wanted != stated:
        value = body.pop(stated)
        body.setdefault(wanted, value)
    if wanted is not None and _NEW_CAP in body and _OLD_CAP in body:
        body.pop(_OLD_CAP if wanted == _NEW_CAP else _NEW_CAP)


def _with_usage(stated: msgspec.Raw | None) -> msgspec.Raw:
    if stated is None or bytes(stated) == b"null":
        return _USAGE_ON
    try:
        options = _options.decode(stated)
    except UNREADABLE:
        raise AttemptFailed(
            FailureKind.BAD_REQUEST,
            "stream_options must be an object",
            status=400,
            body=b'{"error":{"message":"stream_options must be an object","type":"invalid_request_error",'
            b'"param":"stream_options","code":null}}',
        ) from None
    options["include_usage"] = _TRUE
    return msgspec.Raw(msgspec.json.encode(options))
