"""Exact money: integers of nano-dollars, prices in pico-dollars a token, never a float."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final, NewType

from router.pricing.errors import MoneyError

NanoDollars = NewType("NanoDollars", int)
"""10⁻⁹ US dollars."""

PicoDollarsPerToken = NewType("PicoDollarsPerToken", int)
"""10⁻¹² US dollars a token, which is 10⁻⁶ US dollars a million tokens."""

PICO_PER_NANO: Final = 1_000
NANO_PER_USD: Final = 1_000_000_000
PICO_PER_USD_PER_MILLION: Final = 1_000_000

MAX_NANO: Final = NanoDollars(2**63 - 1)
"""The largest amount a counter of the store can hold."""

MAX_USD_PER_MILLION: Final = 4_000
"""The dearest price taken. With at most 10¹² tokens each way no cost can overflow a counter: 8·10¹⁸ < 2⁶³."""

MAX_RATE: Final = PicoDollarsPerToken(MAX_USD_PER_MILLION * PICO_PER_USD_PER_MILLION)

_LONGEST_TEXT: Final = 64
_LARGEST_EXPONENT: Final = (
    40  # 1e999999 would cost a megabyte of digits before any range check could refuse it
)


def total(costs: Iterable[int | None]) -> int | None:
    """The sum of nano-dollars; `None`, unknown, as soon as one of them is."""
    added = 0
    for cost in costs:
        if cost is None:
            return None
        added += cost
    return added


def usd(nano: int) -> str:
    """The amount in dollars as an exact decimal string: `"0.000012345"`, `"0"`, `"-1.5"`; no exponent."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), NANO_PER_USD)
    return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".")


def usd_per_million(rate: int) -> str:
    """A rate in pico-dollars a token as an exact decimal string of dollars a million tokens: `"0.075"`."""
    sign = "-" if rate < 0 else ""
    whole, rest = divmod(abs(rate), PICO_PER_USD_PER_MILLION)
    return f"{sign}{whole}.{rest:06d}".rstrip("0").rstrip(".")


def exact_decimal(value: object) -> Decimal:
    """The number that was written. A float goes through its shortest text, so YAML's `0.1` is one tenth.

    Raises:
        MoneyError: not a number, not finite, or a number written as a yes/no value.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise MoneyError(f"{value!r} is not an amount; write a decimal number such as 0.15")
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        raise MoneyError(f"an amount of {len(value)} characters is too long to be meant")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise MoneyError(f"{value!r} is not an amount; write a decimal number such as 0.15") from None
    if not number.is_finite():
        raise MoneyError(f"{value!r} is not a finite amount")
    if abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise MoneyError(f"an amount with an exponent of {number.adjusted()} is out of range")
    return number


def parse_usd_per_million(value: str | float | Decimal) -> PicoDollarsPerToken:
    """Dollars a million tokens, as people and price pages write them, to pico-dollars a token, exactly.

    Raises:
        MoneyError: negative, not finite, above `MAX_USD_PER_MILLION`, or finer than a pico-dollar a token
            (more than 6 decimals).
    """
    number = exact_decimal(value)
    if number < 0:
        raise MoneyError(f"a price cannot be negative: {value}")
    if number > MAX_USD_PER_MILLION:
        raise MoneyError(
            f"{value} USD per million tokens is above {MAX_USD_PER_MILLION}; "
            "prices are written per million tokens, not per token or thousand"
        )
    return PicoDollarsPerToken(
        _whole(number, PICO_PER_USD_PER_MILLION, value, "6 decimals of a dollar per million")
    )


def parse_usd(value: str | float | Decimal) -> NanoDollars:
    """Dollars to nano-dollars, exactly.

    Raises:
        MoneyError: not finite, more than 9 decimals, or larger than a counter can hold.
    """
    nano = _whole(exact_decimal(value), NANO_PER_USD, value, "9 decimals of a dollar")
    if abs(nano) > MAX_NANO:
        raise MoneyError(f"{value} USD is more than a counter can hold")
    return NanoDollars(nano)


def round_usd(dollars: Decimal) -> NanoDollars:
    """Dollars that a provider stated (`usage.cost`), rounded once, half up, to nano-dollars.

    Raises:
        MoneyError: negative, not finite, or larger than a counter can hold.
    """
    if not dollars.is_finite() or dollars < 0 or dollars.adjusted() > _LARGEST_EXPONENT:
        raise MoneyError(f"a cost of {dollars} USD cannot be true")
    if dollars.adjusted() < -_LARGEST_EXPONENT:
        return NanoDollars(0)
    numerator, denominator = dollars.as_integer_ratio()
    nano = (2 * numerator * NANO_PER_USD + denominator) // (2 * denominator)
    if nano > MAX_NANO:
        raise MoneyError(f"a cost of {dollars} USD cannot be true")
    return NanoDollars(nano)


def round_pico(pico: int) -> NanoDollars:
    """Pico-dollars to nano-dollars, half up. `pico` must not be negative."""
    return NanoDollars((pico + PICO_PER_NANO // 2) // PICO_PER_NANO)


def _whole(number: Decimal, units: int, written: object, finest: str) -> int:
    numerator, denominator = number.as_integer_ratio()
    whole, rest = divmod(numerator * units, denominator)
    if rest:
        raise MoneyError(f"{written} is finer than {finest}")
    return whole
