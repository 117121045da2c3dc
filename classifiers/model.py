"""The learned classifier as it serves: one gather in a table, a dot product, a calibration curve.

The raw score is the sum over channels c of `coefficient_c · link_c(z_c)` with
`z_c = bias_c + scale_c · Σ_b table[b, c] / √(Σ_b idf²[b]) + Σ_f weight[f, c] · clip(form_f)`,
b over the query's distinct buckets. Bucket weights are small integers, so their sums are exact: the order of
buckets, the kind of processor and batching cannot change a bit of a score.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

import numpy as np
import numpy.typing as npt

from classifiers.difficulty import Difficulty, Factor
from classifiers.facts import QueryFacts
from classifiers.features import FORM, Reading, bucket_of, pair_hashes, read, word_hashes

MAX_FACTORS = 6
_FAINT = 1e-9


@dataclass(frozen=True, slots=True)
class Weights:
    """All numbers of a model. k channels, F form features, B buckets.

    `table` is (B, k + 2) int16: k weight columns, then idf² and then 1 where training saw the bucket.
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
        return self._assess(read(facts))[0]

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """See `Classifier.score_many`."""
        return [self._assess(read(one))[0] for one in facts]

    def familiarity(self, facts: QueryFacts) -> float:
        """Share of words and word pairs that training saw (0 to 1); 1 for a query without words."""
        return self._assess(read(facts))[1]

    def assess(self, facts: QueryFacts) -> tuple[float, float]:
        """Difficulty and familiarity from one reading: what a router wants to ask on the hot path."""
        return self._assess(read(facts))

    def explain(self, facts: QueryFacts) -> Difficulty:
        """See `Classifier.explain`; word weights are linearised at this query."""
        reading = read(facts)
        moved = self._form_factors(reading) + self._word_factors(reading)
        moved.sort(key=lambda factor: (-abs(factor.weight), factor.name))
        return Difficulty(self._assess(reading)[0], tuple(moved[:MAX_FACTORS]))

    def raw(self, facts: QueryFacts) -> float:
        """The score before calibration: any real number, comparable within one artifact."""
        reading = read(facts)
        return self._raw(self._sums(reading), self._clipped(reading))

    def _assess(self, reading: Reading) -> tuple[float, float]:
        sums = self._sums(reading)
        raw = self._raw(sums, self._clipped(reading))
        seen = sums[-1] / len(reading.buckets) if len(reading.buckets) else 1.0
        return self._calibrated(raw), seen

    def _sums(self, reading: Reading) -> list[int]:
        sums: list[int] = np.add.reduce(self._table[reading.buckets], axis=0, dtype=np.int32).tolist()
        return sums

    def _clipped(self, reading: Reading) -> list[float]:
        return [
            min(max(value, low), high)
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

    def _raw(self, sums: list[int], form: list[float]) -> float:
        raw = 0.0
        for z, (coefficient, bent, *_) in zip(self._activations(sums, form), self._channels, strict=True):
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

    def _slopes(self, reading: Reading) -> npt.NDArray[np.float64]:
        """Change of the raw score per unit of each z, at this query."""
        activations = self._activations(self._sums(reading), self._clipped(reading))
        slopes = []
        for z, (coefficient, bent, *_) in zip(activations, self._channels, strict=True):
            p = logistic(z)
            slopes.append(coefficient * (p * (1.0 - p) if bent else 1.0))
        return np.array(slopes)

    def _form_factors(self, reading: Reading) -> list[Factor]:
        away = np.array(self._clipped(reading)) - self.weights.form_mean
        moved = (self.weights.form_weights @ self._slopes(reading)) * away
        return [
            Factor(name if difference >= 0 else f"not: {name}", weight)
            for name, weight, difference in zip(FORM, moved.tolist(), away.tolist(), strict=True)
            if abs(weight) > _FAINT
        ]

    def _word_factors(self, reading: Reading) -> list[Factor]:
        if not reading.words:
            return []
        hashes = word_hashes(reading.words)
        words = [word.decode("utf-8", "replace") for word in reading.words]
        names = [f"word: {word}" for word in words]
        names += [f"words: {left} {right}" for left, right in itertools.pairwise(words)]
        buckets = bucket_of(np.concatenate((hashes, pair_hashes(hashes))))
        per_unit = self._slopes(reading) * self.weights.scales[:-1] / self._norm(self._sums(reading))
        moved = (self._table[buckets, :-2] @ per_unit).tolist()
        first_of: dict[int, Factor] = {}
        for bucket, name, weight in zip(buckets.tolist(), names, moved, strict=True):
            if abs(weight) > _FAINT:
                first_of.setdefault(bucket, Factor(name, weight))
        return list(first_of.values())
