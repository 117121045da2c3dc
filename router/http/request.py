"""Raw ASGI: headers, a bounded body, an answer in one piece."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from router.errors import InvalidRequest, RequestTimeout, TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_LABEL_PREFIX = b"x-pennyroute-"
_LABELS = frozenset({b"team", b"feature", b"user", b"session", b"tier"})


class ClientGone(Exception):  # noqa: N818 - not an error: nobody is there to be told
    """The caller left before the body was whole."""


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers by lower-case name; of a repeated one the first."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        found.setdefault(name, value)
    return found


def header_text(raw: bytes | None) -> str | None:
    """A header as text: UTF-8 where it is, else Latin-1."""
    if raw is None:
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def label_headers(names: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """`x-pennyroute-team`, `-feature`, `-user`, `-session` and `-tier` by their short names."""
    found: dict[str, str] = {}
    for name, value in names:
        if name.startswith(_LABEL_PREFIX) and name[13:] in _LABELS:
            found[name[13:].decode()] = header_text(value) or ""
    return found


async def read_body(
    receive: Receive, headers: dict[bytes, bytes], most_bytes: int, patience_s: float
) -> bytes:
    """The whole body.

    Args:
        receive: ASGI's.
        headers: as `headers_of` answers.
        most_bytes: the largest body that is read.
        patience_s: seconds it may take to arrive.

    Raises:
        TooLarge: said so by its length, or found so while reading.
        RequestTimeout: it did not arrive in time.
        InvalidRequest: a compressed body.
        ClientGone: nobody is there any more.
    """
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding != b"identity":
        raise InvalidRequest(
            "the body is compressed; send it plain (no Content-Encoding)", param="Content-Encoding"
        )
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > most_bytes:
        raise _too_large(most_bytes)
    message = await _first(receive, patience_s)
    body = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > most_bytes:
            raise _too_large(most_bytes)
        return bytes(body)
    try:
        async with asyncio.timeout(patience_s):
            return await _rest(receive, body, most_bytes)
    except TimeoutError:
        raise _late(patience_s) from None


async def _first(receive: Receive, patience_s: float) -> Message:
    try:
        async with asyncio.timeout(patience_s):
            message = await receive()
    except TimeoutError:
        raise _late(patience_s) from None
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


async def _rest(receive: Receive, first: bytes, most_bytes: int) -> bytes:
    pieces, size, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            raise _too_large(most_bytes)
        more = message.get("more_body", False)
    return b"".join(pieces)


async def send_whole(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Sends an answer in one piece, with its length."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(
        f"the body is larger than {most_bytes} bytes, the most this service reads (server.max_body_bytes)"
    )


def _late(patience_s: float) -> RequestTimeout:
    return RequestTimeout(
        f"the body did not arrive within {patience_s:g} s (server.request_timeout_s); send it again"
    )
