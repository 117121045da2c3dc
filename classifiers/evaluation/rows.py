"""What is judged: rows with both tiers' scores, and the contenders that rank and route them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """n rows, each array (n,): scores 0 to 1, costs in USD (nan: unknown), weights above 0."""

    small: Floats
    large: Floats
    small_cost_usd: Floats
    large_cost_usd: Floats
    weight: Floats

    @classmethod
    def of(cls, small: Floats, large: Floats, *, weight: Floats | None = None) -> "Judged":
        """Rows of unknown cost.

        Raises:
            ValueError: a score is not between 0 and 1, or a weight not above 0; names the row, from 0.
        """
        unknown = np.full(len(small), np.nan)
        weight = np.ones(len(small)) if weight is None else np.asarray(weight, dtype=np.float64)
        small, large = np.asarray(small, dtype=np.float64), np.asarray(large, dtype=np.float64)
        for name, scores in (("small", small), ("large", large)):
            _refuse(name, scores, (scores >= 0) & (scores <= 1), "a score is from 0 to 1")
        _refuse("weight", weight, (weight > 0) & np.isfinite(weight), "a weight is above 0")
        return cls(small, large, unknown, unknown, weight)

    @property
    def gap(self) -> Floats:
        """(n,) What large scores more than small; negative where it scores less."""
        return self.large - self.small

    @property
    def priced(self) -> Mask:
        """(n,) Whether both costs are known."""
        known: Mask = np.isfinite(self.small_cost_usd) & np.isfinite(self.large_cost_usd)
        return known

    def take(self, places: Places | Mask) -> "Judged":
        """Some of the rows."""
        return Judged(
            self.small[places],
            self.large[places],
            self.small_cost_usd[places],
            self.large_cost_usd[places],
            self.weight[places],
        )

    def __len__(self) -> int:
        return len(self.small)


def _refuse(name: str, values: Floats, fits: Mask, right: str) -> None:
    if not fits.all():
        row = int(np.flatnonzero(~fits)[0])
        raise ValueError(f"{name} of row {row} is {values[row]}; {right}")


@dataclass(frozen=True, slots=True)
class Contender:
    """What ranks rows, hardest first, and routes them.

    `scores` (n,) is the ranking; None for what has only one answer for all. `to_large` (n,) is the chance,
    0 to 1, that it sends each row to large: 0 or 1 but where ties are shared and where it draws.
    """

    name: str
    scores: Floats | None
    to_large: Floats

    def take(self, places: Places | Mask) -> "Contender":
        """What it does on some of the rows."""
        scores = None if self.scores is None else self.scores[places]
        return Contender(self.name, scores, self.to_large[places])


def in_one_order(rows: Judged, contenders: Sequence[Contender]) -> Places:
    """Places of the rows in an order that depends on what they hold and not on where they stand.

    Rows that are equal in everything that is measured are interchangeable: so shuffling the rows changes
    nothing, not even which of them a seeded resample draws.
    """
    keys = [rows.weight, rows.large_cost_usd, rows.small_cost_usd, rows.large, rows.small]
    for contender in reversed(contenders):
        keys.append(contender.to_large)
        keys += [contender.scores] if contender.scores is not None else []
    order: Places = np.lexsort(keys)
    return order
