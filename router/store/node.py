"""One server: a connection pool, scripts sent in batches, errors in our own words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError,  # noqa: A004 - redis has its own, which the built-in one is not
    NoScriptError,
    RedisError,
)

from router.errors import PennyrouteError, StoreUnavailable
from router.store.failure import in_words
from router.store.line import Line
from router.store.scripts import Script

Reply = Any
Word = str | int | bytes

_BATCH_LIMIT = 64
_BATCHES_ON_THEIR_WAY = 2
_PATIENCE = 15  # times longer for a transaction: it may read months of counters
_MOST_CONNECTIONS = 1024
_PLAIN_AT_ONCE = 64  # only plain commands use more than two connections; to open a thousand takes seconds

_Waiting = tuple[Script, list[Word], "asyncio.Future[Reply]"]


class Node:
    """One Redis or Valkey, through one pool.

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
        self._free = asyncio.Semaphore(_PLAIN_AT_ONCE)

    @classmethod
    def at_url(
        cls, url: str, *, timeout_s: float, username: str | None = None, password: str | None = None
    ) -> "Node":
        """Connects to `redis://`, `rediss://` or `unix://`.

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
                username=username,
                password=password,
            )
        except ValueError:  # its text may quote a password
            raise StoreUnavailable(
                "the store's URL cannot be read; it looks like redis://:password@host:6379/0, "
                "with special characters of the password percent-encoded"
            ) from None
        return cls(client, timeout_s=timeout_s)

    async def run(self, script: Script, words: Sequence[Word]) -> Reply:
        """Runs a script atomically; `words` are the number of its keys, the keys, the arguments."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((script, list(words), future))
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
            self._flags_known = int((await self.info("server"))["redis_version"].split(".")[0]) >= 7
        return self._flags_known

    async def command(self, *words: Word) -> Reply:
        """One plain command, by its Redis name."""
        async with self.in_time():
            return await cast("Any", self._client).execute_command(*words)

    async def commands(self, commands: Sequence[Sequence[Word]]) -> list[Reply]:
        """Several plain commands in one round trip, not atomic."""
        async with self.in_time():
            pipeline = self._client.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return await pipeline.execute()

    async def at_once(self, commands: Sequence[Sequence[Word]]) -> list[Reply]:
        """Several plain commands as one transaction: nothing happens between them."""
        async with self.in_time(_PATIENCE):
            pipeline = self._client.pipeline(transaction=True)
            for words in commands:
                pipeline.execute_command(*words)
            return [
                _as_mapping(reply, words)
                for reply, words in zip(await pipeline.execute(), commands, strict=True)
            ]

    async def hash_of(self, key: str) -> dict[bytes, bytes]:
        """A whole hash; empty when there is none."""
        async with self.in_time():
            return cast("dict[bytes, bytes]", await cast("Any", self._client).hgetall(key))

    async def info(self, *sections: str) -> Mapping[str, str]:
        """Sections of `INFO`."""
        async with self.in_time():
            found: dict[str, Any] = {}
            for section in sections:
                found |= cast("dict[str, Any]", await cast("Any", self._client).info(section))
            return {name: str(value) for name, value in found.items()}

    @contextlib.asynccontextmanager
    async def in_time(self, patience: float = 1) -> AsyncIterator[None]:
        """Bounds what is asked within, and says in our words what went wrong."""
        try:
            async with asyncio.timeout(self._timeout_s * patience), self._free:
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise in_words(error) from error

    async def reconnect(self) -> None:
        """Closes what is idle: the host's name may mean another server by now."""
        lines, self._lines = self._lines, []
        for line in lines:
            await line.aclose()
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def aclose(self) -> None:
        """Waits for what is on its way and closes the pool."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self._lines:
            await line.aclose()
        await self._client.aclose()


def pairs(fields: Any) -> dict[bytes, bytes]:
    """A hash's or an item's fields: by the server's protocol as one flat list, or as a map."""
    if isinstance(fields, dict):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _as_mapping(reply: Reply, words: Sequence[Word]) -> Reply:
    return pairs(reply) if words[0] == "HGETALL" else reply


def _answer(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not isinstance(reply, Exception):
        future.set_result(reply)
        return
    said = in_words(reply)
    if said is not reply:
        said.__cause__ = reply
    future.set_exception(said)
