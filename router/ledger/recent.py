"""The settles a store acknowledged lately: what a replica that becomes primary may not have heard of."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from router.ledger.entry import Entry

KEPT_S = 30.0
MOST_BYTES = 64 * 1024 * 1024
_ENTRY_BYTES = 2_000  # what an entry takes beside its decision, about


@dataclass(slots=True)
class Settled:
    """One settle that was acknowledged.

    Attributes:
        at_s: monotonic seconds of the last time it was.
        primary: whom it was settled with again, by `Store.incumbents`; '' for nobody yet.
    """

    entry: Entry
    decision: bytes
    at_s: float
    primary: str = ""

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return _ENTRY_BYTES + len(self.decision)


class Recent:
    """What each account's store acknowledged, for 30 s beyond which its primary was still the same.

    Of an account whose primary does not answer nothing is forgotten. Memory is bounded all the same: the
    account that has most loses its oldest.

    Attributes:
        dropped: settles that were forgotten early because they were too many.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES, clock_s: Callable[[], float] = monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock_s = clock_s
        self._settled: dict[str, deque[Settled]] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0
        self.dropped = 0

    def add(self, account: str, entry: Entry, decision: bytes) -> None:
        """Remembers a settle that was acknowledged just now."""
        settled = Settled(entry, decision, self._clock_s())
        self._settled.setdefault(account, deque()).append(settled)
        self._grow(account, settled.size)
        while self._size > self._most_bytes:
            self._forget_oldest(max(self._sizes, key=self._sizes.__getitem__))
            self.dropped += 1

    def accounts(self) -> list[str]:
        """Those of which something is remembered."""
        return list(self._settled)

    def untold(self, account: str, primary: str) -> list[Settled]:
        """What this primary was not told again, oldest first."""
        return [settled for settled in self._settled.get(account, ()) if settled.primary != primary]

    def told(self, settled: Settled, primary: str) -> None:
        """It was settled again: this primary acknowledged it now."""
        settled.primary = primary
        settled.at_s = self._clock_s()

    def forget(self, account: str, before_s: float) -> None:
        """Forgets what was acknowledged before this moment."""
        while (kept := self._settled.get(account)) and kept[0].at_s < before_s:
            self._forget_oldest(account)

    def __len__(self) -> int:
        return sum(len(kept) for kept in self._settled.values())

    def _forget_oldest(self, account: str) -> None:
        self._grow(account, -self._settled[account].popleft().size)
        if not self._settled[account]:
            del self._settled[account], self._sizes[account]

    def _grow(self, account: str, size: int) -> None:
        self._size += size
        self._sizes[account] = self._sizes.get(account, 0) + size
