"""Is a certificate still true? A Shiryaev-Roberts e-detector on audited queries.

Shin, Ramdas and Rinaldo, E-detectors (arXiv 2203.03532): with z of mean at most 0 while the floor holds and
0 < λ <= 1, each 1 + λz is an e-value given what came before. So M ← (1 + M)(1 + λz) has after n audits an
expectation of at most n, and an alarm at M >= A comes after A audits or more, on average. So has the mean of
several λ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policies.choice import Tier

ALARM_AT: Final = 2_000.0
LAMBDAS: Final = (0.3,)
"""Measured by benchmarks/watch.py: as fast as a mixture at 5 points below the floor, hardly slower at 2."""


@dataclass(frozen=True, slots=True)
class WatchTerms:
    """When to sound the alarm.

    Attributes:
        alarm_at: A: the fewest audits, on average, between false alarms. At least 1.
        lambdas: bets; 0 < λ <= 1 each. A higher one sees a steep fall sooner, a lower one a shallow one.

    Raises:
        ValueError: out of these ranges, or no λ at all.
    """

    alarm_at: float = ALARM_AT
    lambdas: tuple[float, ...] = LAMBDAS

    def __post_init__(self) -> None:
        if not 1 <= self.alarm_at < float("inf"):
            raise ValueError(f"alarm_at is {self.alarm_at!r}; it should be a number of audits, at least 1")
        wrong = [bet for bet in self.lambdas if not 0 < bet <= 1]
        if wrong or not self.lambdas:
            raise ValueError(f"lambdas are {self.lambdas!r}; they should be one or more of above 0 to 1")


@dataclass(frozen=True, slots=True)
class WatchState:
    """What the detector remembers.

    Once the alarm has sounded it stays as it was at that audit, until a new one is begun.

    Attributes:
        levels: M of each λ, in the order of the terms; never below 0.
        audits: how many it saw.
    """

    levels: tuple[float, ...]
    audits: int = 0

    @property
    def level(self) -> float:
        """The mean over the λs, what is compared with `alarm_at`.

        Added from left to right, so that the store's Lua gets the same: `sum` compensates its rounding.
        """
        total = 0.0
        for level in self.levels:
            total = total + level
        return total / len(self.levels)


def begin(terms: WatchTerms) -> WatchState:
    """The state of a certificate that just came into force."""
    return WatchState((0.0,) * len(terms.lambdas))


def excess(tier: Tier, small_score: float, large_score: float, floor: float) -> float:
    """By how much an audited query fell short of the floor: z, from -1 to `floor`, below 0 where it did not.

    While the floor holds its mean is at most 0. z = (large - small)·1[small answered] - (1 - floor)·large

    Args:
        tier: the routed one, which the caller was answered by.
        small_score: 0-1.
        large_score: 0-1.
        floor: share of always-large quality to keep, 0-1.

    Raises:
        ValueError: a score or the floor is not from 0 to 1.
    """
    for name, value in (("small_score", small_score), ("large_score", large_score), ("floor", floor)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value!r}; it should be from 0 to 1")
    lost = large_score - small_score if tier is Tier.SMALL else 0.0
    return lost - (1 - floor) * large_score


def advance(state: WatchState, z: float, terms: WatchTerms) -> WatchState:
    """The state after one more audit: M ← (1 + M)(1 + λz) for each λ; as it is once the alarm has sounded.

    In exactly this order of operations on doubles, so that the store's Lua comes to the same bits.

    Raises:
        ValueError: z is not from -1 to 1, or the state was made with other λs.
    """
    if not -1 <= z <= 1:
        raise ValueError(f"z is {z!r}; it should be from -1 to 1")
    if len(state.levels) != len(terms.lambdas):
        raise ValueError(f"the state has {len(state.levels)} levels, the terms {len(terms.lambdas)} lambdas")
    if alarmed(state, terms):
        return state
    levels = tuple(
        (1 + level) * (1 + bet * z) for level, bet in zip(state.levels, terms.lambdas, strict=True)
    )
    return WatchState(levels, state.audits + 1)


def alarmed(state: WatchState, terms: WatchTerms) -> bool:
    """Whether what was audited says that the floor no longer holds."""
    return state.level >= terms.alarm_at


def watch(zs: Sequence[float], terms: WatchTerms) -> WatchState:
    """The state after all of these audits, from the beginning."""
    state = begin(terms)
    for z in zs:
        state = advance(state, z, terms)
    return state
