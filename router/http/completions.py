"""The two endpoints that answer queries, on raw ASGI: nothing here is read or written twice."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from types import TracebackType

import msgspec
from msgspec.structs import replace

from router.answers.cached import CachedStream
from router.answers.idempotency import HEADER, RETRY_HEADER, Keyed, keyed
from router.bookkeeper import Charge
from router.core import CompletionStream
from router.decision import Decision
from router.errors import InternalError, PennyrouteError
from router.http.chat_body import read_chat
from router.http.complete_body import read_complete
from router.http.failure import JSON, Headers, error_body, error_headers, error_object, status_of
from router.http.metrics import Metrics
from router.http.once import Once
from router.http.parts import Parts, bearer
from router.http.request import (
    ClientGone,
    Message,
    Receive,
    Scope,
    Send,
    header_text,
    label_headers,
    read_body,
    send_whole,
)
from router.http.shown import closing_comment, completion_body, decision_headers, finish_of
from router.query import Query

_log = logging.getLogger(__name__)

_SSE: Headers = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_DONE = b"data: [DONE]\n\n"
COMPLETE = "/complete"
_WATCH_AFTER_S = 0.05

_KEY = HEADER.lower().encode()
_RETRY = RETRY_HEADER.lower().encode()

Answer = Callable[[Query, Send, Headers, str], Awaitable[None]]


class Completions:
    """`POST /complete` and `POST /v1/chat/completions`."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts = parts
        self._metrics = metrics
        self._once = Once(parts.idempotency)

    async def complete(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, more: Headers
    ) -> None:
        """Our own form; `more` are headers every answer carries."""
        await self._serve(scope, headers, receive, send, more, answer=self._answer_complete)

    async def chat(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, more: Headers
    ) -> None:
        """OpenAI's form."""
        await self._serve(scope, headers, receive, send, more, answer=self._answer_chat)

    async def _serve(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        more: Headers,
        *,
        answer: Answer,
    ) -> None:
        started, named = _Started(send), scope["path"] == COMPLETE

        async def work() -> None:
            query, once = await self._query(scope, headers, receive)
            async with _UntilGone(receive):
                if once is None:
                    await answer(query, started, more, "")
                else:
                    produce = partial(self._produced, query, answer=answer, named=named)
                    if await self._once.answer(once, produce, started, more):
                        self._metrics.replayed()

        await self._told(work(), started, more, named=named)

    async def _produced(
        self, query: Query, decision_id: str, send: Send, *, answer: Answer, named: bool
    ) -> Exception | None:
        """Answers for whoever reads it later."""
        started = _Started(send)
        return await self._told(answer(query, started, [], decision_id), started, [], named=named)

    async def _told(
        self, work: Awaitable[None], started: "_Started", more: Headers, *, named: bool
    ) -> Exception | None:
        """Does it; tells the caller of what fails, and answers it."""
        try:
            await work
        except ClientGone as error:
            self._metrics.refused("client_gone")
            return error
        except PennyrouteError as error:
            self._metrics.refused(error.code)
            await _say(error, started, more, named=named)
            return error
        except Exception:  # noqa: BLE001 - the last resort: logged, and told as a 500 without details
            _log.exception("a completion failed inside")
            self._metrics.refused(InternalError.code)
            inside = InternalError("the service failed; its log says why")
            await _say(inside, started, more, named=named)
            return inside
        return None

    async def _query(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> tuple[Query, Keyed | None]:
        parts, server = self._parts, self._parts.settings.server
        arrived_s = parts.world.monotonic_s()
        secret = bearer(header_text(headers.get(b"authorization")))
        key = headers.get(_KEY)
        if key is None:
            caller = await parts.live.known_caller(secret)
        else:  # no reserve follows an answer that is given again
            caller = await parts.live.confirmed_caller(secret)
        raw = await read_body(receive, headers, server.max_body_bytes, server.request_timeout_s)
        labels = label_headers(scope["headers"])
        if scope["path"] == COMPLETE:
            query = read_complete(raw, caller, labels, arrived_s)
            parts.catalog.route(query.target)
            if query.dry_run:  # no reserve follows, to find out that keys or thresholds have changed
                return replace(query, caller=await parts.live.confirmed_caller(secret)), None
        else:
            query = read_chat(raw, caller, labels, arrived_s)
        if key is None:
            return query, None
        asked = (b"POST", scope["path"].encode(), labels.get("tier", "").encode(), raw)
        return query, keyed(caller.account, caller.key_id, key, asked, headers.get(_RETRY))

    async def _answer_complete(self, query: Query, send: Send, more: Headers, decision_id: str) -> None:
        done = await self._parts.router.complete(query, decision_id)
        if isinstance(done, CompletionStream | CachedStream):
            await self._stream_complete(done, send, more)
            return
        answer = done.answer
        output = None if answer is None else answer.text
        body = completion_body(done.decision, done.charge, output=output, finish_reason=finish_of(answer))
        with self._parts.auditor.after(done.decision, done.charge, answer, output or ""):
            await send_whole(send, 200, [JSON, *more], msgspec.json.encode(body))
        self._count(done.decision, done.charge)

    async def _answer_chat(self, query: Query, send: Send, more: Headers, decision_id: str) -> None:
        done = await self._parts.router.complete(query, decision_id)
        if isinstance(done, CompletionStream | CachedStream):
            await self._stream_chat(done, send, more)
            return
        headers = [JSON, *decision_headers(done.decision, done.charge), *more]
        answer = done.answer
        assert answer is not None
        with self._parts.auditor.after(done.decision, done.charge, answer, answer.text):
            await send_whole(send, 200, headers, answer.body)
        self._count(done.decision, done.charge)

    async def _stream_chat(self, stream: CompletionStream | CachedStream, send: Send, more: Headers) -> None:
        async with _while_read(stream), aclosing(stream.events()) as events:
            await _start(send, 200, [*_SSE, *decision_headers(stream.decision, None), *more])
            async for event in events:
                await _piece(send, event.raw)
            charge = stream.charge
            assert charge is not None
            with self._parts.auditor.after(stream.decision, charge, stream.answer, stream.text):
                await _end(send, closing_comment(stream.decision, charge) + _DONE)
            self._count(stream.decision, charge)

    async def _stream_complete(
        self, stream: CompletionStream | CachedStream, send: Send, more: Headers
    ) -> None:
        async with _while_read(stream), aclosing(stream.events()) as events:
            await _start(send, 200, [*_SSE, *decision_headers(stream.decision, None), *more])
            async for event in events:
                if event.text:
                    await _piece(send, _event(b"delta", {"text": event.text}))
            charge = stream.charge
            assert charge is not None
            body = completion_body(
                stream.decision, charge, output=stream.text, finish_reason=finish_of(stream.answer)
            )
            with self._parts.auditor.after(stream.decision, charge, stream.answer, stream.text):
                await _end(send, _event(b"completion", body))
            self._count(stream.decision, charge)

    def _count(self, decision: Decision, charge: Charge) -> None:
        if decision.query.dry_run:
            return
        took_s = self._parts.world.monotonic_s() - decision.query.arrived_s
        self._metrics.answered(decision, charge, took_s)


@asynccontextmanager
async def _while_read(stream: CompletionStream | CachedStream) -> AsyncIterator[None]:
    """The stream, for as long as its attempt may take: who reads no faster than that counts as gone.

    Raises:
        ClientGone: the time is over and the answer is not with the caller.
    """
    limit = asyncio.timeout(stream.decision.model.endpoint.timeouts.total_s)
    try:
        async with stream, limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise ClientGone from None
        raise


def _event(name: bytes, data: object) -> bytes:
    return b"event: " + name + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


class _Started:
    """ASGI's send, which knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self._send(message)


async def _say(error: PennyrouteError, send: _Started, more: Headers, *, named: bool) -> None:
    if not send.begun:
        await send_whole(send, status_of(error), [*error_headers(error), *more], error_body(error))
        return
    data = {"error": error_object(error)}
    await _end(send, _event(b"error", data) if named else b"data: " + msgspec.json.encode(data) + b"\n\n")


async def _start(send: Send, status: int, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _piece(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _end(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body})


class _UntilGone:
    """Cancels what is inside when the caller goes away, and then raises `ClientGone`.

    The watch begins a moment later: what is answered at once is not worth a task of its own.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._watching: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> None:
        inside = asyncio.current_task()
        assert inside is not None
        self._inside = inside
        self._loop = asyncio.get_running_loop()
        self._beginning = self._loop.call_later(_WATCH_AFTER_S, self._begin)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beginning.cancel()
        if self._watching is not None:
            self._watching.cancel()
        if self._gone and kind is not None and issubclass(kind, asyncio.CancelledError):
            self._inside.uncancel()
            raise ClientGone from None

    def _begin(self) -> None:
        self._watching = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._inside.cancel()
