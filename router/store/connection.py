"""The door to redis: one connection pool, scripts sent in batches, errors in our own words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    ClusterDownError,
    ConnectionError,  # noqa: A004 - redis has its own, which the built-in one is not
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from router.errors import PennyrouteError, StoreUnavailable
from router.store.line import Line
from router.store.scripts import Script

Reply = Any
Word = str | int | bytes

_BATCH_LIMIT = 64
_BATCHES_ON_THEIR_WAY = 2
_PATIENCE = 15  # times longer for a transaction: it may read months of counters
_MOST_CONNECTIONS = 1024  # only plain commands use more than two
_PASSES = (
    AskError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)  # says something of the server, not of what was asked: asking again later may work
_PASSES_BY_WORD = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE", "NOAUTH")


class StoreRefused(PennyrouteError):  # noqa: N818 - the name says who was wrong
    """What was asked does not fit what the store holds: a key of another type, or an amount out of range.

    Nothing was written. Asking again changes nothing until somebody has looked.
    """

    code = "store_refused"


def _in_words(error: Exception) -> PennyrouteError:
    if isinstance(error, PennyrouteError):
        return error
    said = str(error)[:300]
    if isinstance(error, _PASSES) or said.startswith(_PASSES_BY_WORD) or "OOM command not allowed" in said:
        return StoreUnavailable(f"the store refuses for now ({type(error).__name__}): {said}")
    if isinstance(error, ResponseError):
        return StoreRefused(f"the store refused: {said}")
    return StoreUnavailable(
        f"the store does not answer ({type(error).__name__}); "
        "check that Redis or Valkey is running: `pennyroute doctor`"
    )


_Waiting = tuple[Script, list[Word], "asyncio.Future[Reply]"]


class Store:
    """Redis or Valkey, through one pool.

    Calls made while another batch is on its way travel together in the next one, so that at high
    concurrency a worker pays for a few round trips rather than for one a call.
    """

    def __init__(self, client: "Redis[bytes]", *, timeout_s: float) -> None:  # type: ignore[type-arg,unused-ignore]
        self._client = client
        self._timeout_s = timeout_s
        self._waiting: list[_Waiting] = []
        self._sending = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: list[Line] = []
        self._flags_known: bool | None = None

    @classmethod
    def at_url(cls, url: str, *, timeout_s: float = 2.0) -> "Store":
        """Connects to `redis://`, `rediss://` or `unix://` (the embedded store's socket).

        A connection that turns out to be closed is opened and asked once more, which plain commands stand as
        they are used here, and scripts that say so (an attempt's state makes the ledger's idempotent). A
        time-out is not repeated.
        """
        try:
            client = Redis.from_url(
                url,
                # Time is kept around each call instead: with a time-out of its own the client sends through
                # asyncio.wait_for, which in Python 3.11 can lose a cancellation.
                socket_timeout=None,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 1, (ConnectionError,)),
                max_connections=_MOST_CONNECTIONS,
            )
        except ValueError:  # its text may quote a password
            raise StoreUnavailable(
                "the store's URL cannot be read; it looks like redis://:password@host:6379/0, "
                "with special characters of the password percent-encoded"
            ) from None
        return cls(client, timeout_s=timeout_s)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> Reply:
        """Runs a script atomically.

        Raises:
            StoreUnavailable: no answer; whether it ran is not known.
            StoreRefused: the script did not take its arguments or found other data than it knows.
            UnicodeEncodeError: a text that is no UTF-8; nothing was sent.
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        words = [_raw(word) for word in (*keys, *args)]  # here, so that a bad one hurts its own caller only
        self._waiting.append((script, [len(keys), *words], future))
        self._send_when_free()
        return await future

    def _send_when_free(self) -> None:
        if self._sending < _BATCHES_ON_THEIR_WAY and self._waiting:
            self._sending += 1
            task = asyncio.get_running_loop().create_task(self._send())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self) -> None:
        # Taken here and not where the task is made: what else is ready in this turn of the loop comes along.
        batch, self._waiting = self._waiting[:_BATCH_LIMIT], self._waiting[_BATCH_LIMIT:]
        replies: list[Reply] = [StoreUnavailable("the service is stopping")] * len(batch)
        try:
            async with asyncio.timeout(self._timeout_s):
                replies = await self._replies(batch) if batch else []
        except (RedisError, OSError, TimeoutError, PennyrouteError) as error:
            # Whoever waits behind this batch would only wait as long again.
            batch, self._waiting = [*batch, *self._waiting], []
            replies = [error] * len(batch)
        finally:
            self._sending -= 1
            for (_, _, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    _answer(future, reply)
            self._send_when_free()

    async def _replies(self, batch: list[_Waiting]) -> list[Reply]:
        flags = await self._knows_flags()
        replies = await self._evalsha(batch, flags_known=flags)
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            for script in {batch[at][0] for at in unknown}:
                await self._client.script_load(script.text(flags_known=flags))
            again = await self._evalsha([batch[at] for at in unknown], flags_known=flags)
            for at, reply in zip(unknown, again, strict=True):
                replies[at] = reply
        return replies

    async def _evalsha(self, batch: Sequence[_Waiting], *, flags_known: bool) -> list[Reply]:
        line = self._lines.pop() if self._lines else Line(self._client.connection_pool)
        commands = [("EVALSHA", script.digest(flags_known=flags_known), *args) for script, args, _ in batch]
        try:
            if all(script.repeatable for script, _, _ in batch):
                return await line.exchange(commands)
            return await line.exchange_once(commands)
        finally:
            self._lines.append(line)

    async def _knows_flags(self) -> bool:
        if self._flags_known is None:
            self._flags_known = int((await self.server())["redis_version"].split(".")[0]) >= 7
        return self._flags_known

    async def command(self, *words: Word) -> Reply:
        """One plain command, by its Redis name."""
        async with self._in_time():
            return await cast("Any", self._client).execute_command(*words)

    async def commands(self, *commands: Sequence[Word]) -> list[Reply]:
        """Several plain commands in one round trip, not atomic."""
        async with self._in_time():
            pipeline = self._client.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return await pipeline.execute()

    async def at_once(self, *commands: Sequence[Word]) -> list[Reply]:
        """Several plain commands as one transaction: nothing happens between them."""
        async with self._in_time(_PATIENCE):
            pipeline = self._client.pipeline(transaction=True)
            for words in commands:
                pipeline.execute_command(*words)
            return [
                _as_mapping(reply, words)
                for reply, words in zip(await pipeline.execute(), commands, strict=True)
            ]

    async def hash_of(self, key: str) -> dict[bytes, bytes]:
        """A whole hash; empty when there is none."""
        async with self._in_time():
            return cast("dict[bytes, bytes]", await cast("Any", self._client).hgetall(key))

    async def stream(
        self, key: str, *, first: str = "-", last: str = "+", newest_first: bool = False
    ) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
        """The items of a stream between two ids, in pages of a thousand."""
        command = "XREVRANGE" if newest_first else "XRANGE"
        while True:
            bounds = (last, first) if newest_first else (first, last)
            page = await self.command(command, key, *bounds, "COUNT", 1000)
            for raw_id, fields in page or []:
                yield raw_id.decode(), _pairs(fields)
            if len(page or []) < 1000:
                return
            if newest_first:
                last = f"({page[-1][0].decode()}"
            else:
                first = f"({page[-1][0].decode()}"

    async def now_ms(self) -> int:
        """The store's own clock: Unix milliseconds."""
        seconds, micros = await self.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def server(self) -> Mapping[str, str]:
        """`INFO server`, `persistence` and `memory`: name, version, AOF state, memory limit."""
        async with self._in_time():
            found: dict[str, Any] = {}
            for section in ("server", "persistence", "memory"):
                found |= cast("dict[str, Any]", await cast("Any", self._client).info(section))
            return {name: str(value) for name, value in found.items()}

    @contextlib.asynccontextmanager
    async def _in_time(self, patience: int = 1) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s * patience):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise _in_words(error) from error

    async def aclose(self) -> None:
        """Waits for what is on its way and closes the pool."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._lines:
            await line.aclose()
        await self._client.aclose()


def _raw(word: Word) -> Word:
    return word.encode() if isinstance(word, str) else word


def _as_mapping(reply: Reply, words: Sequence[Word]) -> Reply:
    return _pairs(reply) if words[0] == "HGETALL" else reply


def _pairs(fields: Any) -> dict[bytes, bytes]:
    if isinstance(fields, dict):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _answer(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not isinstance(reply, Exception):
        future.set_result(reply)
        return
    said = _in_words(reply)
    if said is not reply:
        said.__cause__ = reply
    future.set_exception(said)
