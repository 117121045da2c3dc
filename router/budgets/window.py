"""Windows of time: from when to when what is used counts against one limit."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from router.budgets.budget import Budget, Claim, Period

BUCKETS: Final = 60
"""A rolling window is so many parts long; each is given back when it leaves the window."""

_MINUTE_MS: Final = 60_000
_DAY_MS: Final = 86_400_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KEPT_MS: Final = {
    Period.MINUTE: 60 * _MINUTE_MS,
    Period.DAY: 2 * _DAY_MS,
    Period.MONTH: 8 * _DAY_MS,
    Period.ROLLING: 60 * _MINUTE_MS,
}


@dataclass(frozen=True, slots=True)
class Window:
    """What one claim counts in at a moment.

    Attributes:
        name: what its key ends in.
        start_ms: Unix milliseconds, inclusive; of a rolling one when its oldest part began.
        end_ms: exclusive; of a rolling one when its oldest part leaves it.
        step_ms: length of a part of a rolling one; 0 of any other.
        kept_ms: how long it is kept after its end, so that what ends late finds it.
    """

    name: str
    start_ms: int
    end_ms: int
    step_ms: int
    kept_ms: int


def window_of(claim: Claim, now_ms: int) -> Window:
    """The window of a claim at a moment of the store's time."""
    budget = claim.budget
    kept_ms = _KEPT_MS[budget.period]
    if budget.period is Period.ROLLING:
        step_ms = budget.window_s * 1000 // BUCKETS
        start_ms = (now_ms // step_ms - BUCKETS + 1) * step_ms
        return Window(_name(claim, "r"), start_ms, start_ms + BUCKETS * step_ms, step_ms, kept_ms)
    start_ms, end_ms = bounds(budget, now_ms)
    return Window(_name(claim, f"{start_ms // 1000}"), start_ms, end_ms, 0, kept_ms)


def bounds(budget: Budget, now_ms: int) -> tuple[int, int]:
    """Start and end of the calendar window around a moment, Unix milliseconds."""
    if budget.period is Period.MINUTE:
        start_ms = now_ms // _MINUTE_MS * _MINUTE_MS
        return start_ms, start_ms + _MINUTE_MS
    return _calendar(budget.period, budget.time_zone, now_ms // _MINUTE_MS * _MINUTE_MS)


@lru_cache(maxsize=1024)
def _calendar(period: Period, time_zone: str, now_ms: int) -> tuple[int, int]:
    zone = ZoneInfo(time_zone)
    day = (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(zone).date()
    start = day.replace(day=1) if period is Period.MONTH else day
    # Where a clock goes back over midnight a date comes twice; its window is the first of its midnights on.
    while _midnight_ms(start, zone) > now_ms:
        start = _stepped(start, period, -1)
    while (end_ms := _midnight_ms(_stepped(start, period, 1), zone)) <= now_ms:
        start = _stepped(start, period, 1)
    return _midnight_ms(start, zone), end_ms


def _stepped(start: date, period: Period, by: int) -> date:
    if period is Period.DAY:
        return start + timedelta(days=by)
    months = start.year * 12 + start.month - 1 + by
    return date(months // 12, months % 12 + 1, 1)


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    """When a date begins: at its first midnight, or, where the clock skips that, when it does."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return (midnight - _EPOCH) // timedelta(milliseconds=1)


def _name(claim: Claim, when: str) -> str:
    if not claim.values:
        return f"{claim.budget.id}:{when}"
    digest = hashlib.sha256(msgspec.json.encode(claim.values)).hexdigest()[:24]
    return f"{claim.budget.id}:{when}:{digest}"
