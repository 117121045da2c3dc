"""The background work of one worker: its holds kept alive, dead ones reaped, what was spooled replayed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from router.bookkeeper import Bookkeeper
from router.clock import World
from router.errors import StoreUnavailable
from router.ledger.failover import Failover
from router.ledger.ledger import Ledger
from router.spool import Spool
from router.store.connection import Store, StoreRefused
from router.store.settings import accounts
from router.store.url import Kind

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often what is done, in seconds.

    Attributes:
        extend_every_s: this worker's open holds are extended; at most half of their expiry.
        reap_every_s: overdue holds of every account are reaped, and a spool that waits is replayed.
        look_every_s: a store that failed over is noticed, and told the last settles again.
    """

    extend_every_s: float = 20.0
    reap_every_s: float = 5.0
    look_every_s: float = 1.0


class Upkeep:
    """What one worker does beside answering. Every worker may do it all at once: each step is idempotent."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        spool: Spool,
        books: Bookkeeper,
        store: Store,
        world: World,
        rounds: Rounds,
        failover: Failover | None = None,
    ) -> None:
        self._ledger = ledger
        self._spool = spool
        self._books = books
        self._store = store
        self._world = world
        self._rounds = rounds
        self._failover = failover
        self._reachable = True
        self._missing: set[str] = set()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Runs until it is cancelled; outlives every outage of the store."""
        async with asyncio.TaskGroup() as all_of_it:
            all_of_it.create_task(self._again_and_again(self._rounds.extend_every_s, self.extend))
            all_of_it.create_task(self._again_and_again(self._rounds.reap_every_s, self._reap_and_replay))
            if self._failover is not None:
                all_of_it.create_task(self._watch_primaries(self._failover))

    async def extend(self) -> None:
        """Keeps this worker's open holds alive, and says which of them are held no more.

        Raises:
            StoreUnavailable: no answer.
        """
        missing: set[str] = set()
        away: StoreUnavailable | None = None
        for account, attempts in list(self._books.open_attempts.items()):
            asked = sorted(attempts)
            try:
                gone = await self._ledger.extend(account, asked) if asked else []
            except StoreUnavailable as error:
                if self._store.kind is not Kind.CLUSTER:
                    raise
                away = error  # other accounts live on other servers
                continue
            still_open = self._books.open_attempts.get(account, set())
            missing |= {attempt for attempt in gone if attempt in still_open}
            # Missed once, its settle may just be on its way back.
            news = (missing & self._missing).intersection(asked) - self._told
            if news:
                _log.warning(
                    "%d open attempts are held no more, or never were, because the store was away: %s; "
                    "what they use is written when they end",
                    len(news),
                    ", ".join(sorted(news)[:10]),
                )
            self._told |= news
        self._missing = missing
        self._told &= {attempt for attempts in self._books.open_attempts.values() for attempt in attempts}
        if away is not None:
            raise away

    async def reap(self) -> int:
        """Settles as assumed what no worker extends, in every account; answers how many.

        Raises:
            StoreUnavailable: no answer.
        """
        reaped = 0
        away: StoreUnavailable | None = None
        for account in await accounts(self._store):
            try:
                count = await self._ledger.reap(account)
            except StoreRefused as error:  # one account's trouble is not the others'
                _log.error("account %s cannot be reaped: %s", account, error)
                continue
            except StoreUnavailable as error:
                if self._store.kind is not Kind.CLUSTER:
                    raise
                away = error  # other accounts live on other servers
                continue
            if count:
                _log.warning(
                    "account %s: %d attempts of a dead worker are settled as assumed", account, count
                )
            reaped += count
        if away is not None:
            raise away
        return reaped

    async def replay(self) -> None:
        """Writes what waits in the spool.

        Raises:
            StoreUnavailable: no answer.
            OSError: the spool's folder cannot be read or written.
        """
        if not self._spool.waiting:
            return
        done = await self._spool.replay(self._ledger)
        if done.written or done.known or done.refused:
            _log.warning(
                "replayed the spool: %d entries written, %d known already, %d set aside",
                done.written,
                done.known,
                done.refused,
            )

    async def _reap_and_replay(self) -> None:
        if not self._reachable:  # our own holds are overdue because the store was away, not because we died
            await self.extend()
        await self.reap()
        await self.replay()

    async def _watch_primaries(self, failover: Failover) -> None:
        while True:
            await asyncio.sleep(self._rounds.look_every_s)
            try:
                await failover.look()
            except StoreUnavailable:
                continue  # the other rounds tell of it; nothing is forgotten meanwhile
            except Exception:  # noqa: BLE001 - the next failover would lose money once this ends; the log has it
                _log.exception("looking for another primary failed inside, and goes on")

    async def _again_and_again(self, every_s: float, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._attempted(work)
            await asyncio.sleep(every_s * (0.9 + 0.2 * self._world.chance()))  # workers drift apart

    async def _attempted(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except StoreUnavailable as error:
            if self._reachable:
                _log.warning("the store is away: %s", error)
            self._reachable = False
        except (StoreRefused, OSError) as error:
            _log.error("upkeep: %s", error)
        except Exception:  # noqa: BLE001 - holds of every worker are lost once this ends; the log has it
            _log.exception("upkeep failed inside, and goes on")
        else:
            if not self._reachable:
                _log.warning("the store is back")
            self._reachable = True
