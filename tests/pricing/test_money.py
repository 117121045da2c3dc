from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import PennyrouteError
from router.pricing.errors import MoneyError
from router.pricing.money import (
    MAX_NANO,
    parse_usd,
    parse_usd_per_million,
    round_pico,
    round_usd,
    usd,
    usd_per_million,
)

NANO = st.integers(-MAX_NANO, MAX_NANO)


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (12_345, "0.000012345"),
        (-1_500_000_000, "-1.5"),
        (10_000_000_000, "10"),
        (100, "0.0000001"),
        (2**63 - 1, "9223372036.854775807"),
    ],
)
def test_nano_dollars_are_shown_as_exact_decimals(nano: int, text: str):
    assert usd(nano) == text


@given(NANO)
def test_what_is_shown_is_read_back_exactly(nano: int):
    assert parse_usd(usd(nano)) == nano


@given(NANO)
def test_no_amount_is_shown_with_an_exponent_or_trailing_zeros(nano: int):
    text = usd(nano)
    assert "e" not in text.lower()
    assert "." not in text or not text.endswith(("0", "."))
    assert text != "-0"


@given(st.integers(0, 4_000_000_000))
def test_a_rate_is_shown_and_read_back_exactly(rate: int):
    assert parse_usd_per_million(usd_per_million(rate)) == rate


@given(st.integers(0, 4_000 * 10**6))
def test_a_float_from_yaml_means_the_decimal_that_was_written(millionths: int):
    text = usd_per_million(millionths)
    assert (
        parse_usd_per_million(float(text))
        == parse_usd_per_million(text)
        == parse_usd_per_million(Decimal(text))
    )


def test_a_tenth_of_a_dollar_from_yaml_is_a_tenth():
    assert parse_usd_per_million(0.1) == 100_000


NO_PRICES = [
    *(
        "-0.1",
        -1,
        "nan",
        float("nan"),
        "inf",
        float("-inf"),
        "",
        "abc",
        "$1",
        "0.0000001",
        1e-7,
        True,
        None,
        [1],
    ),
    *("1e999999", "1e-999999", "4000.000001", "1" * 5_000, 10**400),
]


@pytest.mark.parametrize("wrong", NO_PRICES, ids=lambda wrong: repr(wrong)[:20])
def test_a_price_that_is_not_exact_and_sensible_is_refused(wrong: object):
    with pytest.raises(MoneyError) as caught:
        parse_usd_per_million(wrong)  # type: ignore[arg-type]
    assert isinstance(caught.value, PennyrouteError)
    assert str(caught.value)


@pytest.mark.parametrize("wrong", ["0.0000000001", "9223372036.854775808", "nan"])
def test_an_amount_finer_than_a_nano_dollar_or_beyond_a_counter_is_refused(wrong: str):
    with pytest.raises(MoneyError):
        parse_usd(wrong)


@given(st.integers(0, 10**30))
def test_rounding_is_half_up(pico: int):
    nearest = round_pico(pico)
    assert Fraction(-1, 2) < nearest - Fraction(pico, 1_000) <= Fraction(1, 2)


@given(st.decimals(0, 1_000, allow_nan=False, allow_infinity=False, places=14))
def test_stated_dollars_are_rounded_once_half_up(stated: Decimal):
    assert Fraction(-1, 2) < round_usd(stated) - Fraction(stated) * 10**9 <= Fraction(1, 2)


def test_stated_dollars_with_many_digits_are_not_rounded_twice():
    assert round_usd(Decimal("0.0000000004999999999999999999999999999999")) == 0


def test_stated_dollars_of_hardly_anything_are_nothing():
    assert round_usd(Decimal("1e-999999")) == 0


@pytest.mark.parametrize("wrong", ["-0.01", "nan", "1e30", "1e999999"])
def test_a_stated_cost_that_cannot_be_true_is_refused(wrong: str):
    with pytest.raises(MoneyError):
        round_usd(Decimal(wrong))
