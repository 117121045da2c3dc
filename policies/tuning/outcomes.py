"""Outcomes as columns of numbers, checked once."""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

UNFAMILIAR: Final = 1.0
"""The effective difficulty of an unfamiliar query: at or above every threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What both tiers scored and cost on the same n queries.

    Attributes:
        difficulty: (n,) 0-1, effective: 1 where the query is unfamiliar.
        familiar: (n,) whether the difficulty means something.
        small_score: (n,) 0-1.
        large_score: (n,) 0-1.
        small_cost_usd: (n,) 0 and above; NaN where it is not known.
        large_cost_usd: (n,) the same.
        weight: (n,) above 0: how many queries of the traffic each row stands for, up to a factor.
    """

    difficulty: Floats
    familiar: Mask
    small_score: Floats
    large_score: Floats
    small_cost_usd: Floats
    large_cost_usd: Floats
    weight: Floats

    @classmethod
    def of(
        cls,
        difficulty: Any,
        small_score: Any,
        large_score: Any,
        *,
        small_cost_usd: Any = None,
        large_cost_usd: Any = None,
        familiar: Any = None,
        weight: Any = None,
    ) -> Self:
        """From any sequences: costs left out are unknown, weights are 1, and a difficulty of 1 is unfamiliar.

        Raises:
            ValueError: of no rows, of different lengths, or with a value out of its range; names the row.
        """
        scored = _floats("difficulty", difficulty)
        unknown, ones = np.full(len(scored), np.nan), np.ones(len(scored))
        _refuse("difficulty", scored, ~((scored >= 0) & (scored <= 1)), "a number from 0 to 1")
        near = scored < UNFAMILIAR if familiar is None else np.asarray(familiar, dtype=np.bool_)
        return cls(
            np.where(near, scored, UNFAMILIAR) if near.shape == scored.shape else scored,
            near,
            _floats("small_score", small_score),
            _floats("large_score", large_score),
            unknown if small_cost_usd is None else _floats("small_cost_usd", small_cost_usd),
            unknown if large_cost_usd is None else _floats("large_cost_usd", large_cost_usd),
            ones if weight is None else _floats("weight", weight),
        )

    def __post_init__(self) -> None:
        if not len(self):
            raise ValueError("no outcomes; there should be at least one")
        for name in ("familiar", "small_score", "large_score", "small_cost_usd", "large_cost_usd", "weight"):
            shape = getattr(self, name).shape
            if shape != (len(self),):
                raise ValueError(f"{name} has shape {shape}, difficulty {self.difficulty.shape}")
        for name in ("difficulty", "small_score", "large_score"):
            values = getattr(self, name)
            _refuse(name, values, ~((values >= 0) & (values <= 1)), "a number from 0 to 1")
        for name in ("small_cost_usd", "large_cost_usd"):
            values = getattr(self, name)
            known = np.isnan(values) | ((values >= 0) & np.isfinite(values))
            _refuse(name, values, ~known, "a number of dollars, or NaN where it is not known")
        usable = (self.weight > 0) & np.isfinite(self.weight)
        _refuse("weight", self.weight, ~usable, "a number above 0")

    def __len__(self) -> int:
        return len(self.difficulty)

    @property
    def priced(self) -> Mask:
        """(n,) where both tiers' costs are known: the rows that money can be told of."""
        known: Mask = ~(np.isnan(self.small_cost_usd) | np.isnan(self.large_cost_usd))
        return known

    def to_large(self, threshold: float) -> Mask:
        """(n,) which queries a threshold sends to the large model."""
        chosen: Mask = self.difficulty >= threshold
        return chosen

    def scores(self, to_large: Mask) -> Floats:
        """(n,) the score of whichever tier answers."""
        return np.where(to_large, self.large_score, self.small_score)

    def costs_usd(self, to_large: Mask) -> Floats:
        """(n,) the cost of whichever tier answers; NaN where it is not known."""
        return np.where(to_large, self.large_cost_usd, self.small_cost_usd)

    def only(self, rows: Mask) -> Self:
        """Some of the rows.

        Raises:
            ValueError: none of them.
        """
        columns = (
            self.difficulty,
            self.familiar,
            self.small_score,
            self.large_score,
            self.small_cost_usd,
            self.large_cost_usd,
            self.weight,
        )
        return type(self)(*(column[rows] for column in columns))  # type: ignore[arg-type]  # of both kinds


def _floats(name: str, values: Any) -> Floats:
    found: Floats = np.asarray(values, dtype=np.float64)
    if found.ndim != 1:
        raise ValueError(f"{name} has shape {found.shape}; it should be one number a row")
    return found


def _refuse(name: str, values: Floats, wrong: Mask, right: str) -> None:
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ValueError(f"row {at}: {name} is {float(values[at])!r}; it should be {right}")
