"""How far rows were from what was learned from, by folds that did not learn from them. Training only.

An earlier artifact that goes on speaking brings its words along, but not to judge the rows that it has seen:
it would call familiar what it knows by heart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.earlier import Earlier
from classifiers.facts import QueryFacts
from classifiers.features import read
from classifiers.folds import Folds
from classifiers.heads import Matrix
from classifiers.vocabulary import Vocabulary, pack

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ENOUGH: Final = 0.75
"""A query of which so much is known is familiar however alike the rows are that were learned from."""

_NO_SHARE: Final = 2.0
"""Above any share: near by this is only that of which too little is unknown to tell."""


@dataclass(frozen=True, slots=True)
class Familiarity:
    """Of n rows: `share` (n,) is `Vocabulary.share`; `told` (n,) marks those with enough unknown to tell.

    Made-up words at a query's end, which serving leaves out first, are not left out here.
    """

    share: Floats
    told: Mask

    @classmethod
    def of(
        cls, facts: Sequence[QueryFacts], matrix: Matrix, folds: Folds, earlier: Earlier | None
    ) -> "Familiarity":
        """Of n rows, each by the rows outside its fold; `earlier` is an artifact that is carried along."""
        share, told = np.ones(len(facts)), np.zeros(len(facts), dtype=np.bool_)
        for learned, judged in folds.splits():
            keys = np.concatenate([matrix.plain[row] for row in learned.tolist()])
            own = Vocabulary(pack(keys))
            both = Vocabulary(pack(keys, earlier.vocabulary)) if earlier is not None else own
            for row in judged.tolist():
                known = own if earlier is None or earlier.seen[row] else both
                share[row] = known.share(matrix.plain[row], matrix.sizes[row])
                if share[row] < ENOUGH:
                    told[row] = not known.is_near(read(facts[row]), _NO_SHARE)
        return cls(share, told)

    def unfamiliar(self, least_share: float, trust: Floats) -> Mask:
        """(n,) By serving's rule: what was learned is not trusted at all, and too little is known.

        `least_share` is at most `ENOUGH`; `trust` (n,) is that of `Blend.trust`.
        """
        found: Mask = self.told & (self.share < least_share) & (trust == 0.0)
        return found
