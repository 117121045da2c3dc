"""Which rows are learned from and which are kept apart, and what an artifact remembers of the former.

What would be left out later, when something is judged on the rows kept apart, is not kept apart: the rule is
that of `overlap`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.artifact import Learned
from classifiers.errors import OutcomeError
from classifiers.neighbours import copy_hashes, groups, rarest
from classifiers.outcomes import Outcome
from classifiers.overlap import met

_MOST_PASSES: Final = 4
"""Rows that move over bring phrases along that a few more may share."""


def remembered(texts: Sequence[str], group: npt.NDArray[np.int64]) -> Learned:
    """What an artifact keeps of rows with these texts, in these groups of near-copies."""
    hashes = {key for text in texts for key in copy_hashes(text)}
    return Learned(np.array(sorted(hashes), dtype=np.uint64), rarest(texts, group))


def split(rows: list[Outcome], share: float, seed: int) -> tuple[list[Outcome], list[Outcome]]:
    """Rows to learn from, and about this share of them kept apart; near-copies go to the same side.

    Groups of near-copies are drawn; then groups with a row that resembles one learned from move over.

    Raises:
        OutcomeError: `share` is not from 0 to below 1.
    """
    if share == 0 or not rows:
        return rows, []
    if not 0 < share < 1:
        raise OutcomeError(f"holdout is {share:g}; it should be above 0 and below 1")
    facts = [row.facts for row in rows]
    group = groups(facts)
    apart = (np.random.default_rng(seed).random(int(group.max()) + 1) < share)[group]
    for _ in range(_MOST_PASSES):
        learned, held = np.flatnonzero(~apart), np.flatnonzero(apart)
        known = remembered([facts[at].text for at in learned.tolist()], group[learned])
        near = met(known, [facts[at] for at in held.tolist()])
        if not near.any():
            break
        apart &= ~np.isin(group, group[held[near]])
    return (
        [row for row, out in zip(rows, apart.tolist(), strict=True) if not out],
        [row for row, out in zip(rows, apart.tolist(), strict=True) if out],
    )
