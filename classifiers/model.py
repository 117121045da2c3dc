"""The learned classifier as it serves: a ranking, a calibration curve, and a vocabulary of what is known."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.difficulty import ITS_WORDS, MAX_FACTORS, Difficulty, Factor, strongest
from classifiers.facts import QueryFacts
from classifiers.features import (
    FORM_NAMES,
    Reading,
    plain_word_keys,
    read,
    read_part,
)
from classifiers.part import Part
from classifiers.ranking import Ranking, Seen, Weights, logistic
from classifiers.vocabulary import Vocabulary, sizes_of
from classifiers.words import between

__all__ = ["LearnedClassifier", "Model", "Weights", "logistic"]

_FAINT: Final = 1e-9
_BATCH: Final = 64
"""So many readings are looked up at once."""


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
        return self._calibrated(self._ranking.raw(self._seen(self.reading(facts))))

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.score_many`."""
        return list(map(self._calibrated, self.raw_many(facts)))

    def effective_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.effective_many`."""
        return [
            self._calibrated(self._ranking.raw(seen)) if self._near(seen) else 1.0
            for seen in self._seen_of(facts)
        ]

    def is_familiar(self, facts: QueryFacts) -> bool:
        """See `Classifier.is_familiar`."""
        return self._near(self._seen(self.reading(facts)))

    def familiarity(self, facts: QueryFacts) -> float:
        """Share of the query that is made of words known from training (0 to 1): see `Vocabulary.share`."""
        reading = self.reading(facts)
        return self._vocabulary.share(plain_word_keys(reading), sizes_of(reading.words))

    def explain(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.explain`; word weights are linearised at this query."""
        seen = self._seen(self.reading(facts))
        moved = self._ranking.moved(seen, by_key=True)
        weights = [*moved.groups, *(weight for _, weight in moved.by_key)]
        forms = len(moved.groups)
        factors = [
            Factor(self._form_name(seen, at), weights[at])
            if at < forms
            else Factor(_word_name(seen.reading, moved.by_key[at - forms][0]), weights[at], quotes=True)
            for at in _strongest(weights)
        ]
        return self._difficulty(seen, strongest(factors))

    def assess(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.assess`."""
        seen = self._seen(self.reading(facts))
        moved = self._ranking.moved(seen)
        weights = [*moved.groups, moved.words]
        forms = len(moved.groups)
        factors = tuple(
            [
                Factor(self._form_name(seen, at) if at < forms else ITS_WORDS, weights[at])
                for at in _strongest(weights)[:MAX_FACTORS]
            ]
        )
        return self._difficulty(seen, factors)

    def raw(self, facts: QueryFacts) -> float:
        """The score before calibration: any real number, comparable within one artifact."""
        return self._ranking.raw(self._seen(self.reading(facts)))

    def raw_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """`raw` of each, bit for bit."""
        return list(map(self._ranking.raw, self._seen_of(facts)))

    def reading(self, facts: QueryFacts) -> Reading:
        """The query without made-up words behind it; where hardly anything else is there, as it is."""
        reading = read(facts)
        noise = self._vocabulary.noise_behind(reading)
        if not noise:
            return reading
        return read_part(facts, Part(between(reading.data, reading.words, 0, noise), reading.times))

    def _seen(self, reading: Reading) -> Seen:
        return self._ranking.seen(reading, self._ranking.found(reading))

    def _seen_of(self, facts: Sequence[QueryFacts]) -> Iterator[Seen]:
        for at in range(0, len(facts), _BATCH):
            readings = list(map(self.reading, facts[at : at + _BATCH]))
            yield from map(self._ranking.seen, readings, self._ranking.found_of(readings))

    def _form_name(self, seen: Seen, group: int) -> str:
        above, below = FORM_NAMES[group]
        return above if self._ranking.is_above(seen, group) else below

    def _difficulty(self, seen: Seen, factors: tuple[Factor, ...]) -> Difficulty:
        return Difficulty(self._calibrated(self._ranking.raw(seen)), factors, familiar=self._near(seen))

    def _near(self, seen: Seen) -> bool:
        """Near where enough words and pairs are known for the learned part to speak at all, else by words."""
        return seen.trust > 0.0 or self._vocabulary.is_near(seen.reading, self.familiar_from)

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


def _strongest(weights: list[float]) -> list[int]:
    """Places of the `MAX_FACTORS` that moved most and moved at all, and of their equals; strongest first."""
    sizes = list(map(abs, weights))
    least = max(_FAINT, sorted(sizes)[-MAX_FACTORS:][0])
    places = [at for at, size in enumerate(sizes) if size >= least]
    return sorted(places, key=sizes.__getitem__, reverse=True)


def _word_name(reading: Reading, key: int) -> str:
    """The word or pair of a key, as it first stands in the query."""
    place = int(np.argmax(reading.in_order == np.uint32(key)))
    words = reading.words
    if place < len(words):
        return f"word: {words[place].decode('utf-8', 'replace')}"
    left = place - len(words)
    return f"words: {words[left].decode('utf-8', 'replace')} {words[left + 1].decode('utf-8', 'replace')}"
