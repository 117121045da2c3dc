"""Histograms with logarithmic buckets: exact counts, percentiles to within 4.5 %."""

import math
from collections.abc import Mapping

_STEPS = 8  # buckets for each doubling: a bucket is 9 % wide


def bucket(value: int) -> int:
    """The bucket of a non-negative whole number; 0 has its own."""
    if value <= 0:
        return 0
    return int(math.log2(value) * _STEPS) + 1


def middle(number: int) -> int:
    """A bucket's representative value: its geometric middle, rounded."""
    if number <= 0:
        return 0
    return round(2 ** ((number - 0.5) / _STEPS))


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The value below which `share` (0-1) of the counted numbers lie; `None` when nothing was counted."""
    total = sum(counts.values())
    if total <= 0:
        return None
    wanted, seen = max(1, math.ceil(total * share)), 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= wanted:
            return middle(number)
    return None
