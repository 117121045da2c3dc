"""One way of choosing, measured on the rows: quality, cost, and what it saves."""

from dataclasses import dataclass

import numpy as np

from policies.choice import Tier
from policies.tuning.estimate import Estimate, mean_cost, mean_score
from policies.tuning.outcomes import Mask, Outcomes


@dataclass(frozen=True, slots=True)
class Point:
    """What a way of choosing came to.

    All money rests on the rows of which both tiers' costs are known, whichever tier answers, so that points
    compare the same rows; it is `None` where there is no such row.

    Attributes:
        threshold: `None` where none was used.
        large_share: 0-1, of the traffic the rows stand for.
        quality: mean score, 0-1.
        of_large: quality as a share of always-large's; `None` where that is 0.
        cost_per_1k_usd: dollars per 1,000 queries.
        priced: on how many rows the money rests.
        savings: share of always-large's cost that is saved; below 0 where it costs more. `None` where that
            cost is 0 or not known.
        best_single: the cheapest single model that is at least as good; where none is, the better one. `None`
            where both are as good and nobody knows which is cheaper.
        savings_on_best_single: share of that one's cost that is saved.
    """

    threshold: float | None
    large_share: float
    quality: Estimate
    of_large: float | None
    cost_per_1k_usd: Estimate | None
    priced: int
    savings: float | None
    best_single: Tier | None
    savings_on_best_single: float | None


def measure(outcomes: Outcomes, to_large: Mask, threshold: float | None = None) -> Point:
    """Measures a way of choosing.

    Args:
        outcomes: n rows.
        to_large: (n,) which of them the large model answers.
        threshold: what chose them, if one did.
    """
    weight = outcomes.weight
    quality = mean_score(outcomes.scores(to_large), weight)
    single = {
        Tier.SMALL: float(np.average(outcomes.small_score, weights=weight)),
        Tier.LARGE: float(np.average(outcomes.large_score, weights=weight)),
    }
    cost, costs = _costs(outcomes, to_large)
    best = _best_single(quality.value, single, costs)
    return Point(
        threshold=threshold,
        large_share=float(np.average(to_large, weights=weight)),
        quality=quality,
        of_large=quality.value / single[Tier.LARGE] if single[Tier.LARGE] > 0 else None,
        cost_per_1k_usd=cost,
        priced=int(outcomes.priced.sum()),
        savings=_saved(cost, costs.get(Tier.LARGE)),
        best_single=best,
        savings_on_best_single=None if best is None else _saved(cost, costs.get(best)),
    )


def _costs(outcomes: Outcomes, to_large: Mask) -> tuple[Estimate | None, dict[Tier, float]]:
    """Per 1,000 queries: of the way of choosing, and of each single model."""
    priced = outcomes.priced
    if not priced.any():
        return None, {}
    weight = outcomes.weight[priced]
    single = {
        Tier.SMALL: float(np.average(outcomes.small_cost_usd[priced], weights=weight)) * 1_000,
        Tier.LARGE: float(np.average(outcomes.large_cost_usd[priced], weights=weight)) * 1_000,
    }
    return mean_cost(outcomes.costs_usd(to_large)[priced], weight).times(1_000), single


def _best_single(quality: float, single: dict[Tier, float], costs: dict[Tier, float]) -> Tier | None:
    good = [tier for tier, reached in single.items() if reached >= quality]
    if len(good) == 1:
        return good[0]
    if not good:
        return max(single, key=lambda tier: (single[tier], -costs.get(tier, 0.0)))
    return min(good, key=lambda tier: (costs[tier], -single[tier])) if costs else None


def _saved(cost: Estimate | None, instead: float | None) -> float | None:
    return None if cost is None or not instead else 1 - cost.value / instead
