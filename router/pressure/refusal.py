"""The refusal of a query at the end of its route's ladder."""

from collections.abc import Mapping
from typing import Final

from policies.ladder import Cause, Stance
from router.budgets.exceeded import amount, said
from router.catalog import Route
from router.errors import BudgetExceeded, PennyrouteError, ProvidersInTrouble, TrafficSpike
from router.moments import moment
from router.pressure.pressures import PressureTerms, Reading

CODES: Final[Mapping[Cause, str]] = {
    Cause.BUDGET: BudgetExceeded.code,
    Cause.SPIKE: TrafficSpike.code,
    Cause.TROUBLE: ProvidersInTrouble.code,
}
"""What set the refusal off → the error's code."""

_NOT_CACHED: Final = " answers from its cache only, and has no answer to this,"
_REFUSES: Final = " answers nothing"


def refusal_of(route: Route, stance: Stance, reading: Reading, terms: PressureTerms) -> PennyrouteError:
    """The error: why, when to come again, and of a budget what is left."""
    does = f"route {route.name!r}{_REFUSES if stance.refuse else _NOT_CACHED}"
    if stance.cause is Cause.SPIKE:
        return TrafficSpike(
            f"{does} while its requests come {reading.pressure.spike:.1f} times as fast as usual",
            retry_after_s=max(1.0, terms.rate_s),
        )
    if stance.cause is Cause.TROUBLE or reading.least is None:
        return ProvidersInTrouble(
            f"{does} while {reading.pressure.trouble:.0%} of the calls of its models fail",
            retry_after_s=max(1.0, terms.failures_s),
        )
    least = reading.least
    budget, left = least.budget, max(0, least.left)
    error = BudgetExceeded(
        f"{does} while budget {budget.id} ({said(budget)}) has {amount(left, budget.unit)} left, "
        f"{reading.pressure.budget:.0%} of it used or held; more may be left at {moment(least.more_ms)}",
        retry_after_s=max(1.0, -(-(least.more_ms - least.now_ms) // 1000)),
    )
    error.budget_id, error.unit, error.left, error.limit = budget.id, budget.unit.value, left, budget.limit
    return error
