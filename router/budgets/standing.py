"""How near the hard budgets of a call are to empty, so that a ladder can step down before they are."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from router.budgets.budget import Asker, Budget, claims_of
from router.budgets.clock import StoreClock
from router.budgets.window import window_of
from router.errors import StoreUnavailable
from router.store.connection import Store, StoreRefused
from router.store.keys import AccountKeys

AGE_LIMIT_S: Final = 2.0
_WINDOWS_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Least:
    """The hard budget that is nearest to empty.

    Attributes:
        share: what is left of its limit, 0-1, held amounts not counted as left.
    """

    share: float
    budget_id: str


class Standing:
    """What is left of the windows of all accounts, as far as reserves said it a moment ago."""

    def __init__(self, store: Store, clock: StoreClock) -> None:
        self._store = store
        self._clock = clock
        self._said: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def heard(self, account: str, window: str, left: int, limit: int) -> None:
        """Takes note of what a reserve answered of a window."""
        key = account, window
        self._said[key] = (asyncio.get_running_loop().time(), _share(left, limit))
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
            windows = [(claim.budget, window_of(claim, now_ms).name) for claim in hard]
            await self._read(account, [pair for pair in windows if not self._fresh(account, pair[1])])
        except (StoreUnavailable, StoreRefused):  # the reserve that follows says so
            return None
        said = [Least(self._said[account, name][1], budget.id) for budget, name in windows]
        return min(said, key=lambda one: one.share)

    def _fresh(self, account: str, window: str) -> bool:
        found = self._said.get((account, window))
        return found is not None and asyncio.get_running_loop().time() - found[0] <= AGE_LIMIT_S

    async def _read(self, account: str, windows: list[tuple[Budget, str]]) -> None:
        if not windows:
            return
        keys = AccountKeys(account)
        replies = await self._store.commands(
            *(("HMGET", keys.window(name), "left", "limit") for _, name in windows)
        )
        for (budget, name), (left, limit) in zip(windows, replies, strict=True):
            used = 0 if left is None else int(limit) - int(left)
            self.heard(account, name, budget.limit - used, budget.limit)


def _share(left: int, limit: int) -> float:
    return max(0.0, min(1.0, left / limit)) if limit > 0 else 0.0
