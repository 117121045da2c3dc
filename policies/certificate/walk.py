"""The walk from all-large upward, and at each step the floor that the outcomes still vouch for.

At a threshold t, c stands for 1 - floor and z = lost · 1[difficulty < t] - c · large: the floor is met
when E[z] <= 0. The upper bound on E[z] is 0 where c is the upper bound on Σ lost / Σ large, and 1 - c is the
highest floor that t keeps. So one number a step, its `bound`, answers every floor, and the walk goes on while
it is at or above the floor asked for: a higher floor or a higher confidence can only end it earlier.

The bound supposes, beside the rows seen, some part of a worst row: one that small answers with 0 and large
with 1. With a whole one, and rows weighed by a Dirichlet distribution, it would be Gaffke's bound (Gaffke
2005; Learned-Miller and Thomas, arXiv 1905.06208), for plain losses Clopper and Pearson's exact one. Instead
of drawing the weights, their first three moments are used: a variance, and a gamma quantile for the skewness
(Wilson and Hilferty 1931). Why, and how the constants were chosen:
docs/decisions/0010-a-worst-row-for-the-bound.md.
"""

from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from policies.certificate.rows import ALWAYS_LARGE, Floats, Rows

Numbers = npt.NDArray[np.int64]

ONE_SIDED_POWER: Final = 10
"""A whole worst row where small only ever loses; next to none where gains and losses mix."""
MIXED_ROW: Final = 0.01
MIXED_ROW_MOST: Final = 0.09
FEW_ROW: Final = 0.5
FEW_EVENTS: Final = 6.0
"""Of a worst row where gains and losses mix: `MIXED_ROW` for each row of difference, at most
`MIXED_ROW_MOST` of the root of their number, so that the margin stays below a tenth of a standard error at
any size; and of few at least `FEW_ROW`, falling off over `FEW_EVENTS`: a handful is no sum of many."""
EARLY_EVENTS: Final = 20.0
EARLY_ROW: Final = 0.3
FIRST_EVENTS: Final = 4.0
LOOK_AHEAD_EVENTS: Final = 4.0
LOOK_AHEAD_FIRST: Final = 5.0
"""While fewer than `EARLY_EVENTS` rows of difference are below a step, it may also pass by a plain bound with
`EARLY_ROW` of a worst row (a whole one if small only ever loses), if the step with `LOOK_AHEAD_EVENTS` more
of them (`LOOK_AHEAD_FIRST` while there are fewer than `FIRST_EVENTS`) keeps the floor as it stands. Where a
floor is really lost, more is lost right after: such a step hardly ever passes this way, and an unlucky first
row in a good ranking does."""
LEAST_SPREAD: Final = 1e-12
LEAST_SKEWNESS: Final = 1e-6
MOST_SKEWNESS: Final = 2.0
"""That of one exponential weight alone."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Steps of rising threshold; every array is (steps,).

    Attributes:
        small_rows: how many rows, in order, are below the step's threshold.
        threshold: difficulty at and above which a row goes to large.
        bound: the highest floor that the step keeps, with the confidence asked for; -inf for none.
        vouched: the same over this and all earlier steps: the step is certified for floors up to it.
    """

    small_rows: Numbers
    threshold: Floats
    bound: Floats
    vouched: Floats


@dataclass(frozen=True, slots=True)
class Sums:
    """Power sums at each step, (steps,): of what is lost below its threshold, and of all large scores."""

    lost: Floats
    lost2: Floats
    lost3: Floats
    lost_large: Floats
    lost2_large: Floats
    lost_large2: Floats
    large: Floats
    large2: Floats
    large3: Floats
    lost3_size: Floats

    def plus(self, worst: Floats) -> "Sums":
        """With that much of a worst row more at each step: all its powers are 1."""
        return Sums(*(getattr(self, field.name) + worst for field in fields(self)))


def walk(rows: Rows, *, confidence: float, corrected: int | None = None) -> Walk:
    """All steps, from the least difficult rows alone to all that a threshold can reach.

    Args:
        rows: ordered.
        confidence: above 0 to 1; below one half it counts as one half.
        corrected: number of hand-scored rows of corrected rows, `None` where scores are as they are. Those
            have the whole worst row at each step: what a judge gets wrong in the rows nobody looked at
            does not show in how its scores vary.
    """
    ends = steps(rows)
    quantile = quantile_of(confidence)
    if len(ends) == 0 or not np.isfinite(quantile):
        nothing = np.full(len(ends), -np.inf)
        return Walk(ends, _thresholds(rows, ends), nothing, nothing)
    sums = sums_at(rows, ends)
    if corrected is not None:
        bound = _bound(sums, np.ones(len(ends)), quantile, np.ones(len(ends)))
    else:
        strict = _bound(sums, _worst_rows(sums), quantile, np.ones(len(ends)))
        bound = np.maximum(strict, _early(sums, quantile))
    return Walk(ends, _thresholds(rows, ends), bound, np.minimum.accumulate(bound))


def quantile_of(confidence: float) -> float:
    """Of the normal distribution, at least 0; infinite for certainty."""
    return max(0.0, NormalDist().inv_cdf(confidence)) if confidence < 1.0 else float("inf")


def steps(rows: Rows) -> Numbers:
    """Number of rows below each step's threshold: ties move together, and the always-large never."""
    reachable = rows.difficulty[rows.difficulty < ALWAYS_LARGE]
    last_of_ties = np.concatenate((np.diff(reachable) > 0.0, np.ones(min(1, len(reachable)), dtype=bool)))
    return np.flatnonzero(last_of_ties).astype(np.int64) + 1


def sums_at(rows: Rows, ends: Numbers) -> Sums:
    """Power sums up to the third, by cumulative sums."""

    def below(values: Floats) -> Floats:
        sums: Floats = np.cumsum(values)[ends - 1]
        return sums

    def whole(values: Floats) -> Floats:
        return np.full(len(ends), values.sum())

    lost, large = rows.lost, rows.large
    lost2, large2 = lost * lost, large * large
    return Sums(
        lost=below(lost),
        lost2=below(lost2),
        lost3=below(lost2 * lost),
        lost_large=below(lost * large),
        lost2_large=below(lost2 * large),
        lost_large2=below(lost * large2),
        large=whole(large),
        large2=whole(large2),
        large3=whole(large2 * large),
        lost3_size=below(np.abs(lost2 * lost)),
    )


def _thresholds(rows: Rows, ends: Numbers) -> Floats:
    """The difficulty of the next row that differs: the highest threshold that splits the rows there."""
    following = np.append(rows.difficulty, ALWAYS_LARGE)[ends]
    thresholds: Floats = np.minimum(following, ALWAYS_LARGE)
    return thresholds


def _worst_rows(sums: Sums) -> Floats:
    """How much of a worst row each step supposes: a whole one where small only ever loses."""
    many = np.minimum(MIXED_ROW * sums.lost2, MIXED_ROW_MOST * np.sqrt(sums.lost2))
    mixed = np.maximum(many, FEW_ROW * np.exp(-sums.lost2 / FEW_EVENTS))
    one_sided = _one_sided(sums)
    rows: Floats = one_sided + (1.0 - one_sided) * mixed
    return rows


def _one_sided(sums: Sums) -> Floats:
    """1 where small only ever loses, soon 0 where it gains as much and as heavily.

    Of third powers, with the worst row among them: what unsettles the bound is a heavy loss that few rows or
    none have shown, and many small gains are no sign that there is none. Of scores of 0 and 1 it is the net
    number of losses over the number of differences.
    """
    share = (sums.lost3 + 1.0) / (sums.lost3_size + 1.0)
    one_sided: Floats = np.clip(share, 0.0, 1.0) ** ONE_SIDED_POWER
    return one_sided


def _early(sums: Sums, quantile: float) -> Floats:
    """The bound of steps that have seen little, by what the next rows say; -inf where it does not apply."""
    further = np.where(sums.lost2 < FIRST_EVENTS, LOOK_AHEAD_FIRST, LOOK_AHEAD_EVENTS)
    ahead = np.searchsorted(sums.lost2, sums.lost2 + further)
    applies = (sums.lost2 < EARLY_EVENTS) & (ahead < len(ahead)) & (sums.large > 0.0)
    if not applies.any():
        return np.full(len(ahead), -np.inf)
    over_all = np.full(len(ahead), _one_sided(sums)[-1])
    plain = _bound(sums, EARLY_ROW + (1.0 - EARLY_ROW) * over_all, quantile, over_all)
    stands = (1.0 - sums.lost / sums.large)[np.minimum(ahead, len(ahead) - 1)]
    early: Floats = np.where(applies, np.minimum(plain, stands), -np.inf)
    return early


def _bound(sums: Sums, worst: Floats, quantile: float, skewness: Floats) -> Floats:
    """1 - the upper confidence bound on Σ lost / Σ large, with this much of a worst row at each step.

    `skewness` is the part of it that counts, 0 to 1. -inf where no ratio has a bound.
    """
    supposed = sums.plus(worst)
    usable = supposed.large > 0.0
    ratio = np.divide(supposed.lost, supposed.large, out=np.zeros(len(worst)), where=usable)
    spread = supposed.lost2 - 2.0 * ratio * supposed.lost_large + ratio**2 * supposed.large2
    third = (
        supposed.lost3
        - 3.0 * ratio * supposed.lost2_large
        + 3.0 * ratio**2 * supposed.lost_large2
        - ratio**3 * supposed.large3
    )
    # Rows weighed by exponential numbers: their variance is Σ e², their third cumulant 2 Σ e³.
    bent = skewness * 2.0 * third / np.maximum(spread, LEAST_SPREAD) ** 1.5
    bound: Floats = np.where(usable, 1.0 - _highest_ratio(supposed, _gamma_quantile(quantile, bent)), -np.inf)
    return bound


def _gamma_quantile(quantile: float, skewness: Floats) -> Floats:
    """Of a gamma distribution with this skewness, in standard units; a negative one counts as none.

    Rises with `quantile`, as it must for bounds to fall with the confidence.
    """
    bent = np.clip(skewness, LEAST_SKEWNESS, MOST_SKEWNESS)
    cubed = (2.0 / bent) * ((1.0 + bent * quantile / 6.0 - bent**2 / 36.0) ** 3 - 1.0)
    stretched: Floats = np.where(skewness > LEAST_SKEWNESS, np.maximum(cubed, 0.0), quantile)
    return stretched


def _highest_ratio(sums: Sums, quantile: Floats) -> Floats:
    """Fieller: the largest c at which Σ (lost - c large) = -quantile · √Σ (lost - c large)²; inf if none."""
    square = quantile**2
    lead = sums.large**2 - square * sums.large2
    half = sums.lost * sums.large - square * sums.lost_large
    root = np.sqrt(np.maximum(half**2 - lead * (sums.lost**2 - square * sums.lost2), 0.0))
    highest: Floats = np.full(len(quantile), np.inf)
    np.divide(half + root, lead, out=highest, where=lead > 0.0)
    return highest
