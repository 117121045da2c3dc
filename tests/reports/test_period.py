import pytest

from router.errors import InvalidRequest
from router.reports.period import Period, iso, parse_period
from tests.reports.entries import HOUR_MS, NOON_MS

NOW = NOON_MS + 25 * 60_000
DAY_MS = 24 * HOUR_MS


def test_without_bounds_a_period_is_everything():
    assert parse_period(None, None, NOW) == Period(None, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01", NOON_MS - 12 * HOUR_MS),
        ("2026-01-01T11:30", NOON_MS - HOUR_MS // 2),
        ("2026-01-01T11:30:00Z", NOON_MS - HOUR_MS // 2),
        ("2026-01-01T13:00:00+02:00", NOON_MS - HOUR_MS),
        ("2026-01-01 11:00", NOON_MS - HOUR_MS),
        ("24h", NOW - DAY_MS),
        ("7d", NOW - 7 * DAY_MS),
        ("2w", NOW - 14 * DAY_MS),
        ("999999w", 0),
    ],
)
def test_a_moment_is_an_iso_text_in_utc_or_a_span_before_now(text: str, moment: int):
    assert parse_period(text, None, NOW).from_ms == moment


def test_a_date_as_the_end_is_its_first_moment():
    assert parse_period("2025-12-01", "2026-01-01", NOW).to_ms == NOON_MS - 12 * HOUR_MS


def test_the_whole_hours_that_a_period_touches_are_covered():
    period = parse_period("24h", "now", NOW)
    assert period.first_hour is not None
    assert period.end_hour is not None
    assert (iso(period.first_hour), iso(period.end_hour)) == ("2025-12-31T12:00:00Z", "2026-01-01T13:00:00Z")


def test_an_end_on_the_hour_does_not_touch_the_hour_that_begins():
    assert Period(0, 2 * HOUR_MS).end_hour == 2
    assert Period(0, 2 * HOUR_MS + 1).end_hour == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "24",
        "24 h",
        "-24h",
        "30m",
        "2026-13-01",
        "2026-01-01T25:00",
        "٢٤h",
        "9" * 400 + "d",
        "\0",
    ],
)
def test_what_is_no_moment_is_refused_with_what_would_be_right(text: str):
    with pytest.raises(InvalidRequest, match=r"is not a moment.*24h, 7d") as caught:
        parse_period(text, None, NOW)
    assert caught.value.param == "from"
    assert len(caught.value.message) < 300


def test_a_plus_that_a_url_turned_into_a_space_is_explained():
    with pytest.raises(InvalidRequest, match="%2B"):
        parse_period("2026-01-01T00:00:00 02:00", None, NOW)


@pytest.mark.parametrize("text", ["1969-12-31", "9999-12-31T23:59", "0001-01-01T00:00+14:00"])
def test_a_year_out_of_range_is_refused(text: str):
    with pytest.raises(InvalidRequest, match="year must be"):
        parse_period(None, text, NOW)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-01-02", "2026-01-01"),
        ("2026-01-01", "2026-01-01"),
        ("now", None),
        ("2030-01-01", None),
        ("1h", "2h"),
    ],
)
def test_a_period_that_does_not_run_forward_is_refused(begin: str, end: str | None):
    with pytest.raises(InvalidRequest, match="is not before"):
        parse_period(begin, end, NOW)
