"""One outcome: what a small and a large model each scored on the same query, checked where it comes in."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from classifiers.errors import RowError
from classifiers.facts import QueryFacts
from classifiers.messages import facts_of_row

_MOST_USD = 1e9
_MOST_WEIGHT = 1e9


@dataclass(frozen=True, slots=True)
class Recorded:
    """The difficulty (0 to 1; 1 for an unfamiliar query) that a classifier gave when it served the query."""

    difficulty: float
    classifier: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One query with both tiers' scores (0 to 1) and costs in USD (None: unknown)."""

    id: str
    facts: QueryFacts
    """Of an empty text where the row came with a difficulty in place of its query."""
    category: str
    source: str
    small_score: float
    large_score: float
    small_cost_usd: float | None
    large_cost_usd: float | None
    small_model: str
    large_model: str
    line: bytes
    """The row as a JSON line, to hand a holdout on: as it was written, or made from its columns."""
    weight: float = 1.0
    """The inverse of the probability with which the row was drawn, up to a factor; above 0."""
    judged_by: str = ""
    """Where the scores come from: `hand`, `judge`, `schema`, `agreement`, `feedback` …; "": not said."""
    served: Recorded | None = None
    """What was compared when the query was served, if the row says so; with or without its text."""
    has_text: bool = True
    drawn: bool = True
    """False where nobody drew it and somebody chose to score it: then it stands for no other query."""

    @property
    def recorded(self) -> Recorded | None:
        """The difficulty that stands in the place of its text; None where it has one."""
        return None if self.has_text else self.served

    def difficulty_by(self, classifier: str) -> float | None:
        """The effective difficulty by which this very classifier served it, if it did."""
        return self.served.difficulty if self.served and self.served.classifier == classifier else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: its file's name, the name without its endings, and the line or row from 1."""

    file: str
    source: str
    number: int


def outcome_of(row: Any, line: bytes, place: Place) -> Outcome:
    """The row, checked.

    Raises:
        RowError: it does not fit; the text names the part and what would be right.
    """
    if not isinstance(row, dict):
        raise RowError("not a JSON object")
    small, large = _tier(row, "small"), _tier(row, "large")
    served = _served(row)
    has_text = served is None or _has_text(row)
    return Outcome(
        id=str(f"{place.file}:{place.number}" if row.get("id") is None else row["id"]),
        facts=facts_of_row(row) if has_text else QueryFacts(""),
        category=str(row.get("category") or ""),
        source=place.source,
        small_score=_score(small, "small"),
        large_score=_score(large, "large"),
        small_cost_usd=_cost(small, "small"),
        large_cost_usd=_cost(large, "large"),
        small_model=str(small.get("model") or ""),
        large_model=str(large.get("model") or ""),
        line=line,
        weight=_weight(row),
        judged_by=_judged_by(row),
        served=served,
        has_text=has_text,
        drawn=_drawn(row),
    )


def _has_text(row: dict[str, Any]) -> bool:
    return row.get("query") is not None or row.get("messages") is not None


def _served(row: dict[str, Any]) -> Recorded | None:
    """The difficulty that a classifier gave; beside a text, what names no classifier is something else."""
    if row.get("difficulty") is None or (_has_text(row) and row.get("classifier") is None):
        return None
    difficulty, classifier = _number(row["difficulty"]), row.get("classifier")
    if difficulty is None or not 0 <= difficulty <= 1:
        raise RowError(f'"difficulty" should be a number from 0 to 1, is {_short(row["difficulty"])}')
    if not isinstance(classifier, str) or not classifier:
        raise RowError('a row with "difficulty" needs "classifier" beside it, the id of what gave it')
    return Recorded(float(difficulty), classifier)


def _tier(row: dict[str, Any], tier: str) -> dict[str, Any]:
    value = row.get(tier)
    if not isinstance(value, dict):
        raise RowError(f'"{tier}" should be an object with "score"')
    return value


def _score(tier: dict[str, Any], name: str) -> float:
    score = _number(tier.get("score"))
    if score is None or not 0 <= score <= 1:
        raise RowError(f'"{name}"."score" should be a number from 0 to 1, is {_short(tier.get("score"))}')
    return float(score)


def _cost(tier: dict[str, Any], name: str) -> float | None:
    given = tier.get("cost_usd")
    if given is None:
        return None
    cost = _number(given)
    if cost is None or not 0 <= cost < _MOST_USD:
        raise RowError(f'"{name}"."cost_usd" should be a number of dollars or null, is {_short(given)}')
    return float(cost)


def _weight(row: dict[str, Any]) -> float:
    given = row.get("weight")
    if given is None:
        return 1.0
    weight = _number(given)
    if weight is None or not 0 < weight < _MOST_WEIGHT:
        raise RowError(f'"weight" should be a number above 0, is {_short(given)}')
    return float(weight)


def _judged_by(row: dict[str, Any]) -> str:
    given = row.get("judged_by")
    given = row.get("provenance") if given is None else given
    if given is None:
        return ""
    if not isinstance(given, str):
        raise RowError(f'"judged_by" should be a word such as hand or judge, is {_short(given)}')
    return given


def _drawn(row: dict[str, Any]) -> bool:
    given = row.get("drawn")
    said = given.strip().lower() if isinstance(given, str) else given  # of a CSV, a text
    if said is None or said is True or said == "true":
        return True
    if said is False or said == "false":
        return False
    raise RowError(f'"drawn" should be true or false, is {_short(given)}')


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return float(value) if isinstance(value, Decimal) else value


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
