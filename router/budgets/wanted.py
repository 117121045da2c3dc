"""A budget somebody asks for, checked."""

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from router.budgets.budget import SCOPE_NAMES, Period, Unit
from router.budgets.window import BUCKETS
from router.errors import InvalidRequest
from router.pricing.errors import MoneyError
from router.pricing.money import NANO_PER_USD, parse_usd

MOST_USD: Final = 1_000_000_000
MOST_TOKENS: Final = 10**15
LONGEST_WINDOW_S: Final = 31 * 86_400
_LONGEST_VALUE: Final = 128
_NO_ZONES: Final = frozenset({"localtime", "Factory"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A budget as it is asked for; make it by `wanted`.

    Attributes:
        limit: nano-dollars or tokens.
        window_s: length of a rolling window; 0 of any other.
    """

    scope: Mapping[str, str]
    period: Period
    time_zone: str
    window_s: int
    unit: Unit
    limit: int
    hard: bool

    @property
    def identity(self) -> tuple[object, ...]:
        """As `Budget.identity`."""
        return (tuple(sorted(self.scope.items())), self.period, self.time_zone, self.window_s, self.unit)


def wanted(
    *,
    scope: Mapping[str, str],
    period: str,
    limit_usd: str | float | None = None,
    limit_tokens: int | None = None,
    time_zone: str | None = None,
    window_s: int | None = None,
    hard: bool = True,
) -> Wanted:
    """Checks what somebody asks for.

    Args:
        scope: name → value, or `*` for one budget for each value; empty for every call.
        period: `minute`, `day`, `month` or `rolling`.
        limit_usd: dollars, at most 9 decimals.
        limit_tokens: instead of dollars.
        time_zone: IANA name, of a day or a month; UTC by default.
        window_s: seconds of a rolling window: a multiple of 60, so that each of its 60 parts is whole.
        hard: calls that do not fit are refused.

    Raises:
        InvalidRequest: says what is wrong, and where.
    """
    unit, limit = _limit(limit_usd, limit_tokens)
    known = _period(period)
    return Wanted(
        scope=_scope(scope),
        period=known,
        time_zone=_time_zone(known, time_zone),
        window_s=_window(known, window_s),
        unit=unit,
        limit=limit,
        hard=hard,
    )


def _limit(limit_usd: str | float | None, limit_tokens: int | None) -> tuple[Unit, int]:
    if (limit_usd is None) == (limit_tokens is None):
        raise InvalidRequest(
            "a budget has one limit: limit_usd in dollars or limit_tokens", param="limit_usd"
        )
    if limit_tokens is not None:
        if not 0 <= limit_tokens <= MOST_TOKENS:
            raise InvalidRequest(
                f"limit_tokens: a whole number from 0 to {MOST_TOKENS:,}, not {limit_tokens}",
                param="limit_tokens",
            )
        return Unit.TOKENS, limit_tokens
    assert limit_usd is not None
    try:
        nano = parse_usd(limit_usd)
    except MoneyError as error:
        raise InvalidRequest(f"limit_usd: {error}", param="limit_usd") from error
    if not 0 <= nano <= MOST_USD * NANO_PER_USD:
        raise InvalidRequest(f"limit_usd: from 0 to {MOST_USD:,} dollars, not {limit_usd}", param="limit_usd")
    return Unit.USD, nano


def _period(period: str) -> Period:
    try:
        return Period(period)
    except ValueError:
        raise InvalidRequest(
            f"period: one of {', '.join(Period)}, not {period[:50]!r}", param="period"
        ) from None


def _scope(scope: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in scope.items():
        where = f"scope.{name[:50]}"
        if name not in SCOPE_NAMES:
            raise InvalidRequest(f"{where}: a scope names {', '.join(SCOPE_NAMES)}", param=where)
        if not 1 <= len(value) <= _LONGEST_VALUE or not value.isprintable():
            raise InvalidRequest(
                f"{where}: takes 1 to {_LONGEST_VALUE} printable characters, or * for each value",
                param=where,
            )
    return {name: scope[name] for name in SCOPE_NAMES if name in scope}


def _time_zone(period: Period, time_zone: str | None) -> str:
    if time_zone is None or time_zone == "UTC":
        return "UTC"
    if time_zone not in _zones():
        raise InvalidRequest(
            f"time_zone: {time_zone[:50]!r} is no IANA time zone; one is Europe/Vienna", param="time_zone"
        )
    if period in (Period.MINUTE, Period.ROLLING):
        raise InvalidRequest(
            "time_zone: only a day and a month begin at another moment elsewhere; leave it out",
            param="time_zone",
        )
    return time_zone


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_ZONES


def _window(period: Period, window_s: int | None) -> int:
    if period is not Period.ROLLING:
        if window_s is not None:
            raise InvalidRequest("window_s: only a rolling budget has one", param="window_s")
        return 0
    if window_s is None or window_s % BUCKETS or not BUCKETS <= window_s <= LONGEST_WINDOW_S:
        raise InvalidRequest(
            f"window_s: a rolling budget needs the seconds it looks back, a multiple of {BUCKETS} from "
            f"{BUCKETS} to {LONGEST_WINDOW_S}",
            param="window_s",
        )
    return window_s
