"""Amounts as tuning shows them: the same on the terminal and on the page."""


def usd(value: float) -> str:
    """Three significant digits, and all of a larger amount's whole dollars."""
    exponent = int(f"{abs(value):.2e}".partition("e")[2])  # of what is written: 0.09996 is 0.100
    decimals = 0 if value == 0 else max(0, 2 - exponent)
    return f"{value:,.{decimals}f}"
