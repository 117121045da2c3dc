"""Outcomes → artifact. Imports scikit-learn; serving never imports this file."""

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import sklearn

from classifiers import heads
from classifiers.apgr import apgr
from classifiers.artifact import write_artifact
from classifiers.assemble import weights_of
from classifiers.calibration import apply_knots, calibration_error, cross_fitted, fit_knots
from classifiers.candidates import Candidate, candidates, choose, mixed
from classifiers.errors import OutcomeError, RowError
from classifiers.features import FORM
from classifiers.folds import Folds, category_folds, random_folds, source_folds
from classifiers.messages import facts_of_row
from classifiers.neighbours import groups, row_hash, tail_hash
from classifiers.out_of_fold import OutOfFold, excerpt
from classifiers.outcomes import Outcome, read_left_out, read_outcomes

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, float], None]

HOLDOUT: Final = "holdout.jsonl"
LEAST_ROWS: Final = 50
FOLDS: Final = 5
QUALITY_TO_KEEP: Final = 0.97
THRESHOLD_GRID: Final = tuple(round(0.01 * step, 2) for step in range(2, 31))
FAMILIAR_QUANTILE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Choice:
    """How to train.

    `select_by`: random folds for traffic that stays alike, grouped ones for new kinds of query.
    `prior_share` mixes in the hand-set score of `prior`, in standard deviations of the learned one (0: not at
    all). `holdout` is the share of rows kept apart in `holdout.jsonl`; `exclude` a file of rows or ids not to
    learn from.
    """

    seed: int = 0
    select_by: Literal["random", "grouped"] = "random"
    prior_share: float = 0.0
    holdout: float = 0.0
    exclude: Path | None = None
    strict: bool = False
    name: str = "trained"


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What training did. `manifest` is what was written, with every measured figure."""

    directory: Path
    rows: int
    held_out: int
    excluded: int
    bad_rows: list[str]
    chosen: str
    reason: str
    manifest: dict[str, Any]
    out_of_fold: OutOfFold = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Data:
    rows: list[Outcome]
    matrix: heads.Matrix
    small: Floats
    large: Floats
    group: npt.NDArray[np.int64]


def _silent(_step: str, _share: float) -> None:
    """The progress of a caller who asked for none."""


def train(
    outcomes: Sequence[Path],
    out: Path,
    *,
    choice: Choice | None = None,
    progress: Progress | None = None,
) -> TrainingReport:
    """Learn a classifier from outcome files and write its artifact into `out`. Deterministic given the seed.

    Raises:
        OutcomeError: a file cannot be read, too few rows are usable, or (strict) a row is bad.
    """
    choice = choice or Choice()
    tell = progress or _silent
    tell("reading outcomes", 0.0)
    _check_places(outcomes, out)
    read = read_outcomes(outcomes, strict=choice.strict)
    rows, excluded = _without_excluded(read.rows, choice.exclude)
    learned, kept_apart = _split(rows, choice)
    if len(learned) < LEAST_ROWS:
        raise OutcomeError(
            f"{len(learned)} usable rows, training needs at least {LEAST_ROWS}"
            + (f"; {len(read.bad)} rows were bad, first: {read.bad[0]}" if read.bad else "")
        )
    tell("reading queries", 0.05)
    data = _data(learned)
    measured = _Measured.of(data, choice, tell)
    tell("fitting the whole", 0.9)
    manifest = _write(_Made(out, outcomes, len(read.bad), data, measured, choice))
    (out / HOLDOUT).unlink(missing_ok=True)  # one of an earlier training may hold rows that were learned now
    if choice.holdout > 0:
        lines = (row.line.rstrip(b"\r\n") + b"\n" for row in kept_apart)
        (out / HOLDOUT).write_bytes(b"".join(lines))
    tell("done", 1.0)
    return TrainingReport(
        directory=out,
        rows=len(learned),
        held_out=len(kept_apart),
        excluded=excluded,
        bad_rows=read.bad_summary(),
        chosen=measured.chosen.name,
        reason=measured.reason,
        manifest=manifest,
        out_of_fold=_out_of_fold(data, measured),
    )


def _out_of_fold(data: _Data, measured: "_Measured") -> OutOfFold:
    raw = measured.raw("random")
    return OutOfFold(
        difficulty=cross_fitted(raw, data.large - data.small, measured.judged["random"].folds),
        raw=raw,
        small=data.small,
        large=data.large,
        small_cost_usd=np.array([row.small_cost_usd for row in data.rows], dtype=np.float64),
        large_cost_usd=np.array([row.large_cost_usd for row in data.rows], dtype=np.float64),
        length=judged_length(data),
        category=[row.category for row in data.rows],
        source=[row.source for row in data.rows],
        id=[row.id for row in data.rows],
        query=[excerpt(row.facts.text) for row in data.rows],
    )


def _check_places(outcomes: Sequence[Path], out: Path) -> None:
    names = [path.name for path in outcomes]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OutcomeError(f"two outcome files are called {twice}; figures are kept by name, so rename one")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutcomeError(f"{out}: the artifact cannot be written there ({error.strerror})") from error


def _without_excluded(rows: list[Outcome], exclude: Path | None) -> tuple[list[Outcome], int]:
    """Rows whose id is not named in the file, nor whose query is in it, nor ends as one in it.

    Raises:
        OutcomeError: the file cannot be read, or a row of it has `messages` or `query` that are none.
    """
    if exclude is None:
        return rows, 0
    ids: set[str] = set()
    hashes: set[int] = set()
    for entry in read_left_out(exclude):
        if not isinstance(entry, dict):
            ids.add(str(entry))
            continue
        if entry.get("id") is not None:
            ids.add(str(entry["id"]))
        if "query" in entry or "messages" in entry:
            text = _text_left_out(entry, exclude)
            hashes |= {row_hash(text), tail_hash(text)}
    kept = [
        row
        for row in rows
        if row.id not in ids and not hashes & {row_hash(row.facts.text), tail_hash(row.facts.text)}
    ]
    return kept, len(rows) - len(kept)


def _text_left_out(row: dict[str, Any], exclude: Path) -> str:
    try:
        return facts_of_row(row).text
    except RowError as error:
        raise OutcomeError(f"{exclude}: a row to leave out {error}") from error


def _split(rows: list[Outcome], choice: Choice) -> tuple[list[Outcome], list[Outcome]]:
    """Rows to learn from and rows kept apart; near-copies go to the same side."""
    if choice.holdout == 0 or not rows:
        return rows, []
    if not 0 < choice.holdout < 1:
        raise OutcomeError(f"holdout is {choice.holdout:g}; it should be above 0 and below 1")
    group = groups([row.facts for row in rows])
    apart = np.random.default_rng(choice.seed).random(int(group.max()) + 1) < choice.holdout
    learned = [row for row, number in zip(rows, group.tolist(), strict=True) if not apart[number]]
    return learned, [row for row, number in zip(rows, group.tolist(), strict=True) if apart[number]]


def _data(rows: list[Outcome]) -> _Data:
    facts = [row.facts for row in rows]
    return _Data(
        rows=rows,
        matrix=heads.matrix_of(facts),
        small=np.array([row.small_score for row in rows]),
        large=np.array([row.large_score for row in rows]),
        group=groups(facts),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """One kind of folds: its candidates, and what a table of it says."""

    folds: Folds
    outputs: dict[str, Floats]
    familiarity: Floats
    found: list[Candidate]


@dataclass(frozen=True, slots=True)
class _Measured:
    judged: dict[str, _Judged]
    by: str
    chosen: Candidate
    reason: str
    mixture: dict[str, float]

    @classmethod
    def of(cls, data: _Data, choice: Choice, tell: Progress) -> "_Measured":
        judged = {}
        kinds = _kinds(data, choice)
        for at, folds in enumerate(kinds):
            tell(f"{folds.name} folds", 0.1 + 0.8 * at / len(kinds))
            judged[folds.name] = _judge(data, folds, choice.seed)
        by = choice.select_by if choice.select_by in judged else "random"
        chosen, reason = choose(judged[by].found, data.small, data.large)
        mixture = _with_prior(chosen, judged[by], choice.prior_share)
        return cls(judged, by, chosen, reason, mixture)

    def raw(self, kind: str) -> Floats:
        """Out-of-fold raw scores of the chosen mixture; a stack's weights are those of the whole."""
        return mixed(self.mixture, self.judged[kind].outputs)


def _kinds(data: _Data, choice: Choice) -> list[Folds]:
    categories = [f"{row.source}/{row.category}" for row in data.rows]
    kinds = [
        random_folds(data.group, folds=FOLDS, seed=choice.seed),
        category_folds(categories, data.group, folds=FOLDS),
        source_folds([row.source for row in data.rows], data.group),
    ]
    return [folds for folds in kinds if folds is not None]


def _judge(data: _Data, folds: Folds, seed: int) -> _Judged:
    outputs = {name: np.zeros(len(data.rows)) for name in heads.CHANNELS}
    familiarity = np.ones(len(data.rows))
    for learned, judged in folds.splits():
        if len(learned) < LEAST_ROWS // 2:
            raise OutcomeError(f"{folds.name} folds leave only {len(learned)} rows to learn from; add rows")
        fitted = heads.fit(data.matrix.take(learned), data.small[learned], data.large[learned], seed=seed)
        there = data.matrix.take(judged)
        for name, values in fitted.outputs(there).items():
            outputs[name][judged] = values
        familiarity[judged] = fitted.familiarity(there)
    return _Judged(folds, outputs, familiarity, candidates(outputs, data.small, data.large, folds))


def _with_prior(chosen: Candidate, judged: _Judged, share: float) -> dict[str, float]:
    if share == 0.0:
        return chosen.weights
    learned = float(chosen.raw.std()) or 1.0
    hand = float(judged.outputs["hand"].std()) or 1.0
    return {**chosen.weights, "hand": share * learned / hand}


@dataclass(frozen=True, slots=True)
class _Made:
    """All that goes into an artifact."""

    out: Path
    outcomes: Sequence[Path]
    bad_rows: int
    data: _Data
    measured: _Measured
    choice: Choice


def _write(made: _Made) -> dict[str, Any]:
    data, measured, choice = made.data, made.measured, made.choice
    fitted = heads.fit(data.matrix, data.small, data.large, seed=choice.seed)
    gap = data.large - data.small
    raw = measured.raw(measured.by)
    knots = fit_knots(raw, gap)
    weights = weights_of(fitted, measured.mixture, knots)
    threshold = propose_threshold(apply_knots(knots, raw), data.small, data.large)
    hashes = {key for row in data.rows for key in (row_hash(row.facts.text), tail_hash(row.facts.text))}
    digests = {path.name: _sha256(path) for path in made.outcomes}
    name = choice.name if choice.name != "trained" else f"trained-{_short(digests)}"
    manifest = {
        "name": name,
        "default_threshold": threshold,
        "familiar_from": round(
            float(np.quantile(measured.judged["random"].familiarity, FAMILIAR_QUANTILE)), 4
        ),
        "head": {
            "chosen": measured.chosen.name,
            "reason": measured.reason,
            "selected_by": f"{measured.by} folds",
            "mixture": {key: round(float(value), 6) for key, value in measured.mixture.items()},
            "prior_share": choice.prior_share,
        },
        "data": {
            "rows": len(data.rows),
            "bad_rows": made.bad_rows,
            "groups_of_near_copies": int(data.group.max()) + 1,
            "sha256": digests,
            "models": _models(data.rows),
        },
        "out_of_fold": {kind: _figures(data, measured, kind, threshold) for kind in measured.judged},
        "never_varied": [name for name, varied in zip(FORM, _varied(data), strict=True) if not varied],
        "seed": choice.seed,
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scikit-learn": sklearn.__version__,
        },
    }
    return write_artifact(made.out, weights, np.array(sorted(hashes), dtype=np.uint64), manifest)


def propose_threshold(difficulty: Floats, small: Floats, large: Floats) -> float:
    """The highest threshold of the grid whose routed mean stays within 3 % of always-large; else the lowest.

    A point estimate on out-of-fold rows, not a certificate.
    """
    for threshold in reversed(THRESHOLD_GRID):
        if np.where(difficulty >= threshold, large, small).mean() >= QUALITY_TO_KEEP * large.mean():
            return threshold
    return THRESHOLD_GRID[0]


def _figures(data: _Data, measured: _Measured, kind: str, threshold: float) -> dict[str, Any]:
    judged = measured.judged[kind]
    raw = measured.raw(kind)
    difficulty = cross_fitted(raw, data.large - data.small, judged.folds)
    to_large = difficulty >= threshold
    length = judged_length(data)
    figures: dict[str, Any] = {
        "candidates": {one.name: _rounded(one.apgr.value, one.apgr.standard_error) for one in judged.found},
        "shipped_mixture": _apgr_of(raw, data, np.ones(len(raw), dtype=bool)),
        "length_alone": _apgr_of(length, data, np.ones(len(raw), dtype=bool)),
        "calibration_error": round(calibration_error(difficulty, data.large - data.small), 4),
        "at_default_threshold": {
            "large_share": round(float(to_large.mean()), 4),
            "quality": round(float(np.where(to_large, data.large, data.small).mean()), 4),
            "always_small": round(float(data.small.mean()), 4),
            "always_large": round(float(data.large.mean()), 4),
        },
    }
    sources = sorted({row.source for row in data.rows})
    if len(sources) > 1:
        of_source = np.array([row.source for row in data.rows])
        figures["by_file"] = {
            source: {
                "shipped_mixture": _apgr_of(raw, data, of_source == source),
                "length_alone": _apgr_of(length, data, of_source == source),
            }
            for source in sources
        }
    return figures


def judged_length(data: _Data) -> Floats:
    """The baseline that any classifier must beat: characters of the query."""
    return np.array([float(len(row.facts.text)) for row in data.rows])


def _apgr_of(raw: Floats, data: _Data, mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    found = apgr(raw[mask], data.small[mask], data.large[mask])
    return _rounded(found.value, found.standard_error) | ({"reason": found.reason} if found.reason else {})


def _rounded(value: float | None, error: float | None) -> dict[str, Any]:
    if value is None or error is None:
        return {"apgr": None, "standard_error": None}
    return {"apgr": round(value, 4), "standard_error": round(error, 4)}


def _varied(data: _Data) -> list[bool]:
    return [bool(column.min() < column.max()) for column in data.matrix.form.T]


def _models(rows: list[Outcome]) -> dict[str, list[str]]:
    pairs = sorted({(row.source, row.small_model, row.large_model) for row in rows})
    return {source: [small, large] for source, small, large in pairs}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _short(digests: dict[str, str]) -> str:
    return hashlib.sha256("".join(digests.values()).encode()).hexdigest()[:8]
