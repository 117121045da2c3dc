"""What a route's traffic was lately and what its audits cost this month, by the ledger's hourly counters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from policies import Tier
from router.ledger.counters import counters_of, hours_counted
from router.ledger.entry import GROUP_NAMES, GROUP_SEPARATOR
from router.moments import HOUR_MS, utc
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.settings import accounts

WINDOW_HOURS = 24
_STILL_MOVING = 2  # hours: calls that began in the hour before may not have ended
_SEPARATOR = GROUP_SEPARATOR.encode()
_TIER = GROUP_NAMES.index("tier")
_WANTED = frozenset(
    {b"requests", b"attempts", b"cost_nano", b"audit_nano", b"input_tokens", b"output_tokens"}
)

_Sums = dict[tuple[str, str], int]
"""(tier, metric) → sum."""


@dataclass(frozen=True, slots=True)
class TierTraffic:
    """One tier's part of the window.

    Attributes:
        cost_nano: of what answered callers.
        attempts: audits' too, as are the tokens.
    """

    requests: int
    cost_nano: int
    attempts: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the ledger says of a route.

    Attributes:
        hours: that the window covers, at least 1; at most 24, and no more than there are counters for.
        month_audit_nano: what its audits cost since the first of the month, UTC, in every account.
        month_hours_left: until the month ends.
        month: such as `2026-11`.
    """

    small: TierTraffic
    large: TierTraffic
    hours: float
    month_audit_nano: int
    month_hours_left: float
    month: str


class TrafficReader:
    """Reads a route's traffic again and again.

    Hours that are over are read once and remembered, the last day's once more whenever an hour ends: what is
    settled late into an older one is seen after a restart only.
    """

    def __init__(self, store: Store, route: str) -> None:
        self._store = store
        self._prefix = route.replace(GROUP_SEPARATOR, " ").encode() + _SEPARATOR
        self._known: dict[tuple[str, int], _Sums] = {}
        self._read_in = -1

    async def read(self) -> Traffic:
        """The traffic as it is now.

        Raises:
            StoreUnavailable: no answer.
        """
        now_ms = await self._store.now_ms()
        hour = now_ms // HOUR_MS
        first, end = _month(now_ms)
        oldest = min(first, hour - WINDOW_HOURS)
        again = hour - (_STILL_MOVING if hour == self._read_in else WINDOW_HOURS + 1)
        self._known = {at: sums for at, sums in self._known.items() if oldest <= at[1] <= again}
        for account in await accounts(self._store):
            await self._read(AccountKeys(account), oldest)
        self._read_in = hour
        window = {at[1]: None for at, sums in self._known.items() if at[1] > hour - WINDOW_HOURS and sums}
        sums = _added(sums for at, sums in self._known.items() if at[1] > hour - WINDOW_HOURS)
        begun = min(window, default=hour) * HOUR_MS
        return Traffic(
            small=_tier(sums, Tier.SMALL),
            large=_tier(sums, Tier.LARGE),
            hours=max(1.0, (now_ms - begun) / HOUR_MS),
            month_audit_nano=sum(
                amount
                for at, found in self._known.items()
                if first <= at[1]
                for (_, metric), amount in found.items()
                if metric == "audit_nano"
            ),
            month_hours_left=max(0.0, end - now_ms / HOUR_MS),
            month=utc(now_ms).strftime("%Y-%m"),
        )

    async def _read(self, keys: AccountKeys, oldest: int) -> None:
        hours = await hours_counted(self._store, keys, first_hour=oldest)
        unknown = [hour for hour in hours if (keys.account, hour) not in self._known]
        async for hour, counters in counters_of(self._store, keys, unknown):
            self._known[keys.account, hour] = self._mine(counters)

    def _mine(self, counters: Mapping[bytes, bytes]) -> _Sums:
        found: _Sums = {}
        for field, raw in counters.items():
            if not field.startswith(self._prefix):
                continue
            names = field.split(_SEPARATOR)
            if names[-1] in _WANTED:
                at = names[_TIER].decode(), names[-1].decode()
                found[at] = found.get(at, 0) + int(raw)
        return found


def _month(now_ms: int) -> tuple[int, int]:
    """The Unix hour with which the calendar month of a moment begins, and the one after its last; UTC."""
    moment = utc(now_ms)
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(first.timestamp()) // 3600, int(following.timestamp()) // 3600


def _added(many: Iterable[_Sums]) -> _Sums:
    total: _Sums = {}
    for sums in many:
        for at, amount in sums.items():
            total[at] = total.get(at, 0) + amount
    return total


def _tier(sums: _Sums, tier: Tier) -> TierTraffic:
    def of(metric: str) -> int:
        return sums.get((tier.value, metric), 0)

    return TierTraffic(
        requests=of("requests"),
        cost_nano=of("cost_nano") - of("audit_nano"),
        attempts=of("attempts"),
        input_tokens=of("input_tokens"),
        output_tokens=of("output_tokens"),
    )
