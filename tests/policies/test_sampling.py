"""The draw: uniform, independent of everything one can see of a decision, and always the same."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from policies.sampling import drawn_number, is_drawn
from router.clock import sortable_id

SALT = bytes(range(32))
N = 20_000
AT_MS = 1_790_000_000_000
IDS = [sortable_id("dec", AT_MS + number, number * 0x9E3779B97F4A7C15) for number in range(N)]
NUMBERS = [drawn_number(SALT, decision_id) for decision_id in IDS]
WELL_WITHIN = 4.0
"""Standard errors: these ids and this salt are fixed, so what holds once holds always."""


def test_a_decision_always_draws_the_same_number():
    assert [drawn_number(SALT, decision_id) for decision_id in IDS[:100]] == NUMBERS[:100]
    assert drawn_number(SALT, "dec_01m87076qs24sd5zg3vkx2m38d") == 0.9398906474460236


@given(st.binary(min_size=32, max_size=32), st.text())
def test_every_number_is_from_0_up_to_but_not_1(salt: bytes, decision_id: str):
    number = drawn_number(salt, decision_id)
    assert 0.0 <= number < 1.0
    assert not is_drawn(number, 0.0)
    assert is_drawn(number, 1.0)


def test_every_share_draws_as_many_as_it_says():
    for share in (0.001, 0.01, 0.02, 0.1, 0.5, 0.9):
        drawn = sum(is_drawn(number, share) for number in NUMBERS)
        error = math.sqrt(N * share * (1 - share))
        assert abs(drawn - N * share) < WELL_WITHIN * error, share


def test_the_numbers_are_spread_evenly():
    """Pearson's chi-squared over 100 classes has mean 99 and standard deviation 14."""
    classes = [0] * 100
    for number in NUMBERS:
        classes[int(number * 100)] += 1
    chi = sum((count - N / 100) ** 2 / (N / 100) for count in classes)
    assert abs(chi - 99) < WELL_WITHIN * math.sqrt(2 * 99)


def test_one_draw_says_nothing_of_the_next():
    mean = sum(NUMBERS) / N
    pairs = list(pairwise(NUMBERS))
    correlation = sum((a - mean) * (b - mean) for a, b in pairs) / sum((a - mean) ** 2 for a in NUMBERS)
    assert abs(correlation) < WELL_WITHIN / math.sqrt(N)


def test_without_the_salt_nothing_can_be_foretold():
    """Another salt, though it differs in one bit only, draws numbers that have nothing to do with these."""
    other = bytes([SALT[0] ^ 1, *SALT[1:]])
    numbers = [drawn_number(other, decision_id) for decision_id in IDS]
    covariance = sum((a - 0.5) * (b - 0.5) for a, b in zip(NUMBERS, numbers, strict=True)) / N
    assert abs(covariance * 12) < WELL_WITHIN / math.sqrt(N)
    both = sum(is_drawn(a, 0.1) and is_drawn(b, 0.1) for a, b in zip(NUMBERS, numbers, strict=True))
    assert abs(both - N * 0.01) < WELL_WITHIN * math.sqrt(N * 0.01)


def test_the_draw_does_not_follow_the_time_in_an_id():
    halves = [
        sum(is_drawn(number, 0.1) for number in half) for half in (NUMBERS[: N // 2], NUMBERS[N // 2 :])
    ]
    assert abs(halves[0] - halves[1]) < WELL_WITHIN * math.sqrt(N * 0.1 * 0.9)
