"""Raw score → difficulty: isotonic regression drawn as a rising curve, not as stairs. Training only."""

from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression

from classifiers.folds import Folds

Floats = npt.NDArray[np.float64]

LEAST_ROWS: Final = 30
STEPS: Final = 60
TIE_BREAK: Final = 0.002
"""The curve rises by at least this much from its lowest to its highest raw score: equal expectations keep the
order of their raw scores."""


def fit_knots(raw: Floats, gap: Floats) -> Floats:
    """Knots (2, m) of the curve through the isotonic means of max(0, E[gap | raw]).

    Rows are first averaged in up to `STEPS` bins of equal size, so that no knot rests on a handful of rows.
    """
    order = np.argsort(raw, kind="stable")
    bins = int(np.clip(len(raw) // LEAST_ROWS, 1, STEPS))
    pieces = np.array_split(order, bins)
    centre = np.array([raw[piece].mean() for piece in pieces])
    height = np.array([gap[piece].mean() for piece in pieces])
    weight = np.array([len(piece) for piece in pieces], dtype=np.float64)
    level = IsotonicRegression().fit_transform(centre, height, sample_weight=weight)
    level = np.clip(level, 0.0, 1.0)
    x, y = _block_centres(centre, level, weight)
    margin = max(float(raw.max() - raw.min()), 1e-6) * 0.05
    x = np.concatenate(([min(raw.min(), x[0]) - margin], x, [max(raw.max(), x[-1]) + margin]))
    y = np.concatenate(([y[0]], y, [y[-1]]))
    y = np.clip(y * (1 - TIE_BREAK) + TIE_BREAK * (x - x[0]) / (x[-1] - x[0]), 0.0, 1.0)
    return np.stack([x, y])


def _block_centres(centre: Floats, level: Floats, weight: Floats) -> tuple[Floats, Floats]:
    starts = np.flatnonzero(np.concatenate(([True], np.diff(level) > 0)))
    total = np.add.reduceat(weight, starts)
    x = np.add.reduceat(centre * weight, starts) / total
    keep = np.concatenate(([True], np.diff(x) > 0))
    return x[keep], level[starts][keep]


def apply_knots(knots: Floats, raw: Floats) -> Floats:
    """Difficulty of each raw score."""
    difficulty: Floats = np.interp(raw, knots[0], knots[1])
    return difficulty


def cross_fitted(raw: Floats, gap: Floats, folds: Folds) -> Floats:
    """Each row's difficulty by a curve that did not see its fold."""
    difficulty = np.zeros(len(raw))
    for fold in np.unique(folds.fold):
        judged = folds.fold == fold
        difficulty[judged] = apply_knots(fit_knots(raw[~judged], gap[~judged]), raw[judged])
    return difficulty


def calibration_error(difficulty: Floats, gap: Floats, *, bins: int = 10) -> float:
    """Mean distance between stated and found gap over bins of equal size (0 to 1).

    A bin where large did worse than small counts against the floor of 0 that a difficulty cannot go below.
    """
    order = np.argsort(difficulty, kind="stable")
    pieces = [piece for piece in np.array_split(order, bins) if len(piece)]
    distances = [
        abs(difficulty[piece].mean() - max(0.0, float(gap[piece].mean()))) * len(piece) for piece in pieces
    ]
    return float(sum(distances) / len(order))
