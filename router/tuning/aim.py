"""What a person wants of a threshold: a floor that is kept, a budget, or answers worth their price."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FloorAim:
    """A share of always-large quality to keep, 0-1, with a confidence between 0 and 1."""

    floor: float
    confidence: float


@dataclass(frozen=True, slots=True)
class BudgetAim:
    """What a month of so many requests may cost, with a confidence between 0 and 1."""

    monthly_usd: float
    requests: int
    confidence: float


@dataclass(frozen=True, slots=True)
class ValueAim:
    """What a good answer is worth, dollars."""

    value_usd: float


Aim = FloorAim | BudgetAim | ValueAim
