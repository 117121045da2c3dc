"""What a budget is: whose calls it bounds, for how long, and to what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

EACH: Final = "*"
"""In a scope: one budget for each value."""

LIMITS_KEPT: Final = 100


class Unit(StrEnum):
    """What a budget counts."""

    USD = "usd"  # in nano-dollars
    TOKENS = "tokens"  # input and output, cached and reasoning tokens among them


class Period(StrEnum):
    """How long a budget lasts before it is whole again."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"
    ROLLING = "rolling"


class Limit(msgspec.Struct, frozen=True, array_like=True):
    """A limit somebody set; the record by which what remains is checked.

    Attributes:
        at_ms: Unix milliseconds of the store's time.
        amount: nano-dollars or tokens.
    """

    at_ms: int
    amount: int
    by: str


@dataclass(frozen=True, slots=True)
class Asker:
    """Who makes a call and what for: what a scope is compared with. '' is unknown, and in no scope."""

    key: str = ""
    team: str = ""
    feature: str = ""
    route: str = ""
    model: str = ""
    user: str = ""


SCOPE_NAMES: Final = tuple(Asker.__dataclass_fields__)


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """One budget of an account.

    Attributes:
        scope: name → value, or `*` for one budget for each value; all must match; empty means every call.
        time_zone: IANA name; days and months begin at its midnight.
        window_s: length of a rolling window in seconds; 0 of any other.
        hard: calls that do not fit are refused; else they are only counted.
        limits: every limit it has had, newest last; the last 100 are kept.
    """

    id: str
    scope: Mapping[str, str]
    period: Period
    time_zone: str
    window_s: int
    unit: Unit
    hard: bool
    limits: tuple[Limit, ...]

    @property
    def limit(self) -> int:
        """The limit in force: nano-dollars or tokens."""
        return self.limits[-1].amount

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it this budget: another limit for the same changes it, and makes no second one."""
        return (tuple(sorted(self.scope.items())), self.period, self.time_zone, self.window_s, self.unit)

    @property
    def names_each(self) -> tuple[str, ...]:
        """The names in its scope of which each value has a budget of its own."""
        return tuple(name for name in SCOPE_NAMES if self.scope.get(name) == EACH)

    def values_of(self, asker: Asker) -> tuple[str, ...] | None:
        """The values that pick one budget among those for each value; `None` where it does not apply."""
        found = []
        for name, wanted in self.scope.items():
            value: str = getattr(asker, name)
            if not value or wanted not in (EACH, value):
                return None
            if wanted == EACH:
                found.append((SCOPE_NAMES.index(name), value))
        return tuple(value for _, value in sorted(found))


@dataclass(frozen=True, slots=True)
class Claim:
    """A budget that applies to a call.

    Attributes:
        values: which one among those for each value, in the order of `names_each`.
    """

    budget: Budget
    values: tuple[str, ...]


def claims_of(budgets: Iterable[Budget], asker: Asker) -> tuple[Claim, ...]:
    """Every budget that a call counts in."""
    found = []
    for budget in budgets:
        values = budget.values_of(asker)
        if values is not None:
            found.append(Claim(budget, values))
    return tuple(found)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Budget)


def encode_budget(budget: Budget) -> bytes:
    """The stored form: JSON."""
    return _encoder.encode(budget)


def budgets_of(found: Mapping[bytes, bytes]) -> tuple[Budget, ...]:
    """Budgets by the hash they are kept in, oldest first.

    Raises:
        msgspec.ValidationError: another version wrote one.
    """
    return tuple(_decoder.decode(raw) for _, raw in sorted(found.items()))
