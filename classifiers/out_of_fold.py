"""What training measured row by row, on rows that were not learned from: what a report draws."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SHOWN_CHARS: Final = 300
_BEGINNING_CHARS: Final = 100


def excerpt(text: str) -> str:
    """What tells a person which query it is: of a long one the beginning and more of the end."""
    if len(text) <= SHOWN_CHARS:
        return text
    return f"{text[:_BEGINNING_CHARS]} … {text[_BEGINNING_CHARS - SHOWN_CHARS :]}"


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """n rows in the order they were read; random folds, near-copies never on both sides of one.

    `raw` (n,) is the chosen ranking, `difficulty` (n,) its calibrated value (0 to 1), each of a row that
    neither ranking nor curve learned from; `unfamiliar` (n,) marks rows that serving would send to the large
    model whatever their difficulty. `small` and `large` (n,) are the tiers' scores (0 to 1),
    `small_cost_usd` and `large_cost_usd` (n,) their costs in USD, nan where unknown. `length` (n,) is in
    characters. `query` holds an excerpt of each.
    """

    difficulty: Floats
    unfamiliar: npt.NDArray[np.bool_]
    raw: Floats
    small: Floats
    large: Floats
    small_cost_usd: Floats
    large_cost_usd: Floats
    length: Floats
    category: list[str]
    source: list[str]
    id: list[str]
    query: list[str]
