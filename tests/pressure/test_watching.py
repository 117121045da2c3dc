"""Rates and failures, by a clock that is passed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pressure.failures import Failures
from router.pressure.rate import Rate


def steady(rate: Rate, a_second: float, from_s: float, to_s: float) -> float:
    """Lets requests come evenly; answers how many times the usual rate that is at the end."""
    count = round((to_s - from_s) * a_second)
    for at in range(count):
        rate.arrived(from_s + (at + 1) / a_second)
    return rate.times_usual(to_s)


def test_a_steady_rate_is_the_usual_one_from_the_start() -> None:
    rate = Rate(10.0, 600.0, now_s=0.0)
    for minute in range(1, 20):
        times = steady(rate, 5.0, (minute - 1) * 60.0, minute * 60.0)
        assert times == pytest.approx(1.0, abs=0.1)


def test_five_times_the_usual_rate_is_seen_within_some_tens_of_seconds_and_forgotten_after() -> None:
    rate = Rate(10.0, 3_600.0, now_s=0.0)
    steady(rate, 2.0, 0.0, 3_600.0)
    assert steady(rate, 10.0, 3_600.0, 3_630.0) > 4.0
    assert steady(rate, 2.0, 3_630.0, 3_700.0) == pytest.approx(1.0, abs=0.2)


def test_what_stays_so_becomes_usual() -> None:
    rate = Rate(10.0, 600.0, now_s=0.0)
    steady(rate, 2.0, 0.0, 1_800.0)
    assert steady(rate, 10.0, 1_800.0, 1_860.0) > 2.5
    assert steady(rate, 10.0, 1_860.0, 5_400.0) == pytest.approx(1.0, abs=0.1)


def test_before_there_is_a_usual_rate_nothing_is_a_spike() -> None:
    rate = Rate(10.0, 1_800.0, now_s=0.0)
    assert steady(rate, 50.0, 0.0, 179.0) == 0.0


def test_a_few_requests_after_a_quiet_time_are_no_spike() -> None:
    rate = Rate(10.0, 600.0, now_s=0.0)
    rate.arrived(1.0)
    for at in range(9):
        rate.arrived(500.0 + at)
    assert rate.times_usual(509.0) == 0.0


@given(st.lists(st.floats(0, 60), max_size=80))
def test_a_clock_that_goes_back_breaks_nothing(moments: list[float]) -> None:
    rate, failures = Rate(5.0, 30.0, now_s=10.0), Failures(5.0, now_s=10.0)
    for at in moments:
        rate.arrived(at)
        failures.ended(at, well=at < 30)
        assert rate.times_usual(at) >= 0.0
        assert 0.0 <= failures.share(at) <= 1.0


def test_the_share_of_failures_is_of_the_recent_calls() -> None:
    failures = Failures(30.0, now_s=0.0)
    for at in range(20):
        failures.ended(at * 0.1, well=True)
    assert failures.share(2.0) == 0.0
    for at in range(200):
        failures.ended(2.0 + at, well=False)
    assert failures.share(202.0) > 0.95


def test_too_few_calls_say_nothing_so_that_a_model_nobody_calls_gets_another_chance() -> None:
    failures = Failures(30.0, now_s=0.0)
    failures.ended(0.0, well=False)
    failures.ended(0.0, well=False)
    assert failures.share(0.0) == 0.0
    for _ in range(8):
        failures.ended(0.0, well=False)
    assert failures.share(0.0) == 1.0
    assert failures.share(60.0) == 0.0
