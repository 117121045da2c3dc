"""Fits the linear channels that every candidate ranking is made of. Training only: imports scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, Ridge

from classifiers.facts import QueryFacts
from classifiers.features import FORM, FORMATS, Keys, bucket_of, plain_word_keys, read, silent_keys
from classifiers.prior import WEIGHTS
from classifiers.vocabulary import Sizes, sizes_of

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_NO_KEYS: Keys = np.zeros(0, np.uint32)

LEAST_DOCUMENTS: Final = 2
"""A word or pair seen in fewer queries weighs nothing: what is rare says nothing."""

FORM_SCALE: Final = 0.1
"""Standardised form features enter beside unit-length word vectors at this scale; larger shrinks less."""

RIDGE_WORDS: Final = 6.0
RIDGE_FORM: Final = 10.0
LOGISTIC_C: Final = 1.0


@dataclass(frozen=True, slots=True)
class Matrix:
    """Readings of n queries by w words and pairs.

    `words` (n, w) is one where a query has one; `keys` (w,) are their keys, sorted; `distinct` (n,) counts
    all that a query has, those that are no column included; `form` is (n, FORM); `format` (n,) says how each
    prompt is built; `plain` and `sizes` hold the keys of each query's words in order, whatever the format,
    and what `vocabulary.sizes_of` says of them.
    """

    words: sp.csr_matrix
    keys: Keys
    distinct: Floats
    form: Floats
    format: Rows
    plain: list[Keys]
    sizes: list[Sizes]

    def take(self, rows: Rows) -> "Matrix":
        """These rows, in this order."""
        return Matrix(
            self.words[rows],
            self.keys,
            self.distinct[rows],
            self.form[rows],
            self.format[rows],
            [self.plain[row] for row in rows.tolist()],
            [self.sizes[row] for row in rows.tolist()],
        )


def matrix_of(facts: Sequence[QueryFacts]) -> Matrix:
    """Read queries with the code that serving uses; what fewer than `LEAST_DOCUMENTS` have is no column."""
    form = np.zeros((len(facts), len(FORM)))
    formats = np.zeros(len(facts), dtype=np.int64)
    found: list[Keys] = []
    plain: list[Keys] = []
    sizes: list[Sizes] = []
    for at, one in enumerate(facts):
        reading = read(one)
        form[at], formats[at] = reading.form, reading.format
        found.append(reading.keys)
        plain.append(plain_word_keys(reading))
        sizes.append(sizes_of(reading.words))
    distinct = np.array([len(keys) for keys in found], dtype=np.int64)
    keys, column, documents = np.unique(
        np.concatenate([_NO_KEYS, *found]), return_inverse=True, return_counts=True
    )
    common = documents >= LEAST_DOCUMENTS
    kept = common[column]
    rows = np.repeat(np.arange(len(facts)), distinct)[kept]
    columns = (np.cumsum(common) - 1)[column[kept]]
    words = sp.csr_matrix(
        (np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=(len(facts), int(common.sum()))
    )
    return Matrix(words, keys[common], distinct.astype(np.float64), form, formats, plain, sizes)


@dataclass(frozen=True, slots=True)
class Channel:
    """z = bias[format] + Σ words / √(Σ idf²) + Σ form[format] · clip(form).

    `words` (w,) carries idf already; `form` is (FORMATS, FORM), `bias` (FORMATS,).
    """

    words: Floats
    form: Floats
    bias: Floats
    logistic: bool


@dataclass(frozen=True, slots=True)
class Fitted:
    """Channels fitted on some rows, and what reading others by them needs.

    `keys` (w,) are the columns' keys; `known` (w,) marks those that weigh, no two of them in one bucket.
    """

    channels: dict[str, Channel]
    keys: Keys
    known: npt.NDArray[np.bool_]
    idf2: Floats
    low: Floats
    high: Floats
    mean: Floats

    def outputs(self, matrix: Matrix) -> dict[str, Floats]:
        """Each channel's output, its link applied, for every row; the same formula as `model`."""
        norm = np.sqrt(matrix.words @ self.idf2)
        norm[norm == 0] = 1.0
        clipped = np.clip(matrix.form, self.low, self.high)
        found = {}
        for name, channel in self.channels.items():
            by_form = np.einsum("nf,nf->n", clipped, channel.form[matrix.format])
            z = channel.bias[matrix.format] + (matrix.words @ channel.words) / norm + by_form
            found[name] = 1.0 / (1.0 + np.exp(-z)) if channel.logistic else z
        return found

    def known_share(self, matrix: Matrix) -> Floats:
        """Share of each row's words and pairs that weigh here; 0 for a row without words."""
        known: Floats = matrix.words @ self.known.astype(np.float64)
        return known / np.maximum(matrix.distinct, 1.0)


def fit(matrix: Matrix, small: Floats, large: Floats, *, seed: int) -> Fitted:
    """All channels, fitted on all rows of `matrix`; scores 0 to 1."""
    width = len(matrix.keys)
    documents = np.bincount(matrix.words.indices, minlength=width)
    kept = _weighing(matrix.keys, documents)
    idf = np.log((1 + len(small)) / (1 + documents[kept])) + 1.0
    low, high = matrix.form.min(axis=0), matrix.form.max(axis=0)
    standard = _Standard.of(matrix)
    form = standard.columns(matrix)
    words = _unit_rows(matrix.words[:, kept].multiply(idf).tocsr())
    both = sp.hstack([words, form * FORM_SCALE], format="csr", dtype=np.float64)

    def channel(weights: Floats, bias: float, *, logistic: bool) -> Channel:
        spread = np.zeros(width)
        spread[kept] = weights[: len(kept)] * idf
        return Channel(spread, *standard.back(weights[len(kept) :] * FORM_SCALE, bias), logistic)

    channels = {
        "gap": channel(*_ridge(both, large - small, RIDGE_WORDS), logistic=False),
        "small_ok": channel(*_logistic(both, small, seed), logistic=True),
        "large_ok": channel(*_logistic(both, large, seed), logistic=True),
    }
    weights, bias = _ridge(form.toarray(), large - small, RIDGE_FORM)
    channels["form"] = Channel(np.zeros(width), *standard.back(weights, bias), logistic=False)
    by_hand = np.tile(np.array(WEIGHTS) * (low < high), (FORMATS, 1))
    channels["hand"] = Channel(np.zeros(width), by_hand, np.zeros(FORMATS), logistic=False)
    idf2, known = np.zeros(width), np.zeros(width, dtype=np.bool_)
    idf2[kept], known[kept] = idf**2, True
    return Fitted(channels, matrix.keys, known, idf2, low, high, matrix.form.mean(axis=0))


@dataclass(frozen=True, slots=True)
class _Standard:
    """Form features as columns of mean 0 and deviation 1 within each format, a block of columns for each.

    `mean` and `inverse` are (FORMATS, FORM); `inverse` is one over the deviation, 0 where nothing varies.
    """

    mean: Floats
    inverse: Floats

    @classmethod
    def of(cls, matrix: Matrix) -> "_Standard":
        mean, inverse = np.zeros((FORMATS, len(FORM))), np.zeros((FORMATS, len(FORM)))
        for written in range(FORMATS):
            rows = matrix.form[matrix.format == written]
            if len(rows):
                mean[written], deviation = rows.mean(axis=0), rows.std(axis=0)
                varies = deviation > 1e-9
                inverse[written][varies] = 1.0 / deviation[varies]
        return cls(mean, inverse)

    def columns(self, matrix: Matrix) -> sp.csr_matrix:
        """(n, FORMATS · (FORM + 1)): of each row only its own format's block is not 0; the 1 is its bias."""
        standard = (matrix.form - self.mean[matrix.format]) * self.inverse[matrix.format]
        values = np.concatenate((standard, np.ones((len(standard), 1))), axis=1)
        width = values.shape[1]
        columns = matrix.format[:, None] * width + np.arange(width)
        starts = np.arange(len(values) + 1) * width
        return sp.csr_matrix((values.ravel(), columns.ravel(), starts), shape=(len(values), FORMATS * width))

    def back(self, weights: Floats, bias: float) -> tuple[Floats, Floats]:
        """Weights (FORMATS, FORM) of the features as they are read, and biases (FORMATS,)."""
        blocks = weights.reshape(FORMATS, -1)
        by_form = blocks[:, :-1] * self.inverse
        return by_form, bias + blocks[:, -1] - np.einsum("kf,kf->k", by_form, self.mean)


def _weighing(keys: Keys, documents: Rows) -> Rows:
    """Columns that may weigh, in order: common, not silent, and the most common of their bucket."""
    common = np.flatnonzero((documents >= LEAST_DOCUMENTS) & ~np.isin(keys, silent_keys()))
    buckets = bucket_of(keys[common])
    order = np.lexsort((keys[common], -documents[common], buckets))
    first = np.concatenate(([True], np.diff(buckets[order]) > 0)) if len(order) else np.zeros(0, np.bool_)
    return np.sort(common[order[first]])


def _unit_rows(matrix: sp.csr_matrix) -> sp.csr_matrix:
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    lengths[lengths == 0] = 1.0
    return sp.csr_matrix(sp.diags(1.0 / lengths) @ matrix)


def _ridge(matrix: sp.csr_matrix | Floats, target: Floats, alpha: float) -> tuple[Floats, float]:
    solver = "sparse_cg" if sp.issparse(matrix) else "cholesky"
    model = Ridge(alpha, solver=solver, tol=1e-4, max_iter=300).fit(matrix, target)
    return np.asarray(model.coef_, dtype=np.float64).ravel(), float(model.intercept_)


def _logistic(matrix: sp.csr_matrix, score: Floats, seed: int) -> tuple[Floats, float]:
    """P(score) for scores from 0 to 1: a score of 0.3 counts as three tenths of a success."""
    width = matrix.shape[1]
    if score.min() == score.max():
        share = float(np.clip(score[0], 1e-3, 1 - 1e-3))
        return np.zeros(width), float(np.log(share / (1 - share)))
    partial = np.flatnonzero((score > 0) & (score < 1))
    rows = sp.vstack([matrix, matrix[partial]], format="csr") if len(partial) else matrix
    labels = np.concatenate((score > 0, np.zeros(len(partial), dtype=bool)))
    weights = np.concatenate((np.where(score > 0, score, 1.0), 1.0 - score[partial]))
    if labels.all():
        return np.zeros(width), float(np.log(score.mean() / max(1.0 - score.mean(), 1e-3)))
    model = LogisticRegression(C=LOGISTIC_C, solver="newton-cg", tol=1e-4, max_iter=40, random_state=seed)
    model.fit(rows, labels, sample_weight=weights)
    return np.asarray(model.coef_, dtype=np.float64).ravel(), float(model.intercept_[0])
