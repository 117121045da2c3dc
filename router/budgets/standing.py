"""How near the hard budgets of a call are to empty, so that a ladder can step down before they are."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from router.budgets.budget import Asker, Budget, claims_of
from router.budgets.clock import StoreClock
from router.budgets.left import used_of
from router.budgets.window import Window, window_of
from router.errors import StoreUnavailable
from router.store.connection import Store, StoreRefused
from router.store.keys import AccountKeys

AGE_LIMIT_S: Final = 2.0
_WINDOWS_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Least:
    """The hard budget that is nearest to empty.

    Attributes:
        left: nano-dollars or tokens; what calls in flight hold is not left.
        more_ms: when more may be left, Unix milliseconds of the store's time.
        now_ms: about now, by the same clock.
    """

    budget: Budget
    left: int
    more_ms: int
    now_ms: int = field(compare=False)

    @property
    def budget_id(self) -> str:
        """Which budget it is."""
        return self.budget.id

    @property
    def share(self) -> float:
        """What is left of its limit, 0-1."""
        limit = self.budget.limit
        return max(0.0, min(1.0, self.left / limit)) if limit > 0 else 0.0


class Standing:
    """What is left of the windows of all accounts, as far as reserves said it a moment ago."""

    def __init__(self, store: Store, clock: StoreClock) -> None:
        self._store = store
        self._clock = clock
        self._said: OrderedDict[tuple[str, str], tuple[float, int, int]] = OrderedDict()

    def heard(self, account: str, window: str, left: int, limit: int) -> None:
        """Takes note of what a reserve answered of a window."""
        key = account, window
        self._said[key] = (asyncio.get_running_loop().time(), left, limit)
        self._said.move_to_end(key)
        if len(self._said) > _WINDOWS_REMEMBERED:
            self._said.popitem(last=False)

    async def least(self, account: str, budgets: Iterable[Budget], asker: Asker) -> Least | None:
        """The least share left of the hard budgets that apply, at most 2 s old.

        Args:
            account: the tenant.
            budgets: its budgets, as `LiveSettings.budgets` knows them.
            asker: who asks; without a model, budgets of models are left out.

        Returns:
            `None` where none applies, or where the store does not say what is left.
        """
        hard = [claim for claim in claims_of(budgets, asker) if claim.budget.hard]
        if not hard:
            return None
        try:
            now_ms = await self._clock.now_ms()
            windows = [(claim.budget, window_of(claim, now_ms)) for claim in hard]
            stale = [pair for pair in windows if not self._fresh(account, *pair)]
            await self._read(account, stale, now_ms)
        except (StoreUnavailable, StoreRefused):  # the reserve that follows says so
            return None
        said = [
            Least(budget, self._said[account, window.name][1], _more_ms(window, now_ms), now_ms)
            for budget, window in windows
        ]
        return min(said, key=lambda one: one.share)

    def _fresh(self, account: str, budget: Budget, window: Window) -> bool:
        found = self._said.get((account, window.name))
        if found is None or found[2] != budget.limit:
            return False
        return asyncio.get_running_loop().time() - found[0] <= AGE_LIMIT_S

    async def _read(self, account: str, windows: list[tuple[Budget, Window]], now_ms: int) -> None:
        if not windows:
            return
        keys = AccountKeys(account)
        replies = await self._store.commands(*(("HGETALL", keys.window(one.name)) for _, one in windows))
        for (budget, window), fields in zip(windows, replies, strict=True):
            used = used_of(window, fields, now_ms)
            self.heard(account, window.name, budget.limit - used, budget.limit)


def _more_ms(window: Window, now_ms: int) -> int:
    """When a window is whole again; of a rolling one when its next part leaves it."""
    return (now_ms // window.step_ms + 1) * window.step_ms if window.step_ms else window.end_ms
