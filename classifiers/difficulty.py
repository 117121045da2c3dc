from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Protocol

from classifiers.facts import QueryFacts

MAX_FACTORS: Final = 6
ITS_WORDS: Final = "the query's words"


class Factor(NamedTuple):
    """One thing about a query that moved its difficulty.

    `name` is for people ("contains code", "word: prove"). `weight` is the signed contribution to the raw
    score, the number that calibration then turns into a difficulty: comparable within one artifact, not a
    share of the value. `quotes`: the name has words of the query in it.
    """

    name: str
    weight: float
    quotes: bool = False


@dataclass(frozen=True, slots=True)
class Difficulty:
    """The calibrated expected quality lost by answering small instead of large (0 to 1), and why."""

    value: float
    factors: tuple[Factor, ...] = ()
    """Strongest first, six at most."""
    familiar: bool = True
    """False where the query is so far from what was learned from that the value says nothing: large then."""

    @property
    def unquoted(self) -> "Difficulty":
        """The same without the query's own words: what may be kept where the query may not."""
        quoting = [factor.weight for factor in self.factors if factor.quotes]
        if not quoting:
            return self
        rest = [factor for factor in self.factors if not factor.quotes]
        return replace(self, factors=strongest([*rest, Factor(ITS_WORDS, sum(quoting))]))

    @property
    def sentence(self) -> str:
        """One English sentence naming what raised and what lowered the value."""
        raised = ", ".join(factor.name for factor in self.factors if factor.weight > 0)
        lowered = ", ".join(factor.name for factor in self.factors if factor.weight < 0)
        parts = [f"raised by {raised}"] * bool(raised) + [f"lowered by {lowered}"] * bool(lowered)
        reason = "; ".join(parts) if parts else "nothing in the query stands out"
        return f"{reason[0].upper()}{reason[1:]}."


def strongest(factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """The `MAX_FACTORS` that moved a score most, strongest first."""
    return tuple(sorted(factors, key=lambda factor: (-abs(factor.weight), factor.name))[:MAX_FACTORS])


class Classifier(Protocol):
    """Text and cheap facts in, difficulty out: pure, and the same answer for the same facts."""

    @property
    def id(self) -> str:
        """Name and content hash, e.g. `default-2026-11+sha256:ab12cd34`; written into every decision."""

    @property
    def default_threshold(self) -> float:
        """The difficulty at and above which large is worth it when nobody has tuned a route (0 to 1)."""

    def score(self, facts: QueryFacts) -> float:
        """The difficulty of one query, 0 to 1."""

    def explain(self, facts: QueryFacts) -> Difficulty:
        """The same value, bit for bit, with its reasons."""

    def assess(self, facts: QueryFacts) -> Difficulty:
        """The same value, bit for bit, with reasons that quote nothing: its words count as one factor.

        Cheaper than `explain`: for where nobody reads which words they were, or nobody may.
        """

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """The difficulty of each query in order; the same values as `score`, bit for bit."""

    def is_familiar(self, facts: QueryFacts) -> bool:
        """Whether the query is near enough to what was learned from for its difficulty to mean something."""

    def effective_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """`score_many` with 1.0 for what is not familiar: what serving compares with a threshold."""
