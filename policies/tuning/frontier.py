"""The frontier: what each of a few dozen thresholds would have come to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from policies.tuning.outcomes import UNFAMILIAR, Mask, Outcomes
from policies.tuning.point import Point, measure

SHOWN: Final = 25
_ALL_LARGE: Final = 0.0
_MOST_DECIMALS: Final = 16


@dataclass(frozen=True, slots=True)
class Frontier:
    """Thresholds from all large to as much small as a threshold allows, and the two single models.

    Attributes:
        points: the share to large falls from each to the next. What is unfamiliar is large at all of them.
        always_small: the small model answers what is unfamiliar too, which no threshold does.
    """

    points: tuple[Point, ...]
    always_small: Point
    always_large: Point


def frontier(outcomes: Outcomes, *, most: int = SHOWN, also: Sequence[float] = ()) -> Frontier:
    """Measures up to `most` thresholds, evenly spread by share to large, and some others beside them.

    Raises:
        ValueError: `most` is below 2, or one of the others is no threshold.
    """
    for threshold in also:
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold is {threshold!r}; it should be a number from 0 to 1")
    chosen = {outcomes.to_large(threshold).tobytes(): threshold for threshold in splits(outcomes, most)}
    chosen |= {outcomes.to_large(threshold).tobytes(): threshold for threshold in also}
    points = (measure(outcomes, outcomes.to_large(one), one) for one in sorted(chosen.values()))
    nobody: Mask = np.zeros(len(outcomes), dtype=np.bool_)
    return Frontier(tuple(points), measure(outcomes, nobody), measure(outcomes, ~nobody))


def splits(outcomes: Outcomes, most: int) -> list[float]:
    """At most `most` thresholds, rising, each of which sends other rows to large than the one before.

    The first sends all, the last only what is unfamiliar. Each is the shortest decimal number that splits the
    rows just there, so that what is printed is what was measured.

    Raises:
        ValueError: `most` is below 2.
    """
    if most < 2:
        raise ValueError(f"{most} thresholds were asked for; there should be at least 2")
    levels, at = np.unique(outcomes.difficulty, return_inverse=True)
    weights = np.bincount(at, weights=outcomes.weight, minlength=len(levels))
    ends: list[float] = levels.tolist()
    between = [_readable(low, high) for low, high in pairwise(ends)]
    if ends[-1] < UNFAMILIAR:
        between.append(UNFAMILIAR)
    elif between:
        between[-1] = UNFAMILIAR
    small_shares = np.cumsum(weights)[: len(between)] / weights.sum()
    if len(between) <= most - 1:
        return [_ALL_LARGE, *between]
    wanted = np.linspace(0, small_shares[-1], most)[1:]
    picked = {int(np.abs(small_shares - share).argmin()) for share in wanted}
    return [_ALL_LARGE, *(between[index] for index in sorted(picked | {len(between) - 1}))]


def _readable(low: float, high: float) -> float:
    """The number of fewest decimals that is above `low` and not above `high`."""
    for decimals in range(1, _MOST_DECIMALS + 1):
        unit: float = 10.0**decimals
        shortened = round(math.floor(high * unit) / unit, decimals)
        if low < shortened <= high:
            return shortened
    return high
