"""The learned classifier as it serves: a ranking, a calibration curve, and a vocabulary of what is known."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.difficulty import ITS_WORDS, MAX_FACTORS, Difficulty, Factor, strongest
from classifiers.facts import QueryFacts
from classifiers.features import FORM_NAMES, Reading, plain_word_keys, read
from classifiers.ranking import Found, Ranking, Weights, logistic
from classifiers.vocabulary import Vocabulary, sizes_of

__all__ = ["LearnedClassifier", "Model", "Weights", "logistic"]

_FAINT: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Model:
    """All arrays of a classifier.

    `knots` (2, m) is the calibration curve: raw score, strictly increasing, → difficulty, not decreasing.
    `vocabulary` is that of `Vocabulary`. `prior` is the ranking that speaks where `weights` know little;
    None where the hand-set form of `weights` does alone.
    """

    weights: Weights
    knots: npt.NDArray[np.float64]
    vocabulary: npt.NDArray[np.uint8]
    prior: Weights | None = None


class LearnedClassifier:
    """A `Classifier` made of a `Model`. Holds no state that changes: share one between threads and tasks."""

    def __init__(
        self, model: Model, *, name: str, digest: str, default_threshold: float, familiar_from: float
    ) -> None:
        self._id = f"{name}+sha256:{digest[:8]}"
        self._default_threshold = default_threshold
        self.familiar_from = familiar_from
        """Least familiarity of a query that resembles the training data (0 to 1); calibrated out of fold."""
        self.model = model
        self._ranking = Ranking(model.weights, Ranking(model.prior) if model.prior is not None else None)
        self._vocabulary = Vocabulary(model.vocabulary)
        self._raw_knots: list[float] = model.knots[0].tolist()
        self._difficulty_knots: list[float] = model.knots[1].tolist()

    @property
    def id(self) -> str:
        """See `Classifier.id`."""
        return self._id

    @property
    def default_threshold(self) -> float:
        """See `Classifier.default_threshold`."""
        return self._default_threshold

    def score(self, facts: QueryFacts) -> float:
        """See `Classifier.score`."""
        reading = read(facts)
        return self._calibrated(self._ranking.raw(reading, self._ranking.found(reading)))

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.score_many`."""
        return [value for value, _ in self._valued(facts)]

    def effective_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.effective_many`."""
        return [value if self._near(reading) else 1.0 for value, reading in self._valued(facts)]

    def is_familiar(self, facts: QueryFacts) -> bool:
        """See `Classifier.is_familiar`."""
        return self._near(read(facts))

    def familiarity(self, facts: QueryFacts) -> float:
        """Share of the query that is made of words known from training (0 to 1): see `Vocabulary.share`."""
        reading = read(facts)
        return self._vocabulary.share(plain_word_keys(reading), sizes_of(reading.words))

    def explain(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.explain`; word weights are linearised at this query."""
        reading = read(facts)
        found = self._ranking.found(reading)
        moved = self._ranking.moved(reading, found, by_key=True)
        quoting = [
            Factor(_word_name(reading, key), weight, quotes=True)
            for key, weight in moved.by_key
            if abs(weight) > _FAINT
        ]
        factors = strongest([*_form_factors(moved.groups, moved.above), *quoting])
        return self._difficulty(reading, found, factors)

    def assess(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.assess`."""
        reading = read(facts)
        found = self._ranking.found(reading)
        moved = self._ranking.moved(reading, found)
        factors = _form_factors(moved.groups, moved.above)
        if abs(moved.words) > _FAINT:
            factors = strongest([*factors, Factor(ITS_WORDS, moved.words)])
        return self._difficulty(reading, found, factors)

    def raw(self, facts: QueryFacts) -> float:
        """The score before calibration: any real number, comparable within one artifact."""
        reading = read(facts)
        return self._ranking.raw(reading, self._ranking.found(reading))

    def raw_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """`raw` of each, bit for bit."""
        readings = [read(one) for one in facts]
        return list(map(self._ranking.raw, readings, self._ranking.found_of(readings)))

    def _valued(self, facts: Sequence[QueryFacts]) -> list[tuple[float, Reading]]:
        readings = [read(one) for one in facts]
        found = self._ranking.found_of(readings)
        raws = map(self._ranking.raw, readings, found)
        return [(self._calibrated(raw), reading) for raw, reading in zip(raws, readings, strict=True)]

    def _difficulty(self, reading: Reading, found: Found, factors: tuple[Factor, ...]) -> Difficulty:
        value = self._calibrated(self._ranking.raw(reading, found))
        return Difficulty(value, factors, familiar=self._near(reading))

    def _near(self, reading: Reading) -> bool:
        return self._vocabulary.is_near(reading, self.familiar_from)

    def _calibrated(self, raw: float) -> float:
        knots = self._raw_knots
        right = bisect_right(knots, raw)
        if right == 0:
            return self._difficulty_knots[0]
        if right == len(knots):
            return self._difficulty_knots[-1]
        low, high = self._difficulty_knots[right - 1], self._difficulty_knots[right]
        along = (raw - knots[right - 1]) / (knots[right] - knots[right - 1])
        return low + along * (high - low)


def _form_factors(groups: list[float], above: list[bool]) -> tuple[Factor, ...]:
    """The groups of form features that moved most and moved at all, strongest first."""
    sizes = list(map(abs, groups))
    order = sorted(range(len(groups)), key=sizes.__getitem__, reverse=True)[:MAX_FACTORS]
    return tuple(Factor(FORM_NAMES[at][not above[at]], groups[at]) for at in order if sizes[at] > _FAINT)


def _word_name(reading: Reading, key: int) -> str:
    """The word or pair of a key, as it first stands in the query."""
    place = int(np.argmax(reading.in_order == np.uint32(key)))
    words = reading.words
    if place < len(words):
        return f"word: {words[place].decode('utf-8', 'replace')}"
    left = place - len(words)
    return f"words: {words[left].decode('utf-8', 'replace')} {words[left + 1].decode('utf-8', 'replace')}"
