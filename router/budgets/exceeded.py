"""The refusal of a call that a hard budget has too little left for."""

from collections.abc import Sequence
from dataclasses import dataclass

from router.budgets.budget import Budget, Unit
from router.errors import BudgetExceeded
from router.moments import moment
from router.pricing.money import usd


@dataclass(frozen=True, slots=True)
class Refusal:
    """One budget that a call did not fit.

    Attributes:
        asked: the worst case of the call, nano-dollars or tokens.
        left: what was left before it.
        more_ms: when more may be left, Unix milliseconds of the store's time.
    """

    budget: Budget
    asked: int
    left: int
    more_ms: int


def exceeded(refusals: Sequence[Refusal], now_ms: int) -> BudgetExceeded:
    """The error for the budget that takes longest to have more left."""
    one = max(refusals, key=lambda refusal: refusal.more_ms)
    budget = one.budget
    left = max(0, one.left)
    never = "; that is more than its whole limit, so cap the output" if one.asked > budget.limit else ""
    error = BudgetExceeded(
        f"budget {budget.id} ({said(budget)}) has {amount(left, budget.unit)} left, and this call may take "
        f"{amount(one.asked, budget.unit)}{never}; more may be left at {moment(one.more_ms)}",
        retry_after_s=max(1.0, -(-(one.more_ms - now_ms) // 1000)),
    )
    error.budget_id, error.unit, error.left, error.limit = budget.id, budget.unit.value, left, budget.limit
    return error


def said(budget: Budget) -> str:
    """A budget in a few words: `12.5 USD a day, team=legal`."""
    scope = ", ".join(f"{name}={value}" for name, value in sorted(budget.scope.items())) or "all calls"
    period = f"rolling {budget.window_s} s" if budget.window_s else f"a {budget.period}"
    return f"{amount(budget.limit, budget.unit)} {period}, {scope}"


def amount(units: int, unit: Unit) -> str:
    """An amount as people read it: `12.5 USD`, `3,000 tokens`."""
    return f"{usd(units)} USD" if unit is Unit.USD else f"{units:,} tokens"
