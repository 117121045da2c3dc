"""Windows begin and end when a calendar in their time zone says so, whatever its clocks do."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.budgets.budget import Budget, Claim, Limit, Period, Unit
from router.budgets.window import bounds, window_of

_ZONES = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
HOUR_MS = 3_600_000
moments = st.integers(0, 4_000_000_000_000)


def budget(period: Period, time_zone: str = "UTC", window_s: int = 0) -> Budget:
    return Budget(
        id="bdg_1",
        scope={},
        period=period,
        time_zone=time_zone,
        window_s=window_s,
        unit=Unit.USD,
        hard=True,
        limits=(Limit(0, 1, "test"),),
    )


def ms(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo(zone)).timestamp() * 1000)


def day(zone: str, at: str) -> tuple[str, str, float]:
    """Start and end in the zone's own words, and how many hours lie between."""
    start, end = bounds(budget(Period.DAY, zone), ms(at))
    own = [
        datetime.fromtimestamp(each / 1000, zoneinfo.ZoneInfo(zone)).isoformat(timespec="minutes")
        for each in (start, end)
    ]
    return own[0], own[1], (end - start) / HOUR_MS


@pytest.mark.parametrize(
    ("zone", "at", "start", "end", "hours"),
    [
        ("UTC", "2026-11-24T23:59:59", "2026-11-24T00:00+00:00", "2026-11-25T00:00+00:00", 24),
        ("Europe/Vienna", "2026-11-24T23:30", "2026-11-25T00:00+01:00", "2026-11-26T00:00+01:00", 24),
        ("Europe/Vienna", "2026-03-29T12:00", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00", 23),
        ("Europe/Vienna", "2026-10-25T12:00", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00", 25),
        ("America/New_York", "2026-11-01T04:00", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00", 25),
        ("Asia/Kathmandu", "2026-11-24T18:15", "2026-11-25T00:00+05:45", "2026-11-26T00:00+05:45", 24),
        ("Australia/Lord_Howe", "2026-10-03T20:00", "2026-10-04T00:00+10:30", "2026-10-05T00:00+11:00", 23.5),
        # The clock skips midnight, so the day begins at one o'clock.
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T01:00-02:00", "2018-11-05T00:00-02:00", 23),
        # Midnight comes twice in one date: the first begins it.
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00", 25),
        # The clock goes back over midnight a minute into the new date, which goes on all the same.
        ("America/St_Johns", "2010-11-07T03:00", "2010-11-07T00:00-02:30", "2010-11-08T00:00-03:30", 25),
        # A date that never was: the one before it is followed by the one after.
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00", 24),
    ],
)
def test_a_day_begins_at_midnight_in_its_zone(zone: str, at: str, start: str, end: str, hours: float):
    assert day(zone, at) == (start, end, hours)


@pytest.mark.parametrize(
    ("at", "days"), [("2026-02-10", 28), ("2028-02-29", 29), ("2026-04-30T23:59", 30), ("2026-12-31", 31)]
)
def test_a_month_is_as_long_as_it_is(at: str, days: int):
    start, end = bounds(budget(Period.MONTH), ms(at))
    assert (end - start) / HOUR_MS == 24 * days
    assert datetime.fromtimestamp(start / 1000, UTC).day == 1


def test_a_month_with_a_change_of_clocks_is_an_hour_shorter_or_longer():
    for at, hours in (("2026-03-15", 31 * 24 - 1), ("2026-10-15", 31 * 24 + 1)):
        start, end = bounds(budget(Period.MONTH, "Europe/Vienna"), ms(at))
        assert (end - start) / HOUR_MS == hours


@settings(max_examples=400, deadline=None)
@given(zone=st.sampled_from(_ZONES), period=st.sampled_from([Period.DAY, Period.MONTH]), now_ms=moments)
def test_windows_of_any_zone_hold_their_moment_and_leave_no_gap(zone: str, period: Period, now_ms: int):
    asked = budget(period, zone)
    start, end = bounds(asked, now_ms)
    assert start <= now_ms < end
    assert bounds(asked, start) == bounds(asked, end - 1) == (start, end)
    assert bounds(asked, end)[0] == end
    assert bounds(asked, start - 1)[1] == start
    longest = timedelta(days=1 if period is Period.DAY else 31) + timedelta(hours=25)
    assert end - start <= longest / timedelta(milliseconds=1)


@given(now_ms=moments, window_s=st.integers(1, 44_640).map(lambda steps: steps * 60))
def test_a_rolling_window_is_sixty_parts_that_end_with_the_one_that_goes_on(now_ms: int, window_s: int):
    window = window_of(Claim(budget(Period.ROLLING, window_s=window_s), ()), now_ms)
    assert window.end_ms - window.start_ms == window_s * 1000 == window.step_ms * 60
    assert window.end_ms - window.step_ms <= now_ms < window.end_ms
    assert window.name == "bdg_1:r"


@given(now_ms=moments, values=st.lists(st.text(min_size=1, max_size=128), min_size=1, max_size=3).map(tuple))
def test_each_value_has_a_window_of_its_own(now_ms: int, values: tuple[str, ...]):
    asked = budget(Period.MINUTE)
    name = window_of(Claim(asked, values), now_ms).name
    assert name.startswith(f"bdg_1:{now_ms // 60_000 * 60}:")
    assert name.isascii()
    assert name != window_of(Claim(asked, (*values[:-1], values[-1] + "x")), now_ms).name
