"""Which rows are learned from and which are kept apart, and what an artifact remembers of both.

Whole groups of near-copies are drawn, each with the same chance, and nothing else decides: what is kept apart
stands for all rows. Later the few phrases that an artifact keeps could not tell all of these rows from
near-copies of what was learned, and leaving those out would make what is left another traffic. So the
artifact remembers which rows were compared in full.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifiers.artifact import Learned
from classifiers.errors import OutcomeError
from classifiers.neighbours import copy_hashes, groups, rarest, row_hash
from classifiers.outcomes import Outcome


def remembered(texts: Sequence[str], group: npt.NDArray[np.int64], kept_apart: Sequence[str] = ()) -> Learned:
    """What an artifact keeps of rows with these texts, in these groups, and of those that were kept apart."""
    hashes = {key for text in texts for key in copy_hashes(text)}
    apart = {row_hash(text) for text in kept_apart}
    return Learned(_sorted(hashes), rarest(texts, group), _sorted(apart))


def split(rows: list[Outcome], share: float, seed: int) -> tuple[list[Outcome], list[Outcome]]:
    """Rows to learn from, and about this share of them kept apart; near-copies go to the same side.

    Raises:
        OutcomeError: `share` is not from 0 to below 1.
    """
    if share == 0 or not rows:
        return rows, []
    if not 0 < share < 1:
        raise OutcomeError(f"holdout is {share:g}; it should be above 0 and below 1")
    group = groups([row.facts for row in rows])
    apart = np.random.default_rng(seed).random(int(group.max()) + 1) < share
    learned = [row for row, number in zip(rows, group.tolist(), strict=True) if not apart[number]]
    return learned, [row for row, number in zip(rows, group.tolist(), strict=True) if apart[number]]


def _sorted(hashes: set[int]) -> npt.NDArray[np.uint64]:
    return np.array(sorted(hashes), dtype=np.uint64)
