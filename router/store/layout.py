"""Which server holds which key: always the same one, or the one that a Cluster or Sentinels name now."""

import asyncio
import contextlib
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from redis.crc import key_slot

from router.errors import StoreUnavailable
from router.joint import Joint
from router.store.failure import StoreRefused
from router.store.node import Node
from router.store.url import Address, Kind, StoreUrl

_Found = TypeVar("_Found")
_APART_S = 0.1  # a store that is away is asked for its layout ten times a second, however many miss it
_ONE_PATIENCE = 0.25  # of the time a call may take, for each server that is asked for the layout


@dataclass(frozen=True, slots=True)
class Chart:
    """Who is primary of what, by one answer.

    Attributes:
        starts: the first slot of each range, ascending.
        ends: the last slot of each.
        owners: the primary of each.
        replicas: the replicas of all of them.
    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    owners: tuple[Address, ...]
    replicas: tuple[Address, ...] = ()

    @property
    def primaries(self) -> tuple[Address, ...]:
        """Each once."""
        return tuple(dict.fromkeys(self.owners))

    def owner(self, slot: int) -> Address:
        """The primary of a slot.

        Raises:
            StoreUnavailable: nobody serves it.
        """
        at = bisect_right(self.starts, slot) - 1
        if at < 0 or slot > self.ends[at]:
            raise StoreUnavailable(f"no server of the Cluster serves slot {slot}; see `pennyroute doctor`")
        return self.owners[at]


def slot_of(key: str) -> int:
    """The slot of a key, 0-16383: that of its hash tag where it has one."""
    opens = key.find("{")
    closes = key.find("}", opens + 1) if opens >= 0 else -1
    return _slot(key[opens : closes + 1] if closes > opens + 1 else key)


@lru_cache(maxsize=65_536)
def _slot(tag: str) -> int:
    slot: int = key_slot(tag.encode())
    return slot


class Layout(Protocol):
    """Which server to ask."""

    async def node(self, key: str | None) -> Node:
        """The primary of a key; without one, any.

        Raises:
            StoreUnavailable: nobody says who that is.
        """

    async def refresh(self) -> None:
        """Finds out who is primary now; raises `StoreUnavailable` where nobody says."""

    def doubt(self) -> None:
        """A server failed: finds out in the background."""

    async def primaries(self) -> Sequence[tuple[str, Node]]:
        """Every primary, with its address in words."""

    async def replicas(self) -> Sequence[tuple[str, Node]]:
        """Every replica that is known by address."""

    async def aclose(self) -> None:
        """Closes every connection."""


class Fixed:
    """One server, whatever becomes of it."""

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._name = name

    async def node(self, key: str | None) -> Node:
        """See `Layout`."""
        del key
        return self._node

    async def refresh(self) -> None:
        """Where a name moves on to the next primary, only a new connection gets there."""
        await self._node.reconnect()

    def doubt(self) -> None:
        """A broken connection is opened anew as it is."""

    async def primaries(self) -> Sequence[tuple[str, Node]]:
        """See `Layout`."""
        return [(self._name, self._node)]

    async def replicas(self) -> Sequence[tuple[str, Node]]:
        """Not known by address."""
        return []

    async def aclose(self) -> None:
        """See `Layout`."""
        await self._node.aclose()


class Named:
    """The servers that a Cluster, or Sentinels, name. Subclasses say how they are asked."""

    def __init__(self, url: StoreUrl, *, timeout_s: float) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._nodes: dict[Address, Node] = {}
        self._chart: Chart | None = None
        self._finding = Joint(self._find, apart_s=_APART_S)
        self._doubting: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def find(self) -> Chart:
        """Asks who is primary.

        Raises:
            StoreUnavailable: nobody says.
        """
        raise NotImplementedError

    async def node(self, key: str | None) -> Node:
        """See `Layout`."""
        if self._chart is None:
            await self.refresh()
        assert self._chart is not None
        at = self._chart.owners[0] if key is None else self._chart.owner(slot_of(key))
        return self.server(at)

    async def refresh(self) -> None:
        """See `Layout`."""
        await self._finding()

    def doubt(self) -> None:
        """See `Layout`."""
        if self._doubting is None or self._doubting.done():
            self._doubting = self._later(self._try_to_refresh())

    async def primaries(self) -> Sequence[tuple[str, Node]]:
        """See `Layout`."""
        if self._chart is None:
            await self.refresh()
        assert self._chart is not None
        return [(str(at), self.server(at)) for at in self._chart.primaries]

    async def replicas(self) -> Sequence[tuple[str, Node]]:
        """See `Layout`."""
        return [(str(at), self.server(at)) for at in self._chart.replicas] if self._chart else []

    async def aclose(self) -> None:
        """See `Layout`."""
        await self._finding.aclose()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for node in self._nodes.values():
            await node.aclose()

    def server(self, at: Address) -> Node:
        """The server at an address, as the URL says to log in there."""
        found = self._nodes.get(at)
        if found is None:
            found = self._nodes[at] = Node.at_url(
                self.url.server(at),
                timeout_s=self._timeout_s,
                username=self.url.username,
                password=self.url.password,
            )
        return found

    async def first_answer(
        self, asked: Iterable[Address], ask: Callable[[Address], Awaitable[_Found]]
    ) -> tuple[Address, _Found]:
        """Who answers first, asked one after the other, and what.

        Raises:
            StoreUnavailable: nobody does; the words are those of the last.
        """
        last: Exception = StoreUnavailable("there is nobody to ask")
        for at in asked:
            try:
                async with asyncio.timeout(self._timeout_s * _ONE_PATIENCE):
                    return at, await ask(at)
            except (StoreUnavailable, StoreRefused) as error:
                last = error
            except TimeoutError as error:
                last = StoreUnavailable(f"{at} does not answer in time")
                last.__cause__ = error
        raise StoreUnavailable(f"nobody says which server is the primary: {last}") from last

    async def _find(self) -> None:
        chart = await self.find()
        self._chart = chart
        kept = {*self.url.hosts, *chart.owners, *chart.replicas}
        for at in self._nodes.keys() - kept:
            self._later(self._nodes.pop(at).aclose())

    async def _try_to_refresh(self) -> None:
        with contextlib.suppress(StoreUnavailable):  # whoever asks next is told by the server it asks
            await self.refresh()

    def _later(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class ClusterLayout(Named):
    """A Redis Cluster: any of its nodes knows who serves which slots."""

    kind = Kind.CLUSTER

    def __init__(self, url: StoreUrl, *, timeout_s: float) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._answered: Address | None = None

    async def find(self) -> Chart:
        """See `Named`."""
        known = (*self._chart.owners, *self._chart.replicas) if self._chart else ()
        first = (self._answered,) if self._answered else ()
        asked = dict.fromkeys((*first, *known, *self.url.hosts))
        self._answered, chart = await self.first_answer(asked, self._slots)
        return chart

    async def _slots(self, at: Address) -> Chart:
        try:
            reply = await self.server(at).command("CLUSTER", "SLOTS")
        except StoreRefused as error:
            if "cluster support disabled" not in str(error):
                raise
            raise StoreRefused(f"{at} is no node of a Cluster: write redis:// for one server") from error
        ranges = sorted((int(row[0]), int(row[1]), [_named(one, at) for one in row[2:]]) for row in reply)
        if not ranges:
            raise StoreUnavailable(f"{at} is in a Cluster that serves no slots; see `pennyroute doctor`")
        return Chart(
            tuple(first for first, _, _ in ranges),
            tuple(last for _, last, _ in ranges),
            tuple(servers[0] for _, _, servers in ranges),
            tuple(dict.fromkeys(one for _, _, servers in ranges for one in servers[1:])),
        )


def _named(row: Sequence[bytes | int | None], asked: Address) -> Address:
    """An address as a node gives it; one that does not know its own is where it was asked."""
    host, port = row[0], row[1]
    text = host.decode() if isinstance(host, bytes) else ""
    return Address(text if text not in {"", "?"} else asked.host, int(port or asked.port))


class SentinelLayout(Named):
    """Sentinels name the primary; that it is one, it says itself."""

    kind = Kind.SENTINEL

    def __init__(self, url: StoreUrl, *, timeout_s: float) -> None:
        super().__init__(url, timeout_s=timeout_s)
        self._sentinels = {
            at: Node.at_url(
                url.sentinel(at),
                timeout_s=timeout_s,
                username=url.sentinel_username,
                password=url.sentinel_password,
            )
            for at in url.hosts
        }
        self._asked = list(url.hosts)

    async def find(self) -> Chart:
        """See `Named`."""
        answered, chart = await self.first_answer(self._asked, self._primary)
        self._asked.sort(key=lambda at: at != answered)
        return chart

    async def _primary(self, at: Address) -> Chart:
        sentinel, service = self._sentinels[at], self.url.service
        found = await sentinel.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
        if not found:
            raise StoreUnavailable(f"the Sentinel at {at} watches no service {service!r}")
        primary = Address(found[0].decode(), int(found[1]))
        role = await self.server(primary).command("ROLE")
        if role[0] != b"master":
            raise StoreUnavailable(f"{primary}, which the Sentinel at {at} names, is no primary")
        replicas = tuple(Address(host.decode(), int(port)) for host, port, *_ in role[2])
        return Chart((0,), (16_383,), (primary,), replicas)

    async def aclose(self) -> None:
        """See `Layout`."""
        await super().aclose()
        for sentinel in self._sentinels.values():
            await sentinel.aclose()
