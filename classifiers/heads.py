"""Fits the linear channels that every candidate ranking is made of. Training only: imports scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression, Ridge

from classifiers.facts import QueryFacts
from classifiers.features import FORM, Keys, bucket_of, read, silent_keys
from classifiers.prior import WEIGHTS

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

HASHED: Final = ("gap", "small_ok", "large_ok")
CHANNELS: Final = (*HASHED, "form", "hand")
"""`hand` is the fixed score of `prior`, fitted on nothing; it enters only where training mixes it in."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Readings of n queries by w words and pairs.

    `words` (n, w) is one where a query has one; `keys` (w,) are their keys, sorted; `distinct` (n,) counts
    all that a query has, those that are no column included; `form` is (n, FORM).
    """

    words: sp.csr_matrix
    keys: Keys
    distinct: Floats
    form: Floats

    def take(self, rows: Rows) -> "Matrix":
        """These rows, in this order."""
        return Matrix(self.words[rows], self.keys, self.distinct[rows], self.form[rows])


def matrix_of(facts: Sequence[QueryFacts]) -> Matrix:
    """Read queries with the code that serving uses; what fewer than `LEAST_DOCUMENTS` have is no column."""
    form = np.zeros((len(facts), len(FORM)))
    found: list[Keys] = []
    for at, one in enumerate(facts):
        reading = read(one)
        form[at] = reading.form
        found.append(reading.keys)
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
    return Matrix(words, keys[common], distinct.astype(np.float64), form)


@dataclass(frozen=True, slots=True)
class Channel:
    """z = bias + Σ words / √(Σ idf²) + Σ form · clip(form). `words` (w,) carries idf already."""

    words: Floats
    form: Floats
    bias: float
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
            z = channel.bias + (matrix.words @ channel.words) / norm + clipped @ channel.form
            found[name] = 1.0 / (1.0 + np.exp(-z)) if channel.logistic else z
        return found

    def familiarity(self, matrix: Matrix) -> Floats:
        """Share of each row's words and pairs that weigh here; 1 for a row without words."""
        known: Floats = matrix.words @ self.known.astype(np.float64)
        return np.where(matrix.distinct > 0, known / np.maximum(matrix.distinct, 1.0), 1.0)


def fit(matrix: Matrix, small: Floats, large: Floats, *, seed: int) -> Fitted:
    """All channels, fitted on all rows of `matrix`; scores 0 to 1."""
    width = len(matrix.keys)
    documents = np.bincount(matrix.words.indices, minlength=width)
    kept = _weighing(matrix.keys, documents)
    idf = np.log((1 + len(small)) / (1 + documents[kept])) + 1.0
    mean, deviation = matrix.form.mean(axis=0), matrix.form.std(axis=0)
    varies = deviation > 1e-9
    low, high = matrix.form.min(axis=0), matrix.form.max(axis=0)
    inverse = np.where(varies, 1.0 / np.where(varies, deviation, 1.0), 0.0)
    form = (np.clip(matrix.form, low, high) - mean) * inverse
    words = _unit_rows(matrix.words[:, kept].multiply(idf).tocsr())
    both = sp.hstack([words, sp.csr_matrix(form * FORM_SCALE)], format="csr", dtype=np.float64)

    def channel(weights: Floats, bias: float, *, logistic: bool) -> Channel:
        spread = np.zeros(width)
        spread[kept] = weights[: len(kept)] * idf
        by_form = weights[len(kept) :] * FORM_SCALE * inverse
        return Channel(spread, by_form, bias - float(by_form @ mean), logistic)

    channels = {
        "gap": channel(*_ridge(both, large - small, RIDGE_WORDS), logistic=False),
        "small_ok": channel(*_logistic(both, small, seed), logistic=True),
        "large_ok": channel(*_logistic(both, large, seed), logistic=True),
    }
    weights, bias = _ridge(form, large - small, RIDGE_FORM)
    by_form = weights * inverse
    channels["form"] = Channel(np.zeros(width), by_form, bias - float(by_form @ mean), logistic=False)
    channels["hand"] = Channel(np.zeros(width), np.array(WEIGHTS) * varies, 0.0, logistic=False)
    idf2, known = np.zeros(width), np.zeros(width, dtype=np.bool_)
    idf2[kept], known[kept] = idf**2, True
    return Fitted(channels, matrix.keys, known, idf2, low, high, mean)


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
