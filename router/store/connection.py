"""The door to redis: one server, a Cluster or Sentinels; each key is asked of the server that holds it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from router.errors import StoreUnavailable
from router.store.failure import Elsewhere, StoreRefused
from router.store.keys import SETTINGS_VERSION
from router.store.layout import ClusterLayout, Fixed, Layout, SentinelLayout, slot_of
from router.store.node import Node, Reply, Word, pairs
from router.store.scripts import Script
from router.store.url import BadStoreUrl, Kind, parse_store_url

__all__ = ["Reply", "Server", "Store", "StoreRefused", "Word"]

_Found = TypeVar("_Found")
_WITHOUT_KEY = frozenset(
    {"CLIENT", "CLUSTER", "CONFIG", "DBSIZE", "DEBUG", "FLUSHALL", "INFO", "KEYS", "PING", "ROLE", "SCAN"}
    | {"SCRIPT", "TIME", "WAIT"}
)
_KEY_AT_2 = frozenset({"MEMORY", "OBJECT", "XGROUP", "XINFO"})
_SECTIONS = ("server", "persistence", "memory", "replication")


@dataclass(frozen=True, slots=True)
class Server:
    """One server of the store, as `pennyroute doctor` sees it.

    Attributes:
        name: its address.
        primary: as the Cluster or the Sentinels name it; a single server always.
        info: `INFO server`, `persistence`, `memory` and `replication`; empty where it does not answer.
        failure: why it does not.
    """

    name: str
    primary: bool
    info: Mapping[str, str]
    failure: str = ""


class Store:
    """Redis or Valkey: one server, a Cluster, or whatever Sentinels say is the primary.

    Keys of one script, of one transaction and of one `MGET` or `DEL` have the same hash tag: in a Cluster
    they are on one server.
    """

    def __init__(self, layout: Layout, kind: Kind = Kind.SINGLE) -> None:
        self._layout = layout
        self.kind = kind

    @classmethod
    def at_url(cls, url: str, *, timeout_s: float = 2.0) -> "Store":
        """A store that connects when it is first asked. docs/deployment.md has the URLs it takes.

        Raises:
            StoreUnavailable: the URL cannot be read; the words show nothing of it.
        """
        try:
            found = parse_store_url(url)
        except BadStoreUrl as error:
            raise StoreUnavailable(f"the store's URL {error}") from None
        if found.kind is Kind.CLUSTER:
            return cls(ClusterLayout(found, timeout_s=timeout_s), found.kind)
        if found.kind is Kind.SENTINEL:
            return cls(SentinelLayout(found, timeout_s=timeout_s), found.kind)
        name = str(found.hosts[0]) if found.hosts else "its socket"
        return cls(Fixed(Node.at_url(url, timeout_s=timeout_s), name))

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Word]) -> Reply:
        """Runs a script atomically.

        Raises:
            StoreUnavailable: no answer; whether it ran is not known.
            StoreRefused: the script did not take its arguments or found other data than it knows.
            UnicodeEncodeError: a text that is no UTF-8; nothing was sent.
        """
        words = [len(keys), *(_raw(word) for word in (*keys, *args))]  # here: a bad one hurts its caller only
        return await self._asked(keys[0] if keys else None, lambda node: node.run(script, words))

    async def command(self, *words: Word) -> Reply:
        """One plain command, by its Redis name."""
        return await self._asked(_key(words), lambda node: node.command(*words))

    async def commands(self, *commands: Sequence[Word]) -> list[Reply]:
        """Several plain commands in one round trip, not atomic; in a Cluster in one to each server.

        Those of one server are done in the order given. Where a server has handed on what it held they are
        sent again, which all of them must stand.
        """
        if not commands:
            return []
        try:
            return await self._spread(commands)
        except Elsewhere:
            await self._layout.refresh()
            return await self._spread(commands)
        except StoreUnavailable:
            self._layout.doubt()
            raise

    async def commands_in_turn(
        self, first: Sequence[Sequence[Word]], then: Sequence[Sequence[Word]]
    ) -> list[Reply]:
        """As `commands`, with all of `then` done after all of `first`."""
        if self.kind is not Kind.CLUSTER:  # one server does them in order
            return await self.commands(*first, *then)
        return [*await self.commands(*first), *await self.commands(*then)]

    async def _spread(self, commands: Sequence[Sequence[Word]]) -> list[Reply]:
        places: dict[Node, list[int]] = {}
        for at, words in enumerate(commands):
            places.setdefault(await self._layout.node(_key(words)), []).append(at)
        found = await asyncio.gather(
            *(node.commands([commands[at] for at in here]) for node, here in places.items())
        )
        replies: list[Reply] = [None] * len(commands)
        for here, answers in zip(places.values(), found, strict=True):
            for at, answer in zip(here, answers, strict=True):
                replies[at] = answer
        return replies

    async def at_once(self, *commands: Sequence[Word]) -> list[Reply]:
        """Several plain commands as one transaction: nothing happens between them."""
        keys = {slot_of(key): key for words in commands if (key := _key(words)) is not None}
        if len(keys) > 1:
            raise ValueError("the keys of a transaction have one hash tag, so that a Cluster can do it")
        key = next(iter(keys.values()), None)
        return await self._asked(key, lambda node: node.at_once(commands))

    async def everywhere(self, *words: Word) -> list[Reply]:
        """One plain command on every primary."""
        return [await node.command(*words) for _, node in await self._layout.primaries()]

    async def configured(self, name: str) -> list[str]:
        """What every primary's configuration says of a setting.

        Raises:
            StoreUnavailable: no answer, or it is not said to us.
        """
        replies = [pairs(reply) for reply in await self.everywhere("CONFIG", "GET", name)]
        return [value.decode() for reply in replies for value in reply.values()]

    async def hash_of(self, key: str) -> dict[bytes, bytes]:
        """A whole hash; empty when there is none."""
        return await self._asked(key, lambda node: node.hash_of(key))

    async def stream(
        self, key: str, *, first: str = "-", last: str = "+", newest_first: bool = False
    ) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
        """The items of a stream between two ids, in pages of a thousand."""
        command = "XREVRANGE" if newest_first else "XRANGE"
        while True:
            bounds = (last, first) if newest_first else (first, last)
            page = await self.command(command, key, *bounds, "COUNT", 1000)
            for raw_id, fields in page or []:
                yield raw_id.decode(), pairs(fields)
            if len(page or []) < 1000:
                return
            if newest_first:
                last = f"({page[-1][0].decode()}"
            else:
                first = f"({page[-1][0].decode()}"

    async def now_ms(self, key: str = SETTINGS_VERSION) -> int:
        """The clock of the server that holds a key: Unix milliseconds."""
        seconds, micros = await self._asked(key, lambda node: node.command("TIME"))
        return int(seconds) * 1000 + int(micros) // 1000

    async def server(self) -> Mapping[str, str]:
        """`INFO server`, `persistence`, `memory` and `replication` of the server that holds the settings."""
        return await self._asked(SETTINGS_VERSION, lambda node: node.info(*_SECTIONS))

    async def servers(self) -> list[Server]:
        """Every server of the store: primaries, then replicas as far as they are known by address.

        Raises:
            StoreUnavailable: nobody says which there are.
        """
        primaries, replicas = await self._layout.primaries(), await self._layout.replicas()
        return await asyncio.gather(
            *(_server(name, node, primary=True) for name, node in primaries),
            *(_server(name, node, primary=False) for name, node in replicas),
        )

    async def incumbents(self, keys: Iterable[str]) -> dict[str, str | None]:
        """Who is primary of each key now; another server says another thing, and one that was restarted too.

        `None` where the primary does not answer.

        Raises:
            StoreUnavailable: nobody says who is primary.
        """
        if self.kind is not Kind.SINGLE:
            await self._layout.refresh()
        nodes = {key: await self._layout.node(key) for key in keys}
        asked = list(dict.fromkeys(nodes.values()))
        found = dict(zip(asked, await asyncio.gather(*map(_incumbent, asked)), strict=True))
        return {key: found[node] for key, node in nodes.items()}

    async def _asked(self, key: str | None, ask: Callable[[Node], Awaitable[_Found]]) -> _Found:
        node = await self._layout.node(key)
        try:
            return await ask(node)
        except Elsewhere:
            await self._layout.refresh()
            return await ask(await self._layout.node(key))
        except StoreUnavailable:
            self._layout.doubt()
            raise

    async def aclose(self) -> None:
        """Waits for what is on its way and closes every connection."""
        await self._layout.aclose()


async def _server(name: str, node: Node, *, primary: bool) -> Server:
    try:
        return Server(name, primary, await node.info(*_SECTIONS))
    except StoreUnavailable as error:
        return Server(name, primary, {}, error.message)


async def _incumbent(node: Node) -> str | None:
    """A promotion gives a server another replication id, a restart another run id."""
    try:
        info = await node.info("server", "replication")
    except StoreUnavailable:
        return None
    return f"{info['run_id']} {info.get('master_replid', '')}" if info.get("role") == "master" else None


def _raw(word: Word) -> Word:
    return word.encode() if isinstance(word, str) else word


def _key(words: Sequence[Word]) -> str | None:
    """The first key of a command, which decides who is asked; `None` where any server will do."""
    name = str(words[0]).upper()
    at = 2 if name in _KEY_AT_2 else 1
    return None if name in _WITHOUT_KEY or len(words) <= at else str(words[at])
