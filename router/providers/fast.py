"""The fast lane: an endpoint that speaks the OpenAI wire is sent the body, and its bytes go through."""

import functools
from typing import Final

from router.clock import World
from router.providers.answer import Answer
from router.providers.chunks import NotTheWire
from router.providers.endpoint import Call, Endpoint, encode_body
from router.providers.events import EventSplitter
from router.providers.failure import refused
from router.providers.passage import Passage
from router.providers.redact import redacted_bytes
from router.providers.session import Reply, Session, retry_after_s
from router.providers.stream import END, EventSource, Stream
from router.providers.unstreamed import as_events
from router.providers.whole import answer_of, garbage, read_answer

_OK: Final = 200
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"
_PAGE: Final = "text/html"
_EVENT_STARTS: Final = (b"data:", b"event:", b":")
_TAIL_S: Final = 0.1
"""How long the end of the body may take after `[DONE]`, before its connection is given up."""


class FastLane:
    """Calls OpenAI-compatible endpoints."""

    def __init__(self, session: Session, world: World) -> None:
        self._session = session
        self._world = world

    async def whole(self, call: Call) -> Answer:
        """A whole answer.

        Raises:
            AttemptFailed: whatever went wrong.
        """
        reply = await self._send(call)
        try:
            first_byte_s = reply.elapsed_s
            body = await reply.whole()
            return answer_of(call.endpoint, body, first_byte_s)
        finally:
            reply.close()

    async def streamed(self, call: Call, passage: Passage) -> Stream:
        """A streamed answer whose first event is here; from now on the stream leaves the passage.

        Raises:
            AttemptFailed: whatever went wrong before.
        """
        reply = await self._send(call)
        try:
            source = await _source(call.endpoint, reply)
        except BaseException:
            reply.close()
            raise
        return await Stream(call, source, passage).open()

    async def _send(self, call: Call) -> Reply:
        """The answer's headers have come, and they are good ones."""
        endpoint = call.endpoint
        body = encode_body(call)
        reply = await self._session.post(
            _url(endpoint.base_url or ""),
            body,
            _headers(call),
            name=endpoint.name,
            timeouts=endpoint.timeouts,
            sending=call.sending,
        )
        if reply.status == _OK:
            return reply
        try:
            said = await reply.error_body()
        finally:
            reply.close()
        raise refused(
            endpoint.name,
            reply.status,
            redacted_bytes(said, endpoint),
            retry_after_s(reply.retry_after, lambda: self._world.now_ms() / 1000),
            reply.request_id,
        )


class _Pieces:
    """Events as they come from the network."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._splitter = EventSplitter()

    async def next_events(self) -> list[bytes]:
        while piece := await self._reply.piece():
            if events := self._splitter.feed(piece):
                return events
        return _last(self._splitter)

    def begin(self) -> float:
        self._reply.began = True
        return self._reply.elapsed_s

    async def finish(self) -> None:
        await self._reply.finish(_TAIL_S)

    def usage_so_far(self) -> bytes | None:
        return None

    def close(self) -> None:
        self._reply.close()


class _Prepared:
    """Events of an answer that came whole."""

    def __init__(self, events: list[bytes], first_byte_s: float) -> None:
        self._events = events
        self._first_byte_s = first_byte_s

    async def next_events(self) -> list[bytes]:
        events, self._events = self._events, []
        return events

    def begin(self) -> float:
        return self._first_byte_s

    async def finish(self) -> None:
        """Nothing is open."""

    def usage_so_far(self) -> bytes | None:
        return None

    def close(self) -> None:
        self._events = []


def _last(splitter: EventSplitter) -> list[bytes]:
    """What is left at the end: some servers leave out the last blank line."""
    rest = splitter.finish()
    return [rest.rstrip(b"\r\n") + b"\n\n"] if rest.strip() else []


async def _source(endpoint: Endpoint, reply: Reply) -> EventSource:
    if reply.content_type == _JSON:
        return await _whole_as_stream(endpoint, reply)
    if reply.content_type == _PAGE:
        raise garbage(endpoint, f"it is {_PAGE}")
    return _Pieces(reply)


async def _whole_as_stream(endpoint: Endpoint, reply: Reply) -> _Prepared:
    first_byte_s = reply.elapsed_s
    try:
        body = await reply.whole()
    finally:
        reply.close()
    if body.lstrip().startswith(_EVENT_STARTS):
        splitter = EventSplitter()
        return _Prepared([*splitter.feed(body), *_last(splitter)], first_byte_s)
    read_answer(endpoint, body)
    try:
        return _Prepared([*as_events(body), END], first_byte_s)
    except NotTheWire as error:
        raise garbage(endpoint, str(error)) from None


@functools.lru_cache(maxsize=1024)
def _url(base_url: str) -> str:
    path, mark, query = base_url.partition("?")
    return f"{path.rstrip('/')}/chat/completions{mark}{query}"


def _headers(call: Call) -> dict[str, str]:
    endpoint = call.endpoint
    headers = {
        "Content-Type": _JSON,
        "Accept": _EVENTS if call.stream else _JSON,
        # Compressing costs more than it saves on answers of this size, and delays a stream.
        "Accept-Encoding": "identity",
    }
    if endpoint.api_key is not None:
        headers["Authorization"] = f"Bearer {endpoint.api_key.reveal()}"
    headers.update(endpoint.extra_headers)
    return headers
