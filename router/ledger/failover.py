"""Another primary may not have all that the one before acknowledged: it is told the last settles again."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic

from router.ledger.ledger import Ledger, Recorded
from router.ledger.recent import KEPT_S, Recent, Settled
from router.store.connection import Store, StoreRefused
from router.store.keys import SETTINGS_VERSION, AccountKeys

_log = logging.getLogger(__name__)
_AT_ONCE = 64
_AGAIN_S = 10.0  # the one before may still acknowledge what was on its way when it was replaced
_SAFETY_S = 3_600.0  # nothing is told again this long before the store forgets attempts


@dataclass(slots=True)
class Told:
    """What became of the settles that were told again.

    Attributes:
        written: lost with the primary before, and written now.
        known: the new primary had them already.
        refused: they cannot be written as things are; the log says why.
    """

    written: int = 0
    known: int = 0
    refused: int = 0

    def add(self, other: "Told") -> None:
        """Counts others' too."""
        self.written += other.written
        self.known += other.known
        self.refused += other.refused


class Failover:
    """Watches who is primary of each account that this worker settled something of lately.

    A settle is idempotent, so that the new primary takes what it has not and says of the rest that it knows
    it. What a worker acknowledged is lost only if it dies in the same moment as the primary.
    """

    def __init__(
        self, store: Store, ledger: Ledger, recent: Recent, *, clock_s: Callable[[], float] = monotonic
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._recent = recent
        self._clock_s = clock_s
        self._primaries: dict[str, str] = {}
        self._first_seen_s: dict[str, float] = {}
        self._dropped = 0

    async def look(self) -> Told:
        """Tells new primaries what they may lack.

        Raises:
            StoreUnavailable: no answer; the next look does the rest.
        """
        self._say_what_was_dropped()
        began_s, told = self._clock_s(), Told()
        accounts = self._recent.accounts()
        keys = {account: AccountKeys(account).holds for account in accounts}
        # Always somebody is asked, so that a worker that settles nothing leaves a demoted primary too.
        found = await self._store.incumbents((*keys.values(), SETTINGS_VERSION))
        changed = []
        for account, key in keys.items():
            primary = found[key]
            if primary is None:  # it does not answer: nothing is forgotten meanwhile
                continue
            if self._is_new(account, primary, began_s):
                changed.append(account)
                told.add(await self._tell(account, primary, began_s))
            self._primaries[account] = primary
            self._recent.forget(account, began_s - KEPT_S)
        since_s = began_s if self._first_seen_s else -inf  # before the first of all there was none
        for primary in found.values():
            if primary is not None:
                self._first_seen_s.setdefault(primary, since_s)
        self._say(told, changed)
        return told

    def _is_new(self, account: str, primary: str, now_s: float) -> bool:
        if self._primaries.get(account, primary) != primary:
            return True
        first_seen_s = self._first_seen_s.get(primary)
        return first_seen_s is None or now_s - first_seen_s < _AGAIN_S

    async def _tell(self, account: str, primary: str, now_s: float) -> Told:
        told = Told()
        self._recent.forget(account, now_s - self._ledger.terms.attempt_memory_s + _SAFETY_S)
        waiting = self._recent.untold(account, primary)
        for start in range(0, len(waiting), _AT_ONCE):
            some = waiting[start : start + _AT_ONCE]
            answers = await asyncio.gather(
                *(self._ledger.settle_again(account, one.entry, one.decision) for one in some),
                return_exceptions=True,
            )
            for one, answer in zip(some, answers, strict=True):
                self._count(told, one, answer)
                self._recent.told(one, primary)
        return told

    def _count(self, told: Told, settled: Settled, answer: "Recorded | BaseException") -> None:
        if isinstance(answer, StoreRefused):
            _log.error("attempt %s cannot be settled again: %s", settled.entry.attempt_id, answer)
            told.refused += 1
        elif isinstance(answer, BaseException):
            raise answer
        else:
            told.written += answer is not Recorded.ALREADY
            told.known += answer is Recorded.ALREADY

    def _say(self, told: Told, accounts: list[str]) -> None:
        if told.written or told.refused:
            _log.warning(
                "another primary of the store: of the last settles of %d accounts %d were lost and are "
                "written again, %d it had, %d it refused",
                len(accounts),
                told.written,
                told.known,
                told.refused,
            )

    def _say_what_was_dropped(self) -> None:
        if self._recent.dropped > self._dropped:
            if not self._dropped:
                _log.warning(
                    "settles come faster than %.0f s of them fit into memory: should the store fail over, "
                    "the oldest are not told again",
                    KEPT_S,
                )
            self._dropped = self._recent.dropped
