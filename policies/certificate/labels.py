"""How many more labels until something could be certified, at the rates seen."""

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from policies.certificate.rows import Floats, Rows
from policies.certificate.walk import quantile_of, steps, sums_at

CHANCE: Final = 0.8
"""With so many labels, the chance that the step planned for passes its bound."""
MOST_LABELS: Final = 10**9
DOUBLINGS: Final = 40


def labels_needed(rows: Rows, *, floor: float, confidence: float, scored: int | None = None) -> int | None:
    """More labels of the same kind; `None` where no number would do at these rates.

    Each step's loss, spread and mean large score are taken as they are, the whole worst row is supposed, and
    the step that needs the fewest labels counts. Of no rows at all: as if nothing were ever lost.

    Args:
        rows: ordered.
        floor: above 0 to 1.
        confidence: above 0 to 1.
        scored: hand-scored rows among corrected ones; then hand scores are counted, in the share of rows
            they have now.
    """
    quantile = quantile_of(confidence)
    if not np.isfinite(quantile):
        return None
    labels = len(rows) if scored is None else scored
    if labels == 0:
        return _least_labels(floor, confidence)
    total = _rows_needed(rows, floor, quantile)
    if total is None:
        return None
    return max(1, math.ceil(total * labels / len(rows)) - labels)


def _least_labels(floor: float, confidence: float) -> int | None:
    """With nothing lost and every large answer perfect: floor ** n <= 1 - confidence."""
    return math.ceil(math.log(1.0 - confidence) / math.log(floor)) if floor < 1.0 else None


def _rows_needed(rows: Rows, floor: float, quantile: float) -> float | None:
    """The fewest rows, over all steps, at which the planned step passes."""
    count = len(rows)
    sums = sums_at(rows, steps(rows))
    share = 1.0 - floor
    slack = (share * sums.large - sums.lost) / count
    spread = (sums.lost2 - 2.0 * share * sums.lost_large + share**2 * sums.large2) / count
    possible = slack > 0.0
    if not possible.any():
        return None
    slack, spread = slack[possible], np.maximum(spread[possible], 0.0)
    margin = quantile + NormalDist().inv_cdf(CHANCE)
    fixed = floor * (1.0 + max(0.0, quantile**2 - 1.0) / 3.0)  # the worst row and its skewness

    def short(total: Floats) -> Floats:
        missing: Floats = margin * np.sqrt(total * spread + floor**2) + fixed - total * slack
        return missing

    low, high = np.zeros(len(slack)), np.full(len(slack), float(MOST_LABELS))
    for _ in range(DOUBLINGS):
        middle = (low + high) / 2.0
        enough = short(middle) <= 0.0
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    total = float(high.min())
    if total <= count:  # a later step would pass, but the first one, of few rows, did not
        total = float(high[0]) if possible[0] else 2.0 * count
    return total if total < MOST_LABELS else None
