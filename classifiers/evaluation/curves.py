"""Quality by share of calls to large, over many resamples at once.

RouteLLM's measures (Ong et al., arXiv 2406.18665, section 2.2): rows are sorted hardest first and a share of
them sent to large. PGR = (r - small) / (large - small), r the mean quality then; APGR is its mean over all
shares; CPT(x) the least share that reaches PGR x. Ties are shared evenly: within them all lies on a line.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from classifiers.evaluation.rows import Floats, Judged, Places

_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows in the order of one ranking. `ends` (L,) are the last places of its levels of equal score."""

    order: Places
    ends: Places
    small: Floats
    gap: Floats
    small_cost_usd: Floats
    more_cost_usd: Floats

    @classmethod
    def by(cls, scores: Floats, rows: Judged) -> "Ranked":
        """The rows, hardest first."""
        order = np.argsort(-scores, kind="stable")
        sorted_ = scores[order]
        ends = np.flatnonzero(np.concatenate((sorted_[1:] != sorted_[:-1], [True])))
        cost = rows.small_cost_usd[order]
        return cls(order, ends, rows.small[order], rows.gap[order], cost, rows.large_cost_usd[order] - cost)


@dataclass(frozen=True, slots=True)
class Curves:
    """One curve for each of r resamples; L + 1 points each, from nothing to all sent to large.

    `share`, `quality` and `cost` (r, L + 1): share of calls to large, mean quality, and mean cost in USD (nan
    where a cost is unknown). `gap` (r,) is mean large minus mean small.
    """

    share: Floats
    quality: Floats
    cost: Floats
    gap: Floats

    @classmethod
    def of(cls, ranked: Ranked, weights: Floats) -> "Curves":
        """`weights` (r, n): how much each row counts in each resample, in the order of the rows."""
        counted = weights[:, ranked.order]
        total = counted.sum(axis=1, keepdims=True)
        share = _levels(counted, ranked.ends) / total
        gained = _levels(counted * ranked.gap, ranked.ends) / total
        quality = (counted @ ranked.small)[:, None] / total + gained
        share[:, -1] = 1.0
        if np.isfinite(ranked.more_cost_usd).all():
            spent = _levels(counted * ranked.more_cost_usd, ranked.ends) / total
            cost = (counted @ ranked.small_cost_usd)[:, None] / total + spent
        else:
            cost = np.full_like(quality, np.nan)
        return cls(share, quality, cost, gained[:, -1])

    @property
    def small(self) -> Floats:
        """(r,) Mean quality when all goes to small."""
        return self.quality[:, 0]

    @property
    def large(self) -> Floats:
        """(r,) Mean quality when all goes to large."""
        return self.quality[:, -1]

    def apgr(self) -> Floats:
        """(r,) Mean PGR over all shares; nan where large is no better than small."""
        steps = np.diff(self.share, axis=1)
        middle = (self.quality[:, 1:] + self.quality[:, :-1]) / 2
        area = np.einsum("rl,rl->r", steps, middle)
        won: Floats = (area - self.small) / self._recoverable()
        return won

    def at_pgr(self, recovered: float) -> "Crossing":
        """Where this part of the gap (0 to 1) is first recovered; nan where there is no gap."""
        return self.at_quality(self.small + recovered * self._recoverable())

    def at_share_of_large(self, kept: float) -> "Crossing":
        """Where this part of the quality of always-large is first reached."""
        return self.at_quality(kept * self.large)

    def at_quality(self, wanted: Floats) -> "Crossing":
        """Where mean quality first reaches `wanted` (r,), one for each curve; nan where never."""
        reached = self.quality >= (wanted - _ROUNDING)[:, None]
        right = np.argmax(reached, axis=1)
        there = np.arange(len(right))
        left = np.maximum(right - 1, 0)
        low, high = self.quality[there, left], self.quality[there, right]
        rise = np.where(high > low, high - low, 1.0)
        along = np.clip(np.where(high > low, (wanted - low) / rise, 1.0), 0.0, 1.0)
        along[~reached.any(axis=1)] = np.nan
        return Crossing(left, right, along)

    def _recoverable(self) -> Floats:
        return np.where(self.gap > _ROUNDING, self.gap, np.nan)


@dataclass(frozen=True, slots=True)
class Crossing:
    """A place on each curve: `along` (0 to 1) of the way from point `left` to point `right`."""

    left: Places
    right: Places
    along: Floats

    def on(self, values: Floats) -> Floats:
        """(r,) What `values` (r, L + 1), given at the points, are there."""
        there = np.arange(len(self.left))
        low, high = values[there, self.left], values[there, self.right]
        found: Floats = low + self.along * (high - low)
        return found


def _levels(counted: Floats, ends: Places) -> Floats:
    """Running sums (r, L + 1) at the ends of the levels, beginning with 0."""
    sums = np.zeros((len(counted), len(ends) + 1))
    sums[:, 1:] = np.cumsum(counted, axis=1)[:, ends]
    return sums
