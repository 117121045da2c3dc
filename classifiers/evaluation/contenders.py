"""The baselines that a classifier is measured against, sending the same share to large where they can."""

from typing import Final

import numpy as np

from classifiers.evaluation.rows import Contender, Floats, Judged

RANDOM: Final = "random"
LENGTH: Final = "length"
ALWAYS_SMALL: Final = "always_small"
ALWAYS_LARGE: Final = "always_large"
BEST_SINGLE: Final = "best_single"
ORACLE: Final = "oracle"


def baselines(rows: Judged, length: Floats | None, *, large_share: float) -> list[Contender]:
    """Random, length (where known), always small, always large, the best single model, and the oracle.

    Random and length send `large_share` of the rows to large: what a classifier they are compared with sends.
    The oracle knows both scores: it ranks by the gap and sends to large what large does better.
    """
    n = len(rows)
    nothing, all_ = np.zeros(n), np.ones(n)
    best = all_ if large_is_best(rows) else nothing
    found = [Contender(RANDOM, np.zeros(n), np.full(n, large_share))]
    if length is not None:
        found.append(Contender(LENGTH, length, sharing(length, rows.weight, large_share)))
    return [
        *found,
        Contender(ALWAYS_SMALL, None, nothing),
        Contender(ALWAYS_LARGE, None, all_),
        Contender(BEST_SINGLE, None, best),
        Contender(ORACLE, rows.gap, (rows.gap > 0).astype(np.float64)),
    ]


def large_is_best(rows: Judged) -> bool:
    """Whether large is the better of the two on these rows taken together; small where they are equal."""
    return bool(rows.weight @ rows.gap > 0)


def sharing(scores: Floats, weight: Floats, large_share: float) -> Floats:
    """(n,) The chance of each row to go to large when this share does, hardest first, ties shared evenly."""
    if len(scores) == 0:
        return np.zeros(0)
    _, level = np.unique(-scores, return_inverse=True)
    size = np.bincount(level, weights=weight)
    before = np.cumsum(size) - size
    wanted = large_share * float(size.sum())
    of_level: Floats = np.clip((wanted - before) / size, 0.0, 1.0)
    return of_level[level]
