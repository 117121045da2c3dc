"""What a judge is asked and what it answers."""

from dataclasses import dataclass
from typing import Protocol

from router.audit.missing import Missing
from router.decision import Decision
from router.outcomes.record import Scores

LONGEST_ANSWER_CHARS = 20_000


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """Both answers to one query.

    Attributes:
        decision: that was audited; its query is what was asked.
        small: the small model's answer.
        large: the large model's.
    """

    decision: Decision
    small: str
    large: str


class Unjudged(Exception):  # noqa: N818 - not an error: the outcome says why it has no scores
    """A pair has no scores, and this is why."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.value)
        self.missing = missing


class Judge(Protocol):
    """Scores a pair of answers."""

    async def scores(self, pair: Pair) -> Scores:
        """What each is worth, 0-1.

        Raises:
            Unjudged: it cannot say.
        """


async def scores_of(judge: Judge, pair: Pair) -> Scores:
    """What each answer is worth, 0-1: nothing where it says nothing, whoever judges.

    Raises:
        Unjudged: the judge cannot say.
    """
    small, large = bool(pair.small.strip()), bool(pair.large.strip())
    if not small and not large:
        return Scores(small=0.0, large=0.0)
    found = await judge.scores(pair)
    return Scores(small=found.small if small else 0.0, large=found.large if large else 0.0)


def check_length(pair: Pair) -> None:
    """Bounds the time a judge may take.

    Raises:
        Unjudged: an answer is longer than 20,000 characters.
    """
    if max(len(pair.small), len(pair.large)) > LONGEST_ANSWER_CHARS:
        raise Unjudged(Missing.TOO_LONG)
