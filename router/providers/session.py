"""The one door for outgoing HTTP: pooled connections, bounded waits and sizes, failures by name."""

import asyncio
import functools
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from router import __version__
from router.providers.endpoint import Sending, Timeouts
from router.providers.failure import AttemptFailed, FailureKind

MOST_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""No answer may be larger, decompressed."""

_KEEP_IDLE_S: Final = 15.0
_DNS_CACHE_S: Final = 30
_ERROR_BODY_BYTES: Final = 64 * 1024

_url = functools.lru_cache(maxsize=1024)(URL)


class Reply:
    """An answer whose headers are here and whose body is still coming."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        name: str,
        timeouts: Timeouts,
        started_s: float,
        most_bytes: int,
    ) -> None:
        self.status = response.status
        self.content_type = response.content_type
        self.request_id = response.headers.get("x-request-id")
        self.retry_after = response.headers.get("retry-after")
        self._response = response
        self._name = name
        self._timeouts = timeouts
        self._started_s = started_s
        self._most_bytes = most_bytes
        self.began = False
        """Whether part of an answer is here; until then the first byte is waited for. Set by the reader."""
        self._read_bytes = 0
        self._loop = asyncio.get_running_loop()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request was sent."""
        return self._loop.time() - self._started_s

    async def piece(self) -> bytes:
        """The next bytes, as they came; empty at the end.

        Raises:
            AttemptFailed: idle or out of time, broken, or too large.
        """
        now_s = self._loop.time()
        ends_s = self._started_s + self._timeouts.total_s
        if now_s >= ends_s:
            raise self._late(total=True)
        try:
            data = self._response.content.read_nowait()  # what is here already needs no timer
            if not data and not self._response.content.at_eof():
                data = await self._wait_for_piece(now_s, ends_s)
        except aiohttp.ClientError as error:
            self.close()
            raise AttemptFailed(
                FailureKind.BROKEN_STREAM,
                f"{self._name}: the answer broke off ({type(error).__name__})",
                status=self.status,
                answered=True,  # its headers came: it was generated, however little of it is here
                billed="maybe",
            ) from error
        self._read_bytes += len(data)
        if self._read_bytes > self._most_bytes:
            self.close()
            raise AttemptFailed(
                FailureKind.TOO_LARGE,
                f"{self._name}: the answer is larger than {self._most_bytes} bytes",
                status=self.status,
                answered=True,
                billed="maybe",
            )
        return data

    async def _wait_for_piece(self, now_s: float, ends_s: float) -> bytes:
        if self.began:
            patience_ends_s = now_s + self._timeouts.idle_s
        else:
            patience_ends_s = max(now_s, self._started_s + self._timeouts.first_byte_s)
        try:
            async with asyncio.timeout_at(min(ends_s, patience_ends_s)):
                return await self._response.content.readany()
        except TimeoutError:
            raise self._late(total=ends_s <= patience_ends_s) from None

    async def whole(self) -> bytes:
        """All of the body.

        Raises:
            AttemptFailed: as `piece`.
        """
        data = await self.piece()
        self.began = self.began or bool(data)
        if not data or self._response.content.at_eof():
            return data
        pieces = [data]
        while data := await self.piece():
            pieces.append(data)
        return b"".join(pieces)

    async def finish(self, within_s: float) -> None:
        """Reads what little follows an end that was announced, so that the connection can be used again."""
        content = self._response.content
        if not content.at_eof():
            try:
                async with asyncio.timeout(within_s):
                    await content.readany()
            except (TimeoutError, aiohttp.ClientError):
                pass  # The answer is whole: only its connection is lost.
        self.close()

    async def error_body(self) -> bytes:
        """At most 64 KiB of the body, and what there is of it if it breaks: it is an error anyway."""
        said = b""
        try:
            while len(said) < _ERROR_BODY_BYTES and (data := await self.piece()):
                said += data
        except AttemptFailed:
            pass  # The status says enough.
        self.close()
        return said

    def close(self) -> None:
        """Ends the exchange; a body that is still coming is cancelled with its connection."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()

    def _late(self, *, total: bool) -> AttemptFailed:
        self.close()
        kind = FailureKind.IDLE_TIMEOUT if self.began else FailureKind.FIRST_BYTE_TIMEOUT
        waited_s = self._timeouts.idle_s if self.began else self._timeouts.first_byte_s
        if total:
            kind, waited_s = FailureKind.TOTAL_TIMEOUT, self._timeouts.total_s
        return AttemptFailed(
            kind,
            f"{self._name}: {kind} after {waited_s:g} s",
            status=self.status,
            answered=self.began,
            billed="maybe",
        )


class _Patience(NamedTuple):
    """Whom to wait for, and how long."""

    name: str
    timeouts: Timeouts


class _Body(aiohttp.BytesPayload):
    """A request's body, which notes when it goes out: headers wait for it, so nothing did before."""

    def __init__(self, body: bytes, sending: Sending) -> None:
        super().__init__(body)
        self._sending = sending

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self._sending.begun = True
        await super().write_with_length(writer, content_length)


class Session:
    """Connections to every upstream of one worker; opens on first use, in the loop that uses it."""

    def __init__(self, *, most_answer_bytes: int = MOST_ANSWER_BYTES) -> None:
        self._most_answer_bytes = most_answer_bytes
        self._client: aiohttp.ClientSession | None = None

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        name: str,
        timeouts: Timeouts,
        sending: Sending,
    ) -> Reply:
        """Sends a body and waits for the headers of its answer.

        Raises:
            AttemptFailed: no connection, or none of an answer in time.
        """
        patience = _Patience(name, timeouts)
        try:
            return await self._send(hdrs.METH_POST, url, _Body(body, sending), headers, patience)
        except TimeoutError as error:
            raise _too_late(patience, sent=sending.begun) from error

    async def get(self, url: str, headers: Mapping[str, str], *, name: str, timeouts: Timeouts) -> Reply:
        """Asks for a page; fails as `post` does."""
        patience = _Patience(name, timeouts)
        try:
            return await self._send(hdrs.METH_GET, url, None, headers, patience)
        except TimeoutError as error:
            raise _too_late(patience, sent=True) from error

    async def _send(
        self, method: str, url: str, body: _Body | None, headers: Mapping[str, str], patience: _Patience
    ) -> Reply:
        """The headers of an answer.

        Raises:
            AttemptFailed: no connection, or it was closed.
            TimeoutError: no answer in time.
        """
        name, timeouts = patience
        client = self._client or self._open()
        started_s = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(started_s + min(timeouts.first_byte_s, timeouts.total_s)):
                response = await client.request(
                    method,
                    _url(url),
                    data=body,
                    headers=headers,
                    timeout=_connect_timeout(timeouts.connect_s),
                    allow_redirects=False,
                )
        except (aiohttp.ClientError, ValueError) as error:
            raise _unanswered(error, name, timeouts) from error
        return Reply(response, name, timeouts, started_s, self._most_answer_bytes)

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    def _open(self) -> aiohttp.ClientSession:
        # No limit on connections: each model has its own. No environment: proxies and .netrc would surprise.
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=_DNS_CACHE_S, keepalive_timeout=_KEEP_IDLE_S)
        self._client = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"pennyroute/{__version__}"},
            timeout=aiohttp.ClientTimeout(),
            trust_env=False,
        )
        return self._client


@functools.lru_cache(maxsize=256)
def _connect_timeout(connect_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=connect_s)


def _unanswered(error: Exception, name: str, timeouts: Timeouts) -> AttemptFailed:
    match error:
        case aiohttp.ConnectionTimeoutError():
            kind, said = FailureKind.CONNECT_TIMEOUT, f"no connection within {timeouts.connect_s:g} s"
            return AttemptFailed(kind, f"{name}: {said}")
        case (
            aiohttp.ClientConnectorError()
            | aiohttp.InvalidURL()
            | aiohttp.NonHttpUrlClientError()
            | ValueError()
        ):
            return AttemptFailed(FailureKind.CONNECT, f"{name}: no connection ({_short(error)})")
        case aiohttp.ClientResponseError():
            return AttemptFailed(
                FailureKind.GARBAGE,
                f"{name}: the answer is not HTTP ({type(error).__name__})",
                billed="maybe",
            )
        case _:
            # The request may have arrived whole, and be at work.
            said = f"{name}: the connection was closed before an answer ({type(error).__name__})"
            return AttemptFailed(FailureKind.CONNECT, said, billed="maybe")


def _too_late(patience: _Patience, *, sent: bool) -> AttemptFailed:
    name, timeouts = patience
    waited_s = min(timeouts.first_byte_s, timeouts.total_s)
    if not sent:
        return AttemptFailed(FailureKind.CONNECT_TIMEOUT, f"{name}: no connection within {waited_s:g} s")
    kind = FailureKind.FIRST_BYTE_TIMEOUT
    if timeouts.total_s <= timeouts.first_byte_s:
        kind = FailureKind.TOTAL_TIMEOUT
    return AttemptFailed(kind, f"{name}: no answer within {waited_s:g} s", billed="maybe")


def _short(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.strerror:
        return error.os_error.strerror
    return type(error).__name__


def retry_after_s(header: str | None, now_s: Callable[[], float]) -> float | None:
    """A `Retry-After` header in seconds from now; `None` if there is none that makes sense.

    Args:
        header: seconds or an HTTP date.
        now_s: Unix time, seconds; asked only for a date.
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now_s()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < 1e9 else None
