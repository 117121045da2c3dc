"""The raw score as it serves: one gather in a table, sums of whole numbers, a few products.

With t the trust that a query's share of known words and pairs earns, raw = t · (offset + Σ_c coefficient_c ·
link_c(z_c)) + (1 - t + s) · prior, where z_c = bias_c + scale_c · Σ_w table[w, c] / √(Σ_w idf²[w]) +
Σ_f weight[f, c] · clip(form_f), bias and weights those of the prompt's format, w over the query's distinct
words and pairs that training knew. Their weights are small integers, so sums of them are exact: order, the
kind of processor and batching cannot change a bit of a score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from classifiers.features import FORMATS, FREE, GROUP_STARTS, Keys, Reading, bucket_of, tag_of

Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.int16]

OFFSET, TRUST_FROM, TRUST_FULL, STEADY, STEADY_FREE, PRIOR_OFFSET, PRIOR_SCALE = range(7)
BLEND_NUMBERS: Final = 7


@dataclass(frozen=True, slots=True)
class Weights:
    """All numbers of a ranking. k channels, F form features, B buckets, p formats.

    `table` is (B, k + 2) int16: k weight columns, then idf², then the tag of the one word or pair whose
    weights these are (`features.NO_TAG`: of none).
    `scales` (k + 1,) turns the first k + 1 columns into real numbers. `bias` is (p, k), `form_weights`
    (p, F, k); `form_low`, `form_high` and `form_mean` are the range and the mean seen in training. `logistic`
    (k,) marks the channels whose link is the logistic function. `blend` (7,) holds offset, trust_from,
    trust_full, steady, steady_free, prior_offset and prior_scale of `blend.Blend`; the prior is `prior_form`
    (F,) · form plus, where there is one, `prior_scale` times the raw score of another ranking.
    """

    table: Table
    scales: Floats
    bias: Floats
    coefficients: Floats
    logistic: npt.NDArray[np.bool_]
    form_weights: Floats
    form_low: Floats
    form_high: Floats
    form_mean: Floats
    prior_form: Floats
    blend: Floats


class Moved(NamedTuple):
    """What moved a raw score: each group of form features, all words together, and each word and pair."""

    groups: list[float]
    words: float
    by_key: list[tuple[int, float]]


def logistic(z: float) -> float:
    """1 / (1 + e^-z), without overflow for any finite z."""
    if z >= 0:
        return 1.0 / (1.0 + math.exp(-z))
    grown = math.exp(z)
    return grown / (1.0 + grown)


class Found(NamedTuple):
    """What the table holds of one query: sums of its columns but the tag, and how many keys have a row."""

    sums: list[int]
    known: int


class Seen(NamedTuple):
    """A query as a ranking sees it.

    `form` is within the range of training, `trust` (0 to 1) says how far the learned part is to be believed,
    `activations` are each channel's z.
    """

    reading: Reading
    found: Found
    form: list[float]
    trust: float
    activations: list[float]


class Ranking:
    """Turns readings into raw scores. Holds no state that changes."""

    def __init__(self, weights: Weights, prior: "Ranking | None" = None) -> None:
        self.weights, self.prior = weights, prior
        self._table = weights.table
        self._columns = weights.table.shape[1] - 1
        self._scales: list[float] = weights.scales.tolist()
        self._channels = [
            tuple(zip(bias, self._scales[:-1], by_form.T.tolist(), strict=True))
            for bias, by_form in zip(weights.bias.tolist(), weights.form_weights, strict=True)
        ]
        self._links = tuple(zip(weights.coefficients.tolist(), weights.logistic.tolist(), strict=True))
        self._low: list[float] = weights.form_low.tolist()
        self._high: list[float] = weights.form_high.tolist()
        self._by_hand: list[float] = weights.prior_form.tolist()
        self._blend: list[float] = weights.blend.tolist()
        self._steady = [
            self._blend[STEADY] + self._blend[STEADY_FREE] * (at == FREE) for at in range(FORMATS)
        ]
        self._pulls = [np.column_stack((by_form, weights.prior_form)) for by_form in weights.form_weights]
        self._mean: list[float] = weights.form_mean.tolist()
        self._starts = np.array(GROUP_STARTS)

    def found(self, reading: Reading) -> Found:
        """Look a query up in the table."""
        keys = reading.keys
        rows = self._table.take(bucket_of(keys), axis=0)
        known = (rows[:, -1] == tag_of(keys)).astype(np.int32)
        rows[:, -1] = 1
        sums: list[int] = (known @ rows).tolist()
        return Found(sums, sums[-1])

    def found_of(self, readings: Sequence[Reading]) -> list[Found]:
        """`found` of a few at once, by one gather for all of them."""
        lengths = [len(one.keys) for one in readings]
        keys = np.concatenate([one.keys for one in readings])
        rows = self._table.take(bucket_of(keys), axis=0)
        known = rows[:, -1] == tag_of(keys)
        rows[:, -1] = 1
        rows *= known[:, None]
        filled = [length for length in lengths if length]
        if not filled:
            return [Found([0] * (self._columns + 1), 0) for _ in readings]
        starts = np.concatenate(([0], np.cumsum(filled)[:-1]))
        sums = iter(np.add.reduceat(rows, starts, axis=0, dtype=np.int32).tolist())
        nothing = [0] * (self._columns + 1)
        each = (next(sums) if length else nothing for length in lengths)
        return [Found(one, one[-1]) for one in each]

    def seen(self, reading: Reading, found: Found) -> Seen:
        """What the score and its explanation are made from."""
        form = [
            value if low <= value <= high else min(max(value, low), high)
            for value, low, high in zip(reading.form, self._low, self._high, strict=True)
        ]
        low, high = self._blend[TRUST_FROM], self._blend[TRUST_FULL]
        share: float = found.known / len(reading.keys) if found.known else 0.0
        trust: float = min(max((share - low) / (high - low), 0.0), 1.0)
        norm, sums = self._norm(found), found.sums
        activations = [
            bias + sums[column] * scale / norm + sum(map(mul, form, by_form))
            for column, (bias, scale, by_form) in enumerate(self._channels[reading.format])
        ]
        return Seen(reading, found, form, trust, activations)

    def raw(self, seen: Seen) -> float:
        """The score before calibration: any real number, comparable within one artifact."""
        raw, trust = 0.0, seen.trust
        if trust > 0.0:
            linked = self._blend[OFFSET]
            for z, (coefficient, bent) in zip(seen.activations, self._links, strict=True):
                linked += coefficient * (logistic(z) if bent else z)
            raw = trust * linked
        speaks = 1.0 - trust + self._steady[seen.reading.format]
        return raw + speaks * self._prior(seen) if speaks > 0.0 else raw

    def moved(self, seen: Seen, *, by_key: bool = False) -> Moved:
        """What moved the raw score, linearised at this query; each key only where asked for."""
        weights, reading = self.weights, seen.reading
        slopes = self._slopes(seen)
        speaks = 1.0 - seen.trust + self._steady[reading.format]
        away = np.array(seen.form) - weights.form_mean
        pulls = self._pulls[reading.format] @ np.array([*slopes, speaks])
        groups: list[float] = np.add.reduceat(pulls * away, self._starts).tolist()
        norm = self._norm(seen.found)
        by_column = [slope * scale / norm for slope, scale in zip(slopes, self._scales, strict=False)]
        words = sum(map(mul, seen.found.sums, by_column))
        keys: list[tuple[int, float]] = []
        if by_key:
            rows, known = self._rows(reading.keys)
            by_row = (rows[:, :-2] @ np.array(by_column)).tolist()
            keys = list(zip(reading.keys[known].tolist(), by_row, strict=True))
        if self.prior is None or speaks == 0.0:
            return Moved(groups, words, keys)
        scale = speaks * self._blend[PRIOR_SCALE]
        other = self.prior.moved(self.prior.seen(reading, self.prior.found(reading)), by_key=by_key)
        return Moved(
            [own + scale * theirs for own, theirs in zip(groups, other.groups, strict=True)],
            words + scale * other.words,
            _added(keys, [(key, scale * weight) for key, weight in other.by_key]),
        )

    def is_above(self, seen: Seen, group: int) -> bool:
        """Whether the first feature of a group is above the mean of training."""
        start = GROUP_STARTS[group]
        return seen.form[start] >= self._mean[start]

    def _rows(self, keys: Keys) -> tuple[Table, npt.NDArray[np.bool_]]:
        """The rows of the table that are these keys' own, and which keys have one."""
        rows = self._table.take(bucket_of(keys), axis=0)
        known = rows[:, -1] == tag_of(keys)
        return rows[known], known

    def _norm(self, found: Found) -> float:
        return math.sqrt(found.sums[self._columns - 1] * self._scales[-1]) or 1.0

    def _prior(self, seen: Seen) -> float:
        prior: float = self._blend[PRIOR_OFFSET] + sum(map(mul, seen.form, self._by_hand))
        if self.prior is not None:
            other = self.prior.seen(seen.reading, self.prior.found(seen.reading))
            prior += self._blend[PRIOR_SCALE] * self.prior.raw(other)
        return prior

    def _slopes(self, seen: Seen) -> list[float]:
        """Change of the raw score per unit of each z, at this query."""
        slopes = []
        for z, (coefficient, bent) in zip(seen.activations, self._links, strict=True):
            p = logistic(z) if bent else 0.0
            slopes.append(seen.trust * (coefficient * p * (1.0 - p) if bent else coefficient))
        return slopes


def _added(some: list[tuple[int, float]], others: list[tuple[int, float]]) -> list[tuple[int, float]]:
    total = dict(some)
    for key, weight in others:
        total[key] = total.get(key, 0.0) + weight
    return list(total.items())
