from collections.abc import Sequence
from typing import Final

from classifiers.difficulty import Difficulty, Factor, strongest
from classifiers.facts import QueryFacts
from classifiers.features import FORM, read
from classifiers.model import logistic
from classifiers.prior import GUESS, hand_score

_MOST: Final = 0.4
"""The largest difficulty a guess may claim: measured gaps between tiers are rarely wider."""


class Heuristic:
    """A `Classifier` for when no artifact fits: hand-set weights, learned from nothing."""

    id: str = "heuristic-1"
    default_threshold: float = 0.1

    def __init__(self, fallback_reason: str = "") -> None:
        self.fallback_reason = fallback_reason
        """Why it stands in for an artifact; empty where it was asked for."""

    def score(self, facts: QueryFacts) -> float:
        """See `Classifier.score`."""
        return _difficulty(read(facts).form)

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.score_many`."""
        return [self.score(one) for one in facts]

    def explain(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.explain`."""
        form = read(facts).form
        moved = [
            Factor(name, weight * value)
            for name, weight, value in zip(FORM, GUESS, form, strict=True)
            if weight * value != 0.0
        ]
        return Difficulty(_difficulty(form), strongest(moved))

    def assess(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.assess`; no factor of its quotes the query anyway."""
        return self.explain(facts)

    def is_familiar(self, facts: QueryFacts) -> bool:  # noqa: ARG002 - part of `Classifier`
        """Always: what learned from nothing knows no far and near."""
        return True

    def effective_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.effective_many`; the scores as they are."""
        return self.score_many(facts)


def _difficulty(form: list[float]) -> float:
    return _MOST * logistic(hand_score(form))
