"""A budget as people and programs are shown it: by HTTP, and by the command line."""

from collections.abc import Sequence
from typing import Any

from router.budgets.budget import Budget, Unit
from router.budgets.left import Left
from router.moments import moment
from router.pricing.money import usd


def budget_shown(budget: Budget, lefts: Sequence[Left]) -> dict[str, Any]:
    """A budget with what is left of it: of one for each value the least, and all in `windows`."""
    least = min((left.left for left in lefts), default=budget.limit)
    last = budget.limits[-1]
    return {
        "id": budget.id,
        "scope": dict(budget.scope),
        "period": budget.period.value,
        "time_zone": budget.time_zone,
        "window_s": budget.window_s or None,
        "hard": budget.hard,
        **_amounts("limit", budget.unit, budget.limit),
        **_amounts("left", budget.unit, least),
        "set_by": last.by,
        "set_at": moment(last.at_ms),
        "windows": [
            {
                "of": dict(zip(budget.names_each, left.values, strict=True)),
                "from": moment(left.start_ms),
                "to": moment(left.end_ms),
                **_amounts("left", budget.unit, left.left),
                "share_left": left.share,
            }
            for left in lefts
        ],
    }


def _amounts(name: str, unit: Unit, amount: int) -> dict[str, Any]:
    return {
        f"{name}_usd": usd(amount) if unit is Unit.USD else None,
        f"{name}_tokens": amount if unit is Unit.TOKENS else None,
    }
