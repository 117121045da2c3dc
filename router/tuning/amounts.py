"""Amounts as tuning shows them: the same on the terminal and on the page."""

import math


def usd(value: float) -> str:
    """Three significant digits, and all of a larger amount's whole dollars."""
    decimals = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"
