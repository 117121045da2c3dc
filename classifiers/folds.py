"""Splits of rows for out-of-fold measurement. Near-copies never sit on both sides of one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Folds:
    """`fold` (n,) says in which fold each row is judged; `group` (n,) is equal for near-copies."""

    name: str
    fold: Numbers
    group: Numbers

    def splits(self) -> Iterator[tuple[Numbers, Numbers]]:
        """(train, judge) row numbers; near-copies of judged rows are left out of training."""
        for fold in np.unique(self.fold):
            judged = self.fold == fold
            tainted = np.isin(self.group, self.group[judged])
            yield np.flatnonzero(~tainted), np.flatnonzero(judged)


def random_folds(group: Numbers, *, folds: int, seed: int) -> Folds:
    """Whole groups, shuffled by the seed: "my traffic stays alike"."""
    numbers = np.random.default_rng(seed).permutation(int(group.max()) + 1) % folds
    return Folds("random", numbers[group], group)


def category_folds(categories: Sequence[str], group: Numbers, *, folds: int) -> Folds | None:
    """Whole categories, largest first to the emptiest fold: "new kinds of query". None if there is one."""
    names, number = np.unique(np.array(categories), return_inverse=True)
    if len(names) < 2:
        return None
    counts = np.bincount(number)
    filled = np.zeros(min(folds, len(names)))
    fold_of = np.zeros(len(names), dtype=np.int64)
    for category in np.argsort(-counts, kind="stable"):
        fold_of[category] = int(np.argmin(filled))
        filled[fold_of[category]] += counts[category]
    return Folds("grouped", fold_of[number], group)


def source_folds(sources: Sequence[str], group: Numbers) -> Folds | None:
    """One file at a time is judged by what the others teach. None with fewer than two files."""
    names, number = np.unique(np.array(sources), return_inverse=True)
    return Folds("leave-one-file-out", number.astype(np.int64), group) if len(names) > 1 else None
