"""What is left of a budget now: read from its windows, and changing nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from router.budgets.budget import Budget, Claim
from router.budgets.window import BUCKETS, Window, window_of
from router.store.connection import Store
from router.store.keys import AccountKeys

MOST_WINDOWS = 10_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Left:
    """What is left in one window.

    Attributes:
        values: which one of a budget for each value, in the order of `Budget.names_each`.
        left: nano-dollars or tokens; what calls in flight hold is not left. Below 0 after an overrun.
        limit: the whole, in the same.
        start_ms: Unix milliseconds of the store's time.
        end_ms: exclusive.
    """

    values: tuple[str, ...]
    left: int
    limit: int
    start_ms: int
    end_ms: int

    @property
    def share(self) -> float:
        """What is left of the whole, 0-1."""
        return max(0.0, min(1.0, self.left / self.limit)) if self.limit else 0.0


async def lefts_of(store: Store, account: str, budget: Budget) -> list[Left]:
    """The windows of a budget that are open now, the emptiest first.

    One for each value that was seen in it; the whole limit where nothing was used and there is just one.

    Raises:
        StoreUnavailable: no answer.
    """
    keys, now_ms = AccountKeys(account), await store.now_ms()
    names = [f"{window_of(Claim(budget, ()), now_ms).name}"]
    if budget.names_each:
        [prefix] = names
        found = await store.command("ZRANGEBYSCORE", keys.windows, now_ms, "+inf")
        names = [name for name in (raw.decode() for raw in found) if name.startswith(f"{prefix}:")]
    lefts = []
    for at in range(0, len(names[:MOST_WINDOWS]), _AT_ONCE):
        asked = [("HGETALL", keys.window(name)) for name in names[at : at + _AT_ONCE]]
        for fields in await store.commands(*asked):
            left = _left(budget, now_ms, fields)
            if left is not None:
                lefts.append(left)
    return sorted(lefts, key=lambda left: (left.left, left.values))


def _left(budget: Budget, now_ms: int, fields: Mapping[bytes, bytes]) -> Left | None:
    window = window_of(Claim(budget, ()), now_ms)
    if not fields:
        if budget.names_each:
            return None
        return Left((), budget.limit, budget.limit, window.start_ms, window.end_ms)
    used = used_of(window, fields, now_ms)
    values = msgspec.json.decode(fields.get(b"of", b"[]"), type=tuple[str, ...])
    return Left(values, budget.limit - used, budget.limit, window.start_ms, window.end_ms)


def used_of(window: Window, fields: Mapping[bytes, bytes], now_ms: int) -> int:
    """What is used and held in a window, nano-dollars or tokens.

    Args:
        window: as it is now.
        fields: as the store keeps it; none where nothing was ever used.
        now_ms: of the store's time. What has left a rolling window is taken off by the next reserve only.
    """
    if not fields:
        return 0
    used = int(fields[b"limit"]) - int(fields[b"left"])
    if window.step_ms:
        oldest = now_ms // window.step_ms - BUCKETS + 1
        used -= sum(amount for bucket, amount in parts_of(fields).items() if bucket < oldest)
    return used


def parts_of(fields: Mapping[bytes, bytes]) -> dict[int, int]:
    """What was used in each part of a rolling window: part, counted since 1970 → amount."""
    return {int(name[1:]): int(amount) for name, amount in fields.items() if name[1:].isdigit()}
