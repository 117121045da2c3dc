"""AIQ: how much quality a router gives for its cost, against mixing the two models without one.

RouterBench (Hu et al., arXiv 2403.12031, section 3): the non-decreasing convex hull of quality against cost,
its area divided by the range of costs. The "no-router" hull is that of the two models alone.
"""

from itertools import pairwise
from typing import Final

import numpy as np

from classifiers.evaluation.curves import Curves
from classifiers.evaluation.rows import Floats

MOST_POINTS: Final = 201
"""A curve of more points is read at this many, evenly spread over its levels."""


def aiq(curves: Curves, cost: Floats) -> Floats:
    """(r,) Mean quality under the hull between the cost of always-small and that of always-large.

    `cost` (r, L + 1) is the axis: mean cost in USD, or the share to large where costs are unknown. nan where
    large costs no more than small.
    """
    points = cost.shape[1]
    read = np.unique(np.linspace(0, points - 1, min(points, MOST_POINTS)).round().astype(np.int64))
    pairs = zip(cost[:, read].tolist(), curves.quality[:, read].tolist(), strict=True)
    return np.array([_mean_under_hull(x, y) for x, y in pairs])


def aiq_without_router(curves: Curves, cost: Floats) -> Floats:
    """(r,) The same of the two models alone: their line, or small's level where large is no better."""
    better = np.maximum(curves.large, curves.small)
    value: Floats = np.where(cost[:, -1] > cost[:, 0], (curves.small + better) / 2, np.nan)
    return value


def _mean_under_hull(cost: list[float], quality: list[float]) -> float:
    low, high = cost[0], cost[-1]
    if not high > low:
        return float("nan")
    # What is had for less is had for more too, so the hull never falls; beyond the range nothing is had.
    points = sorted((max(x, low), y) for x, y in zip(cost, quality, strict=True) if x <= high)
    points.append((high, max(y for _, y in points)))
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while hull and (hull[-1][0] == x and hull[-1][1] <= y):
            hull.pop()
        if hull and hull[-1][0] == x:
            continue
        while len(hull) >= 2 and _under(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(hull))
    return area / (high - low)


def _under(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Whether b lies on or under the line from a to c."""
    return (b[1] - a[1]) * (c[0] - a[0]) <= (c[1] - a[1]) * (b[0] - a[0])
