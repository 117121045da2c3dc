"""One caller's connection, with bounds where uvicorn has none: a head's size and age, a reader's slowness.

All of it applies before anybody has said who they are.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from router.errors import HeadTooLarge, InvalidRequest, PennyrouteError, RequestTimeout, ServiceBusy
from router.http.failure import Headers, error_body, error_headers, status_of
from router.http.request import Receive, Scope, Send, send_whole

_CLOSE: Headers = [(b"connection", b"close")]


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, bounded.

    A head is a request line with its headers, or the trailers after a body in chunks. In ordinary traffic a
    timer is set once a connection: a head comes in one piece, and a caller reads what was asked for.

    Attributes:
        most_head_bytes: the largest head that is read, give or take the piece of the network's it begins in.
        patience_s: seconds for a head to be whole, and for the rest of a body that is answered already.
        stalled_s: seconds a full buffer of the answer may wait for its reader.
        linger_s: seconds a connection may take to close.
        most_connections: open at once in a worker; above it requests are refused.
    """

    most_head_bytes: ClassVar[int] = 64 * 1024
    patience_s: ClassVar[float] = 30.0
    stalled_s: ClassVar[float] = 60.0
    linger_s: ClassVar[float] = 10.0
    most_connections: ClassVar[int] = 10_000

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._in_head = True
        self._head_bytes = 0
        self._piece_bytes = 0
        self._began_in_piece = False
        self._refusal: PennyrouteError | None = None
        self._refused = False
        self._waiting: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    # --- what the transport tells ------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._wait(self.patience_s, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._stop_waiting()
        self._stop_watching_writes()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._refused:
            return  # read, so that the caller gets to read why
        self._piece_bytes = len(data)
        self._began_in_piece = False
        super().data_received(data)
        if not self._in_head or self._refused or self.transport.is_closing():
            return
        if not self._began_in_piece:
            self._head_bytes += len(data)
            if self._head_bytes > self.most_head_bytes:
                self._refuse(self._too_large())
                return
        if self._waiting is None and not self._answering():
            self._wait(self.patience_s, self._late)

    def pause_writing(self) -> None:
        """The buffer is full."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """The caller has read."""
        self._stop_watching_writes()
        super().resume_writing()
        if self.transport.is_closing():
            self._linger()

    # --- what the parser tells ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A request's head is whole."""
        self._in_head = False
        self._stop_waiting()
        if self._head_bytes + self._piece_bytes > self.most_head_bytes and self._too_long():
            self._refusal = self._too_large()
            raise _NotTaken
        usual = self.app
        if len(self.connections) > self.most_connections:
            self.app = _busy
        super().on_headers_complete()
        self.app = usual

    def on_chunk_header(self) -> None:
        """A chunk begins, or after the last one the trailers."""
        self._begin_head()

    def on_body(self, body: bytes) -> None:
        """Part of a body."""
        self._in_head = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole: what comes next is another's head."""
        self._begin_head()
        self._stop_waiting()
        super().on_message_complete()

    # --- what uvicorn does -------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        """An answer is written, or waits in the buffer."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._linger()
        elif self.cycle.response_complete and self.cycle.more_body:
            self._wait(self.patience_s, self._late)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked."""
        super().timeout_keep_alive_handler()
        self._linger()

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read is answered in our own form, as is a head that is too large."""
        del msg
        self._refuse(self._refusal or InvalidRequest("what came is not a request of HTTP/1.1"))

    # -----------------------------------------------------------------------------------------------

    def _begin_head(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        self._began_in_piece = True

    def _too_long(self) -> bool:
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        return size > self.most_head_bytes

    def _too_large(self) -> PennyrouteError:
        return HeadTooLarge(
            f"the address and headers are larger than {self.most_head_bytes} bytes, the most that is read"
        )

    def _late(self) -> None:
        self._waiting = None
        if self._answering():
            self._wait(self.patience_s, self._late)
        elif self.scope is not None and not self._within_request():
            self._refuse(RequestTimeout(f"the headers did not arrive within {self.patience_s:g} s"))
        else:
            self.transport.close()
            self._linger()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _within_request(self) -> bool:
        return self.cycle is not None and (self.cycle.more_body or not self.cycle.response_complete)

    def _refuse(self, error: PennyrouteError) -> None:
        """Answers what has no request yet; then reads on for a moment, so that the caller reads it too."""
        self._refused = True
        if self._within_request():
            self.transport.abort()  # half an answer stands before it, or a whole one to the same request
            return
        body = error_body(error)
        length = (b"content-length", b"%d" % len(body))
        head = [name + b": " + value for name, value in (*error_headers(error), length, *_CLOSE)]
        self.transport.write(STATUS_LINE[status_of(error)] + b"\r\n".join([*head, b"", body]))
        self.transport.write_eof()
        self._linger()

    def _linger(self) -> None:
        self._wait(self.linger_s, self.transport.abort)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_waiting()
        self._waiting = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _stop_watching_writes(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None


class _NotTaken(Exception):  # noqa: N818 - not an error: how a callback tells the parser to stop
    pass


async def _busy(_: Scope, receive: Receive, send: Send) -> None:
    del receive
    error = ServiceBusy("this service has as many connections as it takes; try again in a moment")
    await send_whole(send, status_of(error), [*error_headers(error), *_CLOSE], error_body(error))
