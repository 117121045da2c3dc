"""Means of recorded rows, and how far off they may be."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy import stats

from policies.tuning.outcomes import Floats

SHOWN_CONFIDENCE: Final = 0.95
"""Of every interval that is shown; what is certified has a confidence of its own."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over the rows with its two-sided 95 % interval; no interval where one row says nothing of it."""

    value: float
    low: float | None
    high: float | None

    def times(self, factor: float) -> "Estimate":
        """The same of so many; the factor is above 0."""
        low, high = (None if end is None else end * factor for end in (self.low, self.high))
        return Estimate(self.value * factor, low, high)


def mean_score(scores: Floats, weight: Floats) -> Estimate:
    """The mean of scores from 0 to 1, with Wilson's interval (1927).

    It is exact for right-or-wrong scores, wide for those between, and never of no width: rows that are all
    right do not prove that the next one is. Weights shrink n to (Σw)² / Σw² (Kish).
    """
    value = _mean(scores, weight)
    n = float(weight.sum() ** 2 / (weight**2).sum())
    z = float(stats.norm.ppf(0.5 + SHOWN_CONFIDENCE / 2))
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(max(value * (1 - value), 0.0) / n + z * z / (4 * n * n))
    return Estimate(value, min(max(middle - half, 0.0), value), max(min(middle + half, 1.0), value))


def mean_cost(costs: Floats, weight: Floats) -> Estimate:
    """The mean cost with an interval that leans the way costs do: a few long answers cost most."""
    tail = (1 - SHOWN_CONFIDENCE) / 2
    value = _mean(costs, weight)
    spread = _spread(costs, weight)
    if spread is None:
        return Estimate(value, None, None)
    low, high = value - spread.below(1 - tail), value + spread.above(1 - tail)
    return Estimate(value, max(min(low, value), 0.0), max(high, value))


def cost_upper_bound(costs: Floats, weight: Floats, confidence: float) -> float | None:
    """What the mean cost does not exceed, with a one-sided confidence; `None` for a single row."""
    spread = _spread(costs, weight)
    return None if spread is None else _mean(costs, weight) + spread.above(confidence)


@dataclass(frozen=True, slots=True)
class _Spread:
    """The standard error of a mean, the rows' skewness, and how many they are."""

    error: float
    skewness: float
    n: int

    def above(self, confidence: float) -> float:
        """How far the truth may lie above the mean found.

        Student's quantile with the Edgeworth correction for skewness g, P(T <= x) = Φ(x) + g(2x² + 1)φ(x)/6√n
        (Hall, The Bootstrap and Edgeworth Expansion, 1992, 2.6). Costs lean right, so without it a bound on
        them is too low. A left lean is not made use of.
        """
        return self.error * (self._quantile(confidence) + max(self._lean(confidence), 0.0))

    def below(self, confidence: float) -> float:
        """How far the truth may lie below it."""
        return self.error * max(self._quantile(confidence) - max(self._lean(confidence), 0.0), 0.0)

    def _quantile(self, confidence: float) -> float:
        return _student(confidence, self.n - 1)

    def _lean(self, confidence: float) -> float:
        return self.skewness * (2 * self._quantile(confidence) ** 2 + 1) / (6 * math.sqrt(self.n))


@lru_cache(maxsize=64)
def _student(confidence: float, freedom: int) -> float:
    """Kept, for a walk along a few hundred thresholds asks for the same one."""
    return float(stats.t.ppf(confidence, freedom))


def _spread(values: Floats, weight: Floats) -> _Spread | None:
    """Of a ratio of sums, Σwx / Σw, by linearisation."""
    n = len(values)
    if n < 2:
        return None
    pulls = weight * (values - _mean(values, weight)) / weight.mean()
    variance = float((pulls**2).sum()) / (n - 1)
    scale = math.sqrt(float((pulls**2).mean()))
    skewness = float(((pulls / scale) ** 3).mean()) if scale > 0 else 0.0
    return _Spread(math.sqrt(variance / n), skewness, n)


def _mean(values: Floats, weight: Floats) -> float:
    return float(np.average(values, weights=weight))
