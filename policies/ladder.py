"""The ladder of a route: what it gives up first when money, capacity or a provider runs short."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Rung(StrEnum):
    """One way of giving something up, the mildest first."""

    PREFER_SMALL = "prefer_small"
    SHORTEN_OUTPUT = "shorten_output"
    TRIM_CONTEXT = "trim_context"
    CACHE_ONLY = "cache_only"
    REFUSE = "refuse"


LAST_RUNGS: Final = frozenset({Rung.CACHE_ONLY, Rung.REFUSE})
"""The ones that call no model, and so lower no answer's quality."""


class Cause(StrEnum):
    """What pushes a route down its ladder."""

    BUDGET = "budget"
    SPIKE = "spike"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Pressure:
    """What a decision is made under.

    Attributes:
        budget: share of the nearest hard budget that is used or held, 0-1.
        spike: how many times the route's usual rate the present one is; 0 where there is no usual one yet.
        small_trouble: share of the small model's recent calls that failed, 0-1; 0 after too few to tell.
        large_trouble: the same of the large one.
    """

    budget: float = 0.0
    spike: float = 0.0
    small_trouble: float = 0.0
    large_trouble: float = 0.0

    @property
    def trouble(self) -> float:
        """That of the healthier model: as long as one of the two is well, queries can be answered."""
        return min(self.small_trouble, self.large_trouble)


NO_PRESSURE: Final = Pressure()


@dataclass(frozen=True, slots=True)
class Step:
    """A rung of a route's ladder, and the pressure at and above which it is stood on.

    Attributes:
        budget: `Pressure.budget` that sets it off; `None` where budgets do not.
        spike: the same of `Pressure.spike`.
        trouble: the same of `Pressure.trouble`; of `prefer_small` that of the large model, where the small
            one's is lower.
        threshold: of `prefer_small`: difficulty at and above which large still answers.
        tokens: of `shorten_output` the most of an answer, of `trim_context` the most of the input.
    """

    rung: Rung
    budget: float | None = None
    spike: float | None = None
    trouble: float | None = None
    threshold: float = 1.0
    tokens: int = 0

    def causes(self, pressure: Pressure) -> Iterator[Cause]:
        """What sets it off, if anything."""
        trouble = pressure.trouble
        if self.rung is Rung.PREFER_SMALL:
            helps = pressure.small_trouble < pressure.large_trouble
            trouble = pressure.large_trouble if helps else 0.0
        for cause, start, felt in (
            (Cause.BUDGET, self.budget, pressure.budget),
            (Cause.SPIKE, self.spike, pressure.spike),
            (Cause.TROUBLE, self.trouble, trouble),
        ):
            if start is not None and felt >= start:
                yield cause


@dataclass(frozen=True, slots=True)
class Ladder:
    """The rungs of a route in the order it steps down, the mildest first."""

    steps: tuple[Step, ...] = ()

    def for_floor(self) -> "Ladder":
        """What a route with a quality floor may use of it: no rung that lowers an answer's quality."""
        return replace(self, steps=tuple(step for step in self.steps if step.rung in LAST_RUNGS))


@dataclass(frozen=True, slots=True)
class Stance:
    """Where a route stands on its ladder.

    Attributes:
        rungs: the ones stood on, in the ladder's order.
        threshold: `prefer_small`: difficulty below which small answers; `None` where it does not apply.
        output_tokens: `shorten_output`: the most of an answer; `None` where it does not apply.
        input_tokens: `trim_context`: what the input is cut down to; `None` where it does not apply.
        cause: what set off the gravest rung stood on; `None` on none.
    """

    rungs: tuple[Rung, ...] = ()
    threshold: float | None = None
    output_tokens: int | None = None
    input_tokens: int | None = None
    cause: Cause | None = None

    @property
    def cache_only(self) -> bool:
        """No model is called: what is not in the cache is refused."""
        return Rung.CACHE_ONLY in self.rungs

    @property
    def refuse(self) -> bool:
        """Nothing is answered."""
        return Rung.REFUSE in self.rungs


AT_EASE: Final = Stance()
"""On no rung."""


def stance_of(ladder: Ladder, pressure: Pressure) -> Stance:
    """Where a pressure puts a route. More of it never leaves a rung: each is stood on from its start on.

    From the last two rungs on no model is called, so what the ones before them would do to a call is void.
    """
    stance = AT_EASE
    for step in ladder.steps:
        cause = next(step.causes(pressure), None)
        if cause is not None:
            stance = _stepped(stance, step, cause)
    return stance if LAST_RUNGS.isdisjoint(stance.rungs) else Stance(rungs=stance.rungs, cause=stance.cause)


def _stepped(stance: Stance, step: Step, cause: Cause) -> Stance:
    lower = replace(stance, rungs=(*stance.rungs, step.rung), cause=cause)
    if step.rung is Rung.PREFER_SMALL:
        return replace(lower, threshold=step.threshold)
    if step.rung is Rung.SHORTEN_OUTPUT:
        return replace(lower, output_tokens=step.tokens)
    if step.rung is Rung.TRIM_CONTEXT:
        return replace(lower, input_tokens=step.tokens)
    return lower
