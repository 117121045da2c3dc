"""How a moment is written down: to the millisecond for programs, to the minute for people."""

from datetime import UTC, datetime, timedelta

HOUR_MS = 3_600_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_ms: int) -> str:
    """Unix milliseconds as `2026-01-31T09:00:00.000+00:00`."""
    return utc(at_ms).isoformat(timespec="milliseconds")


def minute(at_ms: int) -> str:
    """Unix milliseconds as `2026-01-31 09:00`, UTC."""
    return f"{utc(at_ms):%Y-%m-%d %H:%M}"


def utc(at_ms: int) -> datetime:
    """Unix milliseconds as a moment of UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)
