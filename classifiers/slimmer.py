"""Keeps an artifact within its size: coarser numbers first, then fewer shingles of a row. Training only."""

from dataclasses import replace
from typing import Final

import numpy as np

from classifiers.artifact import Learned, packed_arrays
from classifiers.model import Model
from classifiers.ranking import Weights

MOST_BYTES: Final = 1_950_000
"""Of arrays, so that two million hold them and the manifest."""

_STEPS: Final = ((16, 4), (16, 2), (64, 2), (128, 2))
"""What is tried in turn: whole numbers so many times coarser, and so many shingles of each row."""


def note(learned: Learned, slimmer: Learned, packed_bytes: int) -> list[str]:
    """What a person should know of it: phrases that were left out, and a size that is still too large."""
    kept, before = (int((one.rare_shingles != 0).sum()) for one in (slimmer, learned))
    notes = []
    if kept < before:
        notes.append(
            f"to keep the artifact small {before - kept:,} of {before:,} rare phrases of the rows were left "
            "out, so fewer near-copies of them are told from new queries when something is tuned or judged"
        )
    if packed_bytes > MOST_BYTES:
        notes.append(
            f"the artifact's arrays are {packed_bytes:,} bytes, more than the {MOST_BYTES:,} aimed at: it "
            "learned from very many rows; it works, and takes longer to load and to copy"
        )
    return notes


def slimmed(model: Model, learned: Learned) -> tuple[Model, Learned]:
    """The same where it fits, else what moves a score least is left out; very many rows may still not fit."""
    tried = model, learned
    for coarser, shingles in _STEPS:
        if len(packed_arrays(*tried)) <= MOST_BYTES:
            break
        prior = _coarser(model.prior, coarser) if model.prior is not None else None
        fewer = learned.rare_shingles.copy()
        fewer[:, shingles:] = 0
        tried = (
            replace(model, weights=_coarser(model.weights, coarser), prior=prior),
            replace(learned, rare_shingles=fewer),
        )
    return tried


def _coarser(weights: Weights, times: int) -> Weights:
    """Every column but the tags in coarser steps: the numbers that are left pack better."""
    table = weights.table.copy()
    table[:, :-1] = np.rint(table[:, :-1] / times).astype(np.int16)
    return replace(weights, table=table, scales=weights.scales * times)
