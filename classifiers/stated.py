"""What a manifest states of a training: data, recipe, and what was measured out of fold. Training only."""

import hashlib
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import sklearn

from classifiers.apgr import apgr, apgr_difference
from classifiers.calibration import apply_knots, calibration_error, cross_fitted
from classifiers.features import FORM
from classifiers.measured import Choice, Data, Measured
from classifiers.outcomes import Outcome

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

QUALITY_TO_KEEP: Final = 0.97
THRESHOLD_GRID: Final = tuple(round(0.01 * step, 2) for step in range(2, 31))
_WIDTH: Final = 1.959964
"""Standard errors on each side of an estimate that a 95 % interval spans."""

NOTE: Final = (
    "Measured on rows that were not learned from. On queries like these the ranking holds; on other queries "
    "and other models hardly any of it carries over: see leave-one-file-out. Treat it as a start, train on "
    "your own outcomes, and certify a threshold before you rely on one."
)


@dataclass(frozen=True, slots=True)
class Made:
    """What an artifact was made of, and what was measured; `bad_rows` could not be used."""

    data: Data
    measured: Measured
    choice: Choice
    outcomes: Sequence[Path]
    bad_rows: int


def stated(made: Made, knots: Floats) -> dict[str, Any]:
    """Everything but what `write_artifact` adds; `knots` is the calibration curve."""
    data, measured, choice, outcomes = made.data, made.measured, made.choice, made.outcomes
    digests = {path.name: _sha256(path) for path in outcomes}
    difficulty = apply_knots(knots, measured.raw(measured.by))
    difficulty[measured.unfamiliar(measured.by)] = 1.0
    judged = [difficulty, *(_effective(data, measured, kind) for kind in measured.judged)]
    threshold = min(propose_threshold(one, data.small, data.large) for one in judged)
    earlier = data.earlier if measured.chosen.carries_earlier else None
    varied = [bool(column.min() < column.max()) for column in data.matrix.form.T]
    return {
        "name": choice.name if choice.name != "trained" else f"trained-{_short(digests)}",
        "note": NOTE,
        "default_threshold": threshold,
        "familiar_from": measured.familiar_from,
        "head": {
            "chosen": measured.chosen.name,
            "reason": measured.reason,
            "selected_by": f"{measured.by} folds",
            "blend": measured.chosen.blend.stated,
            "prior": earlier.artifact.classifier.id if earlier is not None else "hand-set score",
            "prior_share": choice.prior_share,
        },
        "data": {
            "rows": len(data.rows),
            "bad_rows": made.bad_rows,
            "rows_the_prior_had_seen": int(data.earlier.seen.sum()) if data.earlier is not None else 0,
            "groups_of_near_copies": int(data.group.max()) + 1,
            "sha256": digests,
            "models": _models(data.rows),
        },
        "out_of_fold": {kind: _figures(data, measured, kind, threshold) for kind in measured.judged},
        "never_varied": [name for name, moves in zip(FORM, varied, strict=True) if not moves],
        "seed": choice.seed,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }


def propose_threshold(difficulty: Floats, small: Floats, large: Floats) -> float:
    """The highest threshold of the grid whose routed mean stays within 3 % of always-large; else the lowest.

    `difficulty` (n,) is the effective one: 1 for an unfamiliar row, which goes to the large model whatever
    the threshold. A point estimate on out-of-fold rows, not a certificate.
    """
    for threshold in reversed(THRESHOLD_GRID):
        if np.where(difficulty >= threshold, large, small).mean() >= QUALITY_TO_KEEP * large.mean():
            return threshold
    return THRESHOLD_GRID[0]


def _effective(data: Data, measured: Measured, kind: str) -> Floats:
    """Difficulties by curves that did not see the row, 1 where it is unfamiliar."""
    difficulty = cross_fitted(measured.raw(kind), data.gap, measured.judged[kind].rows.folds)
    return np.where(measured.unfamiliar(kind), 1.0, difficulty)


def _figures(data: Data, measured: Measured, kind: str, threshold: float) -> dict[str, Any]:
    judged = measured.judged[kind]
    raw = measured.raw(kind)
    difficulty = cross_fitted(raw, data.gap, judged.rows.folds)
    unfamiliar = measured.unfamiliar(kind)
    to_large = unfamiliar | (difficulty >= threshold)
    rankings = {
        "chosen": raw,
        "length_alone": data.length,
        "form_alone": judged.rows.outputs["form"],
    }
    figures: dict[str, Any] = {
        "candidates": {one.name: _rounded(one.apgr.value, one.apgr.standard_error) for one in judged.found},
        **_compared(rankings, data, np.ones(len(raw), dtype=np.bool_)),
        "calibration_error": round(calibration_error(difficulty, data.gap), 4),
        "unfamiliar_share": round(float(unfamiliar.mean()), 4),
        "at_default_threshold": {
            "large_share": round(float(to_large.mean()), 4),
            "quality": round(float(np.where(to_large, data.large, data.small).mean()), 4),
            "always_small": round(float(data.small.mean()), 4),
            "always_large": round(float(data.large.mean()), 4),
        },
    }
    sources = np.array(data.source)
    names = sorted(set(data.source))
    if len(names) > 1:
        figures["by_file"] = {name: _compared(rankings, data, sources == name) for name in names}
    return figures


def _compared(rankings: dict[str, Floats], data: Data, mask: Mask) -> dict[str, Any]:
    """APGR of each ranking on some rows, and how much better the first is than each other, paired."""
    small, large = data.small[mask], data.large[mask]
    found: dict[str, Any] = {}
    for name, scores in rankings.items():
        one = apgr(scores[mask], small, large)
        found[name] = _rounded(one.value, one.standard_error) | ({"reason": one.reason} if one.reason else {})
    (_, ours), *others = rankings.items()
    if (large - small).sum() > 0:
        found["better_than"] = {
            name: _interval(*apgr_difference(ours[mask], scores[mask], small, large))
            for name, scores in others
        }
    return found


def _interval(difference: float, error: float) -> dict[str, float]:
    """A paired difference with its 95 % interval."""
    return {
        "difference": round(difference, 4),
        "low": round(difference - _WIDTH * error, 4),
        "high": round(difference + _WIDTH * error, 4),
    }


def _rounded(value: float | None, error: float | None) -> dict[str, Any]:
    if value is None or error is None:
        return {"apgr": None, "standard_error": None}
    return {"apgr": round(value, 4), "standard_error": round(error, 4)}


def _models(rows: list[Outcome]) -> dict[str, list[str]]:
    pairs = sorted({(row.source, row.small_model, row.large_model) for row in rows})
    return {source: [small, large] for source, small, large in pairs}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _short(digests: dict[str, str]) -> str:
    return hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:8]
