"""What is measured of a contender: each measure as its value on the rows and on every resample of them."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from classifiers.evaluation.curves import Curves, Ranked
from classifiers.evaluation.hull import aiq, aiq_without_router
from classifiers.evaluation.resamples import weights_of
from classifiers.evaluation.rows import Contender, Floats, Judged

Samples = dict[str, Floats]
"""Measure → (1 + resamples,): its value on the rows themselves, then on each resample; nan is undefined."""

CPT: Final = {"cpt50": 0.5, "cpt80": 0.8, "cpt95": 0.95}
SHARE_AT_95: Final = "share_at_95pct_quality"
QUALITY_KEPT: Final = (0.95, 1.0)


def rank_samples(
    rows: Judged, contenders: Sequence[Contender], *, resamples: int, seed: int
) -> list[Samples]:
    """The measures of ranking and of routing of each contender, on the same resamples."""
    ranked = [None if one.scores is None else Ranked.by(one.scores, rows) for one in contenders]
    kept: list[list[Samples]] = [[] for _ in contenders]
    for weights in weights_of(rows.weight, resamples=resamples, seed=seed):
        for at, contender in enumerate(contenders):
            curve = ranked[at]
            found = {} if curve is None else _of_curve(Curves.of(curve, weights))
            kept[at].append(found | _of_routing(contender, rows, weights))
    return [_joined(pieces) for pieces in kept]


def money_samples(
    rows: Judged, contenders: Sequence[Contender], *, resamples: int, seed: int
) -> list[Samples]:
    """AIQ and cost at equal quality of each contender that ranks; on rows of known cost, in USD.

    Where the rows have no costs (nan), AIQ is against the share to large and there is no cost of anything.
    """
    ranked = [None if one.scores is None else Ranked.by(one.scores, rows) for one in contenders]
    kept: list[list[Samples]] = [[] for _ in contenders]
    for weights in weights_of(rows.weight, resamples=resamples, seed=seed):
        for at, one in enumerate(ranked):
            kept[at].append({} if one is None else _of_money(Curves.of(one, weights)))
    return [_joined(pieces) for pieces in kept]


def _of_curve(curves: Curves) -> Samples:
    found = {"apgr": curves.apgr()}
    found |= {name: curves.at_pgr(recovered).on(curves.share) for name, recovered in CPT.items()}
    found[SHARE_AT_95] = curves.at_share_of_large(0.95).on(curves.share)
    return found


def _of_routing(contender: Contender, rows: Judged, weights: Floats) -> Samples:
    to_large = contender.to_large
    to_small = 1.0 - to_large
    worse, no_better = rows.gap > 0, rows.gap <= 0
    columns = np.stack(
        [
            rows.small,
            rows.large,
            to_large,
            rows.small + to_large * rows.gap,
            to_small * worse,
            to_large * no_better,
            rows.small_cost_usd,
            rows.large_cost_usd,
            _routed_cost(to_large, rows),
        ],
        axis=1,
    )
    means = (weights @ columns / weights.sum(axis=1, keepdims=True)).T
    small, large, large_share, quality, false_cheap, unnecessary, *costs = means
    return {
        "small": small,
        "large": large,
        "large_share": large_share,
        "quality": quality,
        "quality_of_large": quality / np.where(large > 0, large, np.nan),
        "false_cheap_rate": false_cheap,
        "unnecessary_large_rate": unnecessary,
        "false_cheap_of_small": false_cheap / np.where(large_share < 1, 1 - large_share, np.nan),
        "unnecessary_large_of_large": unnecessary / np.where(large_share > 0, large_share, np.nan),
        "small_cost_per_1k_usd": 1000 * costs[0],
        "large_cost_per_1k_usd": 1000 * costs[1],
        "cost_per_1k_usd": 1000 * costs[2],
    }


def _routed_cost(to_large: Floats, rows: Judged) -> Floats:
    """(n,) Mean cost in USD; of a row that surely goes one way the other's cost need not be known."""
    mixed = rows.small_cost_usd + to_large * (rows.large_cost_usd - rows.small_cost_usd)
    one_way = np.where(to_large >= 1, rows.large_cost_usd, rows.small_cost_usd)
    cost: Floats = np.where((to_large > 0) & (to_large < 1), mixed, one_way)
    return cost


def _of_money(curves: Curves) -> Samples:
    priced = bool(np.isfinite(curves.cost).all())
    axis = curves.cost if priced else curves.share
    found = {"aiq": aiq(curves, axis), "aiq_no_router": aiq_without_router(curves, axis)}
    found["aiq_gain"] = found["aiq"] - found["aiq_no_router"]
    if priced:
        for kept in QUALITY_KEPT:
            cost = curves.at_share_of_large(kept).on(curves.cost)
            found[f"cost_per_1k_usd_at_{kept:g}"] = 1000 * cost
            of_large = np.where(curves.cost[:, -1] > 0, curves.cost[:, -1], np.nan)
            found[f"saved_at_{kept:g}"] = 1.0 - cost / of_large
    return found


def _joined(pieces: Sequence[Samples]) -> Samples:
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
