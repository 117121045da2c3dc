"""The rankings that training chooses among, each a weighted sum of channel outputs, simplest first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from classifiers.apgr import Apgr, apgr, apgr_difference
from classifiers.folds import Folds

Floats = npt.NDArray[np.float64]
Outputs = dict[str, Floats]

SINGLE: Final[dict[str, dict[str, float]]] = {
    "length_and_form": {"form": 1.0},
    "gap": {"gap": 1.0},
    "small_fails": {"small_ok": -1.0},
    "two_heads": {"large_ok": 1.0, "small_ok": -1.0},
}
ORDER: Final = (*SINGLE, "average", "stack")
"""Simplest first: a later one must be better than an earlier one by more than one standard error."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ranking: its weight for each channel, its scores out of fold, and how good they are."""

    name: str
    weights: dict[str, float]
    raw: Floats
    apgr: Apgr


def mixed(weights: dict[str, float], outputs: Outputs) -> Floats:
    """Σ weight · output; rows in the order of the outputs."""
    total: Floats = sum((weight * outputs[name] for name, weight in weights.items()), start=np.zeros(1))
    return total


def candidates(outputs: Outputs, small: Floats, large: Floats, folds: Folds) -> list[Candidate]:
    """Every ranking, judged on the same out-of-fold outputs."""
    gap = large - small
    singles = {name: mixed(weights, outputs) for name, weights in SINGLE.items()}
    scale = {name: 1.0 / (float(raw.std()) or 1.0) for name, raw in singles.items()}
    found = [Candidate(name, SINGLE[name], raw, apgr(raw, small, large)) for name, raw in singles.items()]
    average = _combined({name: scale[name] / len(SINGLE) for name in SINGLE})
    found.append(_judged("average", average, mixed(average, outputs), small, large))
    columns = np.stack([singles[name] * scale[name] for name in SINGLE], axis=1)
    centred = columns - columns.mean(axis=0)  # else folds, each with shares of its own, would not compare
    stacked = np.zeros(len(gap))
    for fold in np.unique(folds.fold):
        judged = folds.fold == fold
        shares = _shares(columns[~judged], gap[~judged])
        stacked[judged] = centred[judged] @ (shares / shares.sum())
    shares = _shares(columns, gap)
    final = _combined(
        {name: scale[name] * share for name, share in zip(SINGLE, shares, strict=True) if share > 0}
    )
    found.append(_judged("stack", final, stacked, small, large))
    return found


def _judged(name: str, weights: dict[str, float], raw: Floats, small: Floats, large: Floats) -> Candidate:
    return Candidate(name, weights, raw, apgr(raw, small, large))


def _shares(columns: Floats, gap: Floats) -> Floats:
    """Non-negative least squares of the gap on centred columns; equal shares where none helps."""
    shares: Floats = nnls(columns - columns.mean(axis=0), gap - gap.mean())[0]
    return shares if shares.sum() > 0 else np.full(columns.shape[1], 1.0 / columns.shape[1])


def _combined(scales: dict[str, float]) -> dict[str, float]:
    total: dict[str, float] = {}
    for name, scale in scales.items():
        for channel, weight in SINGLE[name].items():
            total[channel] = total.get(channel, 0.0) + scale * weight
    return total


def choose(found: Iterable[Candidate], small: Floats, large: Floats) -> tuple[Candidate, str]:
    """The simplest candidate within one (paired) standard error of the best, and the reason in words."""
    ordered = sorted(found, key=lambda one: ORDER.index(one.name))
    if any(one.apgr.value is None for one in ordered):
        return ordered[0], f"{ordered[0].name}: {ordered[0].apgr.reason}"
    best = max(ordered, key=lambda one: one.apgr.value or 0.0)
    for one in ordered:
        behind, error = apgr_difference(best.raw, one.raw, small, large)
        if one is best:
            return one, f"{one.name} ranks best out of fold"
        if behind <= error:
            return one, f"{one.name} is simpler than {best.name} and within one standard error of it"
    return best, f"{best.name} ranks best out of fold"
