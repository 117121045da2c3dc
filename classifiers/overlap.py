"""Which queries an artifact has learned from: nothing may be tuned, certified or judged on those."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifiers.artifact import Artifact, Learned
from classifiers.facts import QueryFacts
from classifiers.neighbours import SHARED_TO_BE_NEAR, copy_hashes, shingle_hashes, short_hashes

_LEAST_SHARED = 2
"""One shingle alone may be a turn of phrase."""


def seen(artifact: Artifact, facts: Sequence[QueryFacts]) -> npt.NDArray[np.bool_]:
    """(n,) `met` of the rows that the artifact learned from."""
    return met(artifact.learned, facts)


def met(learned: Learned, facts: Sequence[QueryFacts]) -> npt.NDArray[np.bool_]:
    """(n,) True where the query is a copy or a near-copy of a row that was learned from.

    A copy has the same words, or the same last 300 bytes of them; a near-copy has at least half of the rare
    word 5-grams that are kept of one row. Rows that were kept apart were compared by all of their 5-grams,
    and are none.
    """
    copies = np.array([copy_hashes(one.text) for one in facts], dtype=np.uint64).reshape(len(facts), 2)
    found = np.asarray(np.isin(copies, learned.row_hashes).any(axis=1), dtype=np.bool_)
    apart = np.isin(copies[:, 0], learned.apart_hashes)
    kept = _Kept(learned.rare_shingles)
    for at in np.flatnonzero(~found & ~apart).tolist():
        found[at] = kept.has_near(facts[at])
    return found


class _Kept:
    """The kept shingles of all rows, sorted, each with the row it is of."""

    def __init__(self, shingles: npt.NDArray[np.uint32]) -> None:
        row, column = np.nonzero(shingles)
        flat = shingles[row, column]
        order = np.argsort(flat, kind="stable")
        self._flat, self._row = flat[order], row[order]
        self._least = np.maximum((shingles != 0).sum(axis=1) * SHARED_TO_BE_NEAR, _LEAST_SHARED)

    def has_near(self, facts: QueryFacts) -> bool:
        """Whether some row shares enough of its kept shingles with the query."""
        own = np.unique(short_hashes(shingle_hashes(facts.text)))
        starts = np.searchsorted(self._flat, own, side="left")
        ends = np.searchsorted(self._flat, own, side="right")
        rows = [self._row[start:end] for start, end in zip(starts, ends, strict=True) if end > start]
        if not rows:
            return False
        row, shared = np.unique(np.concatenate(rows), return_counts=True)
        return bool((shared >= self._least[row]).any())
