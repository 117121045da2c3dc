"""How good a ranking is: RouteLLM's measures (Ong et al., arXiv 2406.18665, section 2.2), ties shared evenly.

Rows are sorted by score, hardest first; sending the first share of them to large gains some part of the gap
between always-small and always-large. PGR is that part, APGR its mean over all shares: random is 0.5.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NO_GAP: Final = "large is no better than small on these rows, so there is no gap to recover"


@dataclass(frozen=True, slots=True)
class Apgr:
    """APGR with its standard error; `value` is None, with `reason`, where large is no better than small."""

    value: float | None
    standard_error: float | None
    reason: str = ""


def ranks_from_hardest(scores: Floats) -> Floats:
    """Share of rows sent to large before this one, half of it and of its ties included (0 to 1)."""
    _, level, counts = np.unique(-scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    shares: Floats = middle[level] / len(scores)
    return shares


def apgr(scores: Floats, small: Floats, large: Floats) -> Apgr:
    """Mean recovered share of the gap over all shares of traffic sent to large.

    A row at rank share u is served by large at all shares above u, so it gains its gap for a part 1 - u of
    them: APGR = Σ (1 - u) · gap / Σ gap. The standard error is that of a ratio, ranks taken as given.
    """
    gap = large - small
    total = float(gap.sum())
    if len(gap) == 0 or total <= 0:
        return Apgr(None, None, NO_GAP)
    gains = 1.0 - ranks_from_hardest(scores)
    value = float(gains @ gap) / total
    error = math.sqrt(float(np.sum((gap * (gains - value)) ** 2))) / total
    return Apgr(value, error)


def apgr_difference(scores: Floats, others: Floats, small: Floats, large: Floats) -> tuple[float, float]:
    """APGR of `scores` minus that of `others` on the same rows, and the standard error of the difference.

    Raises:
        ValueError: large is no better than small on these rows.
    """
    gap = large - small
    total = float(gap.sum())
    if total <= 0:
        raise ValueError("no gap to recover")
    better = ranks_from_hardest(others) - ranks_from_hardest(scores)
    value = float(better @ gap) / total
    error = math.sqrt(float(np.sum((gap * better - value * gap) ** 2))) / total
    return value, error


@dataclass(frozen=True, slots=True)
class Curve:
    """Recovered gap by share of traffic sent to large, from (0, 0) to (1, 1); ties lie on straight lines."""

    large_share: Floats
    recovered: Floats

    def least_share(self, recovered: float) -> float:
        """CPT: the least share to large that recovers this part of the gap (0 to 1)."""
        reached = np.flatnonzero(self.recovered >= recovered - 1e-12)
        right = int(reached[0])
        if right == 0:
            return 0.0
        low, high = self.recovered[right - 1], self.recovered[right]
        along = (recovered - low) / (high - low)
        return float(
            self.large_share[right - 1] + along * (self.large_share[right] - self.large_share[right - 1])
        )


def curve(scores: Floats, small: Floats, large: Floats) -> Curve:
    """The whole PGR curve; the rows must have a positive total gap."""
    gap = large - small
    levels, inverse = np.unique(-scores, return_inverse=True)
    counts = np.bincount(inverse, minlength=len(levels))
    gains = np.bincount(inverse, weights=gap, minlength=len(levels))
    shares = np.concatenate(([0.0], np.cumsum(counts) / len(scores)))
    recovered = np.concatenate(([0.0], np.cumsum(gains) / gap.sum()))
    return Curve(shares, recovered)
