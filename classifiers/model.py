"""The learned classifier as it serves: one gather in a table, a dot product, a calibration curve.

The raw score is the sum over channels c of `coefficient_c · link_c(z_c)` with
`z_c = bias_c + scale_c · Σ_w table[w, c] / √(Σ_w idf²[w]) + Σ_f weight[f, c] · clip(form_f)`,
w over the query's distinct words and pairs that training knew. Their weights are small integers, so sums of
them are exact: order, the kind of processor and batching cannot change a bit of a score.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul, sub

import numpy as np
import numpy.typing as npt

from classifiers.difficulty import ITS_WORDS, MAX_FACTORS, Difficulty, Factor, strongest
from classifiers.facts import QueryFacts
from classifiers.features import FORM, FORM_NAMES, Keys, Reading, bucket_of, read, tag_of

_FAINT = 1e-9
_LEAST_WORDS = 6
"""A query of fewer words is never called unfamiliar."""


@dataclass(frozen=True, slots=True)
class Weights:
    """All numbers of a model. k channels, F form features, B buckets.

    `table` is (B, k + 2) int16: k weight columns, then idf², then the tag of the one word or pair whose
    weights these are (`features.NO_TAG`: of none).
    `scales` (k + 1,) turns the first k + 1 columns into real numbers. `form_weights` is (F, k); `form_low`,
    `form_high` and `form_mean` are the range and the mean seen in training. `logistic` (k,) marks the
    channels whose link is the logistic function. `knots` (2, m) is the calibration curve: raw score, strictly
    increasing, → difficulty, not decreasing.
    """

    table: npt.NDArray[np.int16]
    scales: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    coefficients: npt.NDArray[np.float64]
    logistic: npt.NDArray[np.bool_]
    form_weights: npt.NDArray[np.float64]
    form_low: npt.NDArray[np.float64]
    form_high: npt.NDArray[np.float64]
    form_mean: npt.NDArray[np.float64]
    knots: npt.NDArray[np.float64]


def logistic(z: float) -> float:
    """1 / (1 + e^-z), without overflow for any finite z."""
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    grown = math.exp(z)
    return grown / (1.0 + grown)


class LearnedClassifier:
    """A `Classifier` made of `Weights`. Holds no state that changes: share one between threads and tasks."""

    def __init__(
        self, weights: Weights, *, name: str, digest: str, default_threshold: float, familiar_from: float
    ) -> None:
        self._id = f"{name}+sha256:{digest[:8]}"
        self._default_threshold = default_threshold
        self.familiar_from = familiar_from
        """Least familiarity of a query that resembles the training data (0 to 1); calibrated out of fold."""
        self.weights = weights
        self._table = weights.table
        self._scales: list[float] = weights.scales.tolist()
        self._channels = tuple(
            zip(
                weights.coefficients.tolist(),
                weights.logistic.tolist(),
                weights.bias.tolist(),
                self._scales[:-1],
                [column.tolist() for column in weights.form_weights.T],
                strict=True,
            )
        )
        self._word_scales = weights.scales[:-1]
        self._mean: list[float] = weights.form_mean.tolist()
        self._by_form: list[list[float]] = weights.form_weights.tolist()
        self._low: list[float] = weights.form_low.tolist()
        self._high: list[float] = weights.form_high.tolist()
        self._raw_knots: list[float] = weights.knots[0].tolist()
        self._difficulty_knots: list[float] = weights.knots[1].tolist()

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
        return self._calibrated(self._raw(read(facts)))

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.score_many`."""
        return [self._calibrated(self._raw(read(one))) for one in facts]

    def familiarity(self, facts: QueryFacts) -> float:
        """Share of the words and word pairs that weigh here (0 to 1); 1 for a query without words."""
        keys = read(facts).keys
        return len(self._rows(keys)[0]) / len(keys) if len(keys) else 1.0

    def is_familiar(self, facts: QueryFacts) -> bool:
        """See `Classifier.is_familiar`."""
        return self._near(read(facts))

    def effective_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.effective_many`."""
        readings = map(read, facts)
        return [self._calibrated(self._raw(one)) if self._near(one) else 1.0 for one in readings]

    def explain(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.explain`; word weights are linearised at this query."""
        reading = read(facts)
        rows, known = self._rows(reading.keys)
        sums, form = _sums(rows), self._clipped(reading)
        activations = self._activations(sums, form)
        slopes = self._slopes(activations)
        away = np.array(form) - self.weights.form_mean
        by_form = (self.weights.form_weights @ slopes) * away
        by_word = rows[:, :-2] @ (slopes * self._word_scales / self._norm(sums))
        moved = np.concatenate((by_form, by_word))
        factors = [
            Factor(_form_name(at, away), weight)
            if at < len(FORM)
            else Factor(_word_name(reading, known, at - len(FORM)), weight, quotes=True)
            for at, weight in _strongest(moved)
        ]
        value = self._calibrated(self._linked(activations))
        return Difficulty(value, strongest(factors), familiar=self._near(reading))

    def assess(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.assess`; plain floats, because so few numbers are slower in arrays."""
        reading = read(facts)
        sums, form = _sums(self._rows(reading.keys)[0]), self._clipped(reading)
        activations = self._activations(sums, form)
        slopes: list[float] = self._slopes(activations).tolist()
        pulls = [sum(map(mul, by, slopes)) for by in self._by_form]
        moved = list(map(mul, map(sub, form, self._mean), pulls))
        moved.append(sum(map(mul, map(mul, slopes, self._scales), sums)) / self._norm(sums))
        sizes = list(map(abs, moved))
        order = sorted(range(len(moved)), key=sizes.__getitem__, reverse=True)[:MAX_FACTORS]
        factors = tuple(
            Factor(ITS_WORDS if at == len(FORM) else FORM_NAMES[at][form[at] < self._mean[at]], moved[at])
            for at in order
            if sizes[at] > _FAINT
        )
        value = self._calibrated(self._linked(activations))
        return Difficulty(value, factors, familiar=self._near(reading))

    def raw(self, facts: QueryFacts) -> float:
        """The score before calibration: any real number, comparable within one artifact."""
        return self._raw(read(facts))

    def _near(self, reading: Reading) -> bool:
        """Whether enough of it is known: of many unknown words only, of a few none can say so."""
        count = len(reading.words)
        if count < _LEAST_WORDS:
            return True
        known = self._rows(reading.in_order[:count])[1]
        return bool(known.any())

    def _raw(self, reading: Reading) -> float:
        sums = _sums(self._rows(reading.keys)[0])
        return self._linked(self._activations(sums, self._clipped(reading)))

    def _rows(self, keys: Keys) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
        """The rows of the table that are these keys' own, and which keys have one."""
        rows = self._table.take(bucket_of(keys), axis=0)
        known = rows[:, -1] == tag_of(keys)
        return rows[known], known

    def _clipped(self, reading: Reading) -> list[float]:
        return [
            low if value < low else min(value, high)
            for value, low, high in zip(reading.form, self._low, self._high, strict=True)
        ]

    def _norm(self, sums: list[int]) -> float:
        return math.sqrt(sums[-2] * self._scales[-1]) or 1.0

    def _activations(self, sums: list[int], form: list[float]) -> list[float]:
        norm = self._norm(sums)
        return [
            bias + sums[column] * scale / norm + sum(map(mul, form, by_form))
            for column, (_, _, bias, scale, by_form) in enumerate(self._channels)
        ]

    def _linked(self, activations: list[float]) -> float:
        raw = 0.0
        for z, (coefficient, bent, *_) in zip(activations, self._channels, strict=True):
            raw += coefficient * (logistic(z) if bent else z)
        return raw

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

    def _slopes(self, activations: list[float]) -> npt.NDArray[np.float64]:
        """Change of the raw score per unit of each z, at this query."""
        slopes = []
        for z, (coefficient, bent, *_) in zip(activations, self._channels, strict=True):
            p = logistic(z) if bent else 0.0
            slopes.append(coefficient * p * (1.0 - p) if bent else coefficient)
        return np.array(slopes)


def _sums(rows: npt.NDArray[np.int16]) -> list[int]:
    """Sums of the weight columns and of idf²; and a last number that means nothing."""
    sums: list[int] = np.add.reduce(rows, axis=0, dtype=np.int32).tolist()
    return sums


def _strongest(moved: npt.NDArray[np.float64]) -> list[tuple[int, float]]:
    """Places and amounts of the `MAX_FACTORS` that moved most and moved at all, and of their equals."""
    size = np.abs(moved)
    least = max(_FAINT, float(np.partition(size, -MAX_FACTORS)[-MAX_FACTORS]))
    places = np.flatnonzero(size >= least)
    return list(zip(places.tolist(), moved[places].tolist(), strict=True))


def _form_name(at: int, away: "Sequence[float] | npt.NDArray[np.float64]") -> str:
    return FORM_NAMES[at][int(away[at] < 0)]


def _word_name(reading: Reading, known: npt.NDArray[np.bool_], at: int) -> str:
    """The word or pair of the known key number `at`, as it first stands in the query."""
    place = int(np.argmax(reading.in_order == reading.keys[known][at]))
    words = reading.words
    if place < len(words):
        return f"word: {words[place].decode('utf-8', 'replace')}"
    left = place - len(words)
    return f"words: {words[left].decode('utf-8', 'replace')} {words[left + 1].decode('utf-8', 'replace')}"
