"""Outcome rows as a certificate reads them: checked, put in one order, in units of the heaviest row."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALWAYS_LARGE: Final = 1.0
"""The difficulty at and above which no threshold answers small: thresholds end there (unfamiliar queries)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order of difficulty, whatever the order they came in; every array is (n,).

    Attributes:
        difficulty: 0-1, rising.
        lost: what answering small loses, large score less small score, times the row's weight; -1 to 1.
        large: the large score times the row's weight. Of corrected rows, `lost` and `large` may lie outside
            0-1: a hand score stands for all the rows it was drawn from.
        weight: of the row, 1 for the heaviest that there could have been.
    """

    difficulty: Floats
    lost: Floats
    large: Floats
    weight: Floats

    def __len__(self) -> int:
        return len(self.difficulty)


def rows_of(
    difficulty: object,
    small: object,
    large: object,
    weights: object | None,
    heaviest_weight: float | None = None,
) -> Rows:
    """Rows with both scores known, in units of the heaviest weight: what a worst row weighs.

    Raises:
        ValueError: arrays of unequal length, or a row with a number out of its range; it names the row.
    """
    columns = {"difficulty": difficulty, "small_score": small, "large_score": large}
    if weights is not None:
        columns["weights"] = weights
    read = _columns(columns)
    for name in ("difficulty", "small_score", "large_score"):
        _check_share(name, read[name])
    weight = _weight(read, heaviest_weight)
    gap = read["large_score"] - read["small_score"]
    return _ordered(read["difficulty"], weight * gap, weight * read["large_score"], weight)


def corrected_rows(
    difficulty: object,
    judged: tuple[object, object],
    hand: tuple[object, object],
    weights: object | None,
    heaviest_weight: float | None = None,
) -> tuple[Rows, int]:
    """Judged rows, each with what its hand score corrects; and how many have a hand score.

    `judged` and `hand` are (small, large). A row says judged + (n / hand-scored) · (hand - judged), where the
    last part is 0 without a hand score: prediction-powered inference (arXiv 2301.09633) as one sum over rows,
    here in units of n / hand-scored.

    Raises:
        ValueError: as `rows_of`, or one of a row's two hand scores is missing.
    """
    columns = {"difficulty": difficulty, "judged_small": judged[0], "judged_large": judged[1]}
    columns |= {"hand_small": hand[0], "hand_large": hand[1]}
    if weights is not None:
        columns["weights"] = weights
    read = _columns(columns)
    for name in ("difficulty", "judged_small", "judged_large"):
        _check_share(name, read[name])
    scored = ~np.isnan(read["hand_small"])
    _refuse(scored == np.isnan(read["hand_large"]), "hand_large", read["hand_large"], "is missing or alone")
    for name in ("hand_small", "hand_large"):
        _check_share(name, np.where(scored, read[name], 0.0))
    weight = _weight(read, heaviest_weight)
    share = float(scored.mean()) if len(scored) else 0.0
    large = share * read["judged_large"] + np.where(scored, read["hand_large"] - read["judged_large"], 0.0)
    small = share * read["judged_small"] + np.where(scored, read["hand_small"] - read["judged_small"], 0.0)
    return _ordered(read["difficulty"], weight * (large - small), weight * large, weight), int(scored.sum())


def correction_at(
    at: tuple[float, float],
    difficulty: object,
    judged: tuple[object, object],
    hand: tuple[object, object],
    weights: object | None,
) -> float:
    """Mean of z by hand less z by the judge over the rows with both, in any order; 0 without such rows.

    `at` is (threshold, floor); the columns are those that `corrected_rows` has checked.
    """
    threshold, floor = at
    to_small = np.asarray(difficulty, dtype=np.float64) < threshold
    small, large = (
        np.asarray(by_hand, dtype=np.float64) - np.asarray(by_judge, dtype=np.float64)
        for by_hand, by_judge in zip(hand, judged, strict=True)
    )
    scored = ~np.isnan(small)
    weight = np.ones(len(small)) if weights is None else _relative(np.asarray(weights, dtype=np.float64))
    more = np.where(to_small, large - small, 0.0) - (1.0 - floor) * large
    total = math.fsum(weight[scored])
    return min(1.0, max(-1.0, math.fsum((weight * more)[scored]) / total)) if total else 0.0


def check_share(name: str, value: float) -> None:
    """A floor or a confidence must be above 0 and at most 1.

    Raises:
        ValueError: it is not.
    """
    if not 0.0 < value <= 1.0:
        raise ValueError(f"{name} is {value!r}; it should be above 0 and at most 1")


def _columns(columns: Mapping[str, object]) -> dict[str, Floats]:
    read = {name: np.asarray(column, dtype=np.float64) for name, column in columns.items()}
    for name, column in read.items():
        if column.ndim != 1:
            raise ValueError(f"{name} has {column.ndim} dimensions; it should be one number a row")
    lengths = {name: len(column) for name, column in read.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise ValueError(f"the columns have different lengths: {told}")
    return read


def _check_share(name: str, column: Floats) -> None:
    _refuse(~((column >= 0.0) & (column <= 1.0)), name, column, "should be from 0 to 1")


def _refuse(bad: npt.NDArray[np.bool_], name: str, column: Floats, wanted: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(f"row {row}: {name} is {float(column[row])!r} and {wanted}")


def _weight(read: Mapping[str, Floats], heaviest: float | None) -> Floats:
    """Of each row, 1 for the heaviest that there could have been, and of rows without weights."""
    if heaviest is not None and not 0.0 < heaviest < math.inf:
        raise ValueError(f"heaviest_weight is {heaviest!r}; it should be above 0 and finite")
    if "weights" in read:
        return _relative(read["weights"], heaviest or 0.0)
    if heaviest is not None:
        raise ValueError(
            "heaviest_weight is given without weights; it is the largest of those there could be"
        )
    return np.ones(len(read["difficulty"]))


def _relative(weights: Floats, heaviest: float = 0.0) -> Floats:
    """Weights in units of the heaviest, seen or possible: equal weights of any size are ones, to the bit."""
    _refuse(~((weights > 0.0) & (weights < np.inf)), "weights", weights, "should be above 0 and finite")
    return weights / max(float(weights.max()), heaviest) if len(weights) else weights


def _ordered(difficulty: Floats, lost: Floats, large: Floats, weight: Floats) -> Rows:
    """By difficulty, and among equals by all else: sums do not depend on the order the rows came in."""
    order = np.lexsort((weight, large, lost, difficulty))
    return Rows(difficulty[order], lost[order], large[order], weight[order])
