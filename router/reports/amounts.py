"""Dollars for eyes: as many decimals as help in one column, exact when amounts are small."""

from collections.abc import Iterable
from typing import Final

from router.pricing.money import NANO_PER_USD, usd

_EXACT: Final = 9
_STEPS: Final = ((1_000 * NANO_PER_USD, 2), (NANO_PER_USD, 4), (NANO_PER_USD // 100, 6))


def decimals_for(amounts: Iterable[int]) -> int:
    """Decimals for a column of nano-dollars: by its largest amount, and no more than any of them needs.

    Thousands of dollars take 2, dollars 4, cents 6, and below that all 9, which is exact.
    """
    nano = list(amounts)
    largest = max((abs(amount) for amount in nano), default=0)
    fitting = next((decimals for least, decimals in _STEPS if largest >= least), _EXACT)
    needed = max((len(usd(amount).partition(".")[2]) for amount in nano), default=0)
    return max(2, min(fitting, needed))


def dollars(nano: int, decimals: int) -> str:
    """With thousands separators, rounded half away from zero; what rounds to nothing is `<0.01`, not 0."""
    unit = 10 ** (_EXACT - decimals)
    rounded = (abs(nano) + unit // 2) // unit
    if nano and not rounded:
        return f"{'>-' if nano < 0 else '<'}0.{'1'.rjust(decimals, '0')}"
    whole, rest = divmod(rounded, 10**decimals)
    return f"{'-' if nano < 0 else ''}{whole:,}.{rest:0{decimals}d}"
