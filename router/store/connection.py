"""The door to redis: one connection pool, scripts sent in batches, errors in our own words."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.connection import ConnectionPool, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from router.errors import StoreUnavailable
from router.store.scripts import Script

Reply = Any
_BATCH_LIMIT = 64


@contextlib.contextmanager
def _in_our_words() -> Any:
    try:
        yield
    except ResponseError:
        raise
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(
            f"the store does not answer ({type(error).__name__}); "
            "check that Redis or Valkey is running: `pennyroute doctor`"
        ) from error


class Store:
    """Redis or Valkey, through one pool.

    Calls made while another batch is on its way travel together in the next one, so that at high
    concurrency a worker pays for a few round trips rather than for one a call.
    """

    def __init__(self, client: "Redis[bytes]") -> None:  # type: ignore[type-arg,unused-ignore]
        self._client = client
        self._waiting: list[tuple[Script, list[Any], asyncio.Future[Reply]]] = []
        self._sending = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._flags_known: bool | None = None

    @classmethod
    def at_url(cls, url: str, *, timeout_s: float = 2.0) -> "Store":
        """Connects to `redis://`, `rediss://` or `unix://` (the embedded store's socket)."""
        options: dict[str, Any] = {
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 1),
        }
        try:
            if url.startswith("unix://"):
                pool = ConnectionPool(
                    connection_class=UnixDomainSocketConnection, path=url.removeprefix("unix://"), **options
                )
                return cls(Redis(connection_pool=pool))
            return cls(Redis.from_url(url, **options))
        except ValueError as error:
            raise StoreUnavailable(f"REDIS_URL is not a URL redis understands: {error}") from error

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes]) -> Reply:
        """Runs a script atomically.

        Raises:
            StoreUnavailable: no answer; whether it ran is not known.
            ResponseError: the script itself refused its arguments.
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((script, [len(keys), *keys, *args], future))
        self._send_when_free()
        return await future

    def _send_when_free(self) -> None:
        if self._sending < 2 and self._waiting:
            batch, self._waiting = self._waiting[:_BATCH_LIMIT], self._waiting[_BATCH_LIMIT:]
            self._sending += 1
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, batch: list[tuple[Script, list[Any], asyncio.Future[Reply]]]) -> None:
        try:
            replies = await self._replies(batch)
        except (RedisError, OSError, TimeoutError, StoreUnavailable) as error:
            replies = [error] * len(batch)
        except asyncio.CancelledError as error:
            replies = [StoreUnavailable("the service is stopping")] * len(batch)
            raise error from None
        finally:
            self._sending -= 1
            for (_, _, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    _answer(future, reply)
            self._send_when_free()

    async def _replies(self, batch: list[tuple[Script, list[Any], asyncio.Future[Reply]]]) -> list[Reply]:
        flags = await self._knows_flags()
        replies = await self._evalsha([(script.digest(flags_known=flags), args) for script, args, _ in batch])
        unknown = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            for script in {batch[at][0].name: batch[at][0] for at in unknown}.values():
                await self._client.script_load(script.text(flags_known=flags))
            again = await self._evalsha(
                [(batch[at][0].digest(flags_known=flags), batch[at][1]) for at in unknown]
            )
            for at, reply in zip(unknown, again, strict=True):
                replies[at] = reply
        return replies

    async def _evalsha(self, calls: Sequence[tuple[str, list[Any]]]) -> list[Reply]:
        pipeline = self._client.pipeline(transaction=False)
        for digest, args in calls:
            pipeline.execute_command("EVALSHA", digest, *args)
        return await pipeline.execute(raise_on_error=False)

    async def _knows_flags(self) -> bool:
        if self._flags_known is None:
            self._flags_known = int((await self.server())["redis_version"].split(".")[0]) >= 7
        return self._flags_known

    async def command(self, *words: str | int | bytes) -> Reply:
        """One plain command, by its Redis name."""
        with _in_our_words():
            return await cast("Any", self._client).execute_command(*words)

    async def commands(self, *commands: Sequence[str | int | bytes]) -> list[Reply]:
        """Several plain commands in one round trip, not atomic."""
        with _in_our_words():
            pipeline = self._client.pipeline(transaction=False)
            for words in commands:
                pipeline.execute_command(*words)
            return await pipeline.execute()

    async def at_once(self, *commands: Sequence[str | int | bytes]) -> list[Reply]:
        """Several plain commands as one transaction: nothing happens between them."""
        with _in_our_words():
            pipeline = self._client.pipeline(transaction=True)
            for words in commands:
                pipeline.execute_command(*words)
            return [
                _as_mapping(reply, words)
                for reply, words in zip(await pipeline.execute(), commands, strict=True)
            ]

    async def hash_of(self, key: str) -> dict[bytes, bytes]:
        """A whole hash; empty when there is none."""
        with _in_our_words():
            return cast("dict[bytes, bytes]", await cast("Any", self._client).hgetall(key))

    async def scan(self, pattern: str) -> AsyncIterator[str]:
        """The names of keys that match a glob pattern."""
        async for key in self._client.scan_iter(match=pattern, count=1000):
            yield key.decode()

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
        """`INFO server` and `INFO persistence`: name, version, AOF state."""
        with _in_our_words():
            found: dict[str, Any] = {}
            for section in ("server", "persistence", "memory"):
                found |= cast("dict[str, Any]", await cast("Any", self._client).info(section))
            return {name: str(value) for name, value in found.items()}

    async def aclose(self) -> None:
        """Waits for what is on its way and closes the pool."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()


def _as_mapping(reply: Reply, words: Sequence[str | int | bytes]) -> Reply:
    return _pairs(reply) if words[0] == "HGETALL" else reply


def _pairs(fields: Any) -> dict[bytes, bytes]:
    if isinstance(fields, dict):
        return fields
    return dict(zip(fields[::2], fields[1::2], strict=True))


def _answer(future: asyncio.Future[Reply], reply: Reply) -> None:
    if isinstance(reply, ResponseError):
        if str(reply).startswith(
            ("OOM", "READONLY", "MISCONF", "LOADING", "BUSY", "CLUSTERDOWN", "NOREPLICAS")
        ):
            future.set_exception(StoreUnavailable(f"the store refuses writes: {str(reply)[:200]}"))
        else:
            future.set_exception(reply)
    elif isinstance(reply, StoreUnavailable):
        future.set_exception(reply)
    elif isinstance(reply, Exception):
        unavailable = StoreUnavailable(f"the store does not answer ({type(reply).__name__})")
        unavailable.__cause__ = reply
        future.set_exception(unavailable)
    else:
        future.set_result(reply)
