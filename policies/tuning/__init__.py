"""What thresholds, budgets and worths would have made of recorded outcomes. Pure: arrays in, figures out."""

from policies.tuning.budget import BudgetPlan, within_budget
from policies.tuning.estimate import Estimate, cost_upper_bound, mean_cost, mean_score
from policies.tuning.frontier import Frontier, frontier, splits
from policies.tuning.outcomes import Outcomes
from policies.tuning.point import Point, measure
from policies.tuning.worth import DEAREST_ANSWER_USD, Valued, WorthPlan, by_worth

__all__ = [
    "DEAREST_ANSWER_USD",
    "BudgetPlan",
    "Estimate",
    "Frontier",
    "Outcomes",
    "Point",
    "Valued",
    "WorthPlan",
    "by_worth",
    "cost_upper_bound",
    "frontier",
    "mean_cost",
    "mean_score",
    "measure",
    "splits",
    "within_budget",
]
