"""The period of a report: what a person may write for it, in one place. Counters are kept by the hour."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from router.errors import InvalidRequest
from router.moments import HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RELATIVE = re.compile(r"(\d{1,6})([hdw])", re.ASCII)
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}
_LAST_YEAR = 9998  # so that a whole hour after it can still be written down
_LOST_PLUS = re.compile(r"\d \d{2}:?\d{2}$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment up to, not including, another; Unix milliseconds.

    Attributes:
        from_ms: `None` for since the first entry.
        to_ms: `None` for up to the newest entry.
    """

    from_ms: int | None = None
    to_ms: int | None = None

    @property
    def first_hour(self) -> int | None:
        """The Unix hour that holds the beginning."""
        return None if self.from_ms is None else self.from_ms // HOUR_MS

    @property
    def end_hour(self) -> int | None:
        """The Unix hour after the last one that is touched."""
        return None if self.to_ms is None else -(-self.to_ms // HOUR_MS)


def parse_period(from_text: str | None, to_text: str | None, now_ms: int) -> Period:
    """What `--from` and `--to`, or `from=` and `to=`, mean.

    Each is an ISO date or datetime (UTC unless it carries an offset; a date is its first moment), or a span
    before now such as `24h`, `7d`, `2w`, or `now`.

    Args:
        from_text: `None` is since the first entry.
        to_text: exclusive; `None` is up to the newest entry.
        now_ms: the store's time, Unix milliseconds.

    Raises:
        InvalidRequest: a text that is none of these, or a period that does not run forward.
    """
    from_ms = None if from_text is None else _moment("from", from_text, now_ms)
    to_ms = None if to_text is None else _moment("to", to_text, now_ms)
    if from_ms is not None and from_ms >= (now_ms if to_ms is None else to_ms):
        until = "now" if to_text is None else f"to={to_text}"
        raise InvalidRequest(
            f"from={from_text} is not before {until}; a period runs from an earlier moment to a later one",
            param="from",
        )
    return Period(from_ms, to_ms)


def iso(hour: int) -> str:
    """A Unix hour as `2026-01-31T09:00:00Z`."""
    return (_EPOCH + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:00:00Z")


def _moment(name: str, text: str, now_ms: int) -> int:
    """The moment a text means, Unix milliseconds."""
    if text == "now":
        return now_ms
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return max(0, now_ms - int(relative[1]) * _HOURS[relative[2]] * HOUR_MS)
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(_not_a_moment(name, text), param=name) from None
    if not _EPOCH.year <= written.year <= _LAST_YEAR:
        raise InvalidRequest(f"{name}={text[:40]}: the year must be 1970 to {_LAST_YEAR}", param=name)
    aware = written if written.tzinfo else written.replace(tzinfo=UTC)
    return max(0, (aware - _EPOCH) // _MILLISECOND)


def _not_a_moment(name: str, text: str) -> str:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    hint = " (write the + of an offset as %2B in a URL)" if _LOST_PLUS.search(text) else ""
    return (
        f"{name}={shown!r} is not a moment{hint}; write a date (2026-01-31), a datetime "
        "(2026-01-31T09:00:00+01:00; UTC without an offset), a span before now (24h, 7d, 2w), or now"
    )
