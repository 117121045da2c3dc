"""A monthly budget: the best threshold that it pays for."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from policies.tuning.estimate import cost_upper_bound
from policies.tuning.frontier import splits
from policies.tuning.outcomes import Outcomes
from policies.tuning.point import Point, measure

_TRIED: Final = 400


@dataclass(frozen=True, slots=True)
class BudgetPlan:
    """The lowest threshold, so the best answers, whose expected month stays within a budget.

    Attributes:
        point: `None` where even as much small as a threshold allows costs more.
        month_usd: the expected month at that threshold; where there is none, at the cheapest one.
            month_at_most_usd: its upper confidence bound: of the expected month, not of each single one.
        priced: on how many rows that rests.
    """

    point: Point | None
    month_usd: float
    month_at_most_usd: float
    priced: int


def within_budget(outcomes: Outcomes, *, monthly_usd: float, requests: int, confidence: float) -> BudgetPlan:
    """Walks from the cheapest threshold down and stops before the first whose bound is over the budget.

    A fixed order with a stop at the first failure (Angelopoulos et al., arXiv 2110.01052), so that trying
    many thresholds costs the bound none of its confidence.

    Args:
        outcomes: n rows; those without both costs are left out of the money.
        monthly_usd: what a month may cost, above 0.
        requests: of a month, at least 1.
        confidence: of the bound, one-sided, between 0 and 1.

    Raises:
        ValueError: one of these is out of range, or the costs of fewer than two rows are known.
    """
    if not 0 < monthly_usd < float("inf"):
        raise ValueError(f"monthly_usd is {monthly_usd!r}; it should be a number of dollars above 0")
    if requests < 1:
        raise ValueError(f"requests is {requests!r}; it should be at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}; it should be between 0 and 1")
    if outcomes.priced.sum() < 2:
        raise ValueError("the costs of fewer than two rows are known")
    priced = outcomes.only(outcomes.priced)
    per_month = {one: _bound(priced, one, confidence) * requests for one in splits(priced, _TRIED)}
    cheapest = max(per_month)
    best: float | None = None
    for threshold in sorted(per_month, reverse=True):
        if per_month[threshold] > monthly_usd:
            break
        best = threshold
    shown = cheapest if best is None else best
    costs = priced.costs_usd(priced.to_large(shown))
    return BudgetPlan(
        point=None if best is None else measure(outcomes, outcomes.to_large(best), best),
        month_usd=float(np.average(costs, weights=priced.weight)) * requests,
        month_at_most_usd=per_month[shown],
        priced=len(priced),
    )


def _bound(priced: Outcomes, threshold: float, confidence: float) -> float:
    found = cost_upper_bound(priced.costs_usd(priced.to_large(threshold)), priced.weight, confidence)
    if found is None:
        raise ValueError("one row bounds nothing")
    return found
