"""Outcomes → artifact. Imports scikit-learn; serving never imports this file."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers import heads
from classifiers.artifact import Learned, checked_name, read_artifact, write_artifact
from classifiers.assemble import weights_of
from classifiers.calibration import fit_knots
from classifiers.errors import OutcomeError, RowError
from classifiers.holdout import remembered, split
from classifiers.measured import LEAST_ROWS, Choice, Data, Measured, Progress
from classifiers.messages import facts_of_row
from classifiers.model import Model
from classifiers.neighbours import copy_hashes
from classifiers.out_of_fold import OutOfFold
from classifiers.outcomes import Outcome, read_left_out, read_outcomes
from classifiers.overlap import met, seen
from classifiers.slimmer import note, slimmed
from classifiers.stated import QUALITY_TO_KEEP, THRESHOLD_GRID, Made, stated
from classifiers.vocabulary import pack

__all__ = [
    "HOLDOUT",
    "LEAST_ROWS",
    "QUALITY_TO_KEEP",
    "THRESHOLD_GRID",
    "Choice",
    "TrainingReport",
    "train",
]

HOLDOUT: Final = "holdout.jsonl"
MOST_MET: Final = 0.05
"""An earlier artifact that learned from more than this part of the held-out rows is no prior."""


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What training did. `manifest` is what was written, with every measured figure.

    `notes` say what a person should know: ids that stand twice, a prior that was set aside, a size.
    """

    directory: Path
    rows: int
    held_out: int
    excluded: int
    bad_rows: list[str]
    notes: list[str]
    chosen: str
    reason: str
    manifest: dict[str, Any]
    out_of_fold: OutOfFold = field(repr=False)


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
        ArtifactError: the artifact's name will not do, or the earlier artifact is not a sound one.
    """
    choice = choice or Choice()
    tell = progress or _silent
    checked_name(choice.name)
    tell("reading outcomes", 0.0)
    _check_places(outcomes, out)
    read = read_outcomes(outcomes, strict=choice.strict)
    rows, excluded = _without_excluded(read.rows, choice.exclude)
    learned, kept_apart = split(rows, choice.holdout, choice.seed)
    if len(learned) < LEAST_ROWS:
        raise OutcomeError(
            f"{len(learned)} usable row{'s' * (len(learned) != 1)}, training needs at least {LEAST_ROWS}"
            + (f"; {_bad(len(read.bad))} bad, first: {read.bad[0]}" if read.bad else "")
        )
    tell("reading queries", 0.05)
    prior, notes = _prior_for(kept_apart, choice)
    data = Data.of(learned, prior)
    measured = Measured.of(data, choice, tell)
    tell("fitting the whole", 0.9)
    knots = fit_knots(measured.raw(measured.by), data.gap)
    whole = _learned(data, measured, kept_apart)
    model, known = slimmed(_model(data, measured, knots, choice.seed), whole)
    manifest = write_artifact(
        out,
        model,
        known,
        stated(Made(data, measured, choice, outcomes, len(read.bad)), knots),
    )
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
        notes=[*read.notes, *notes, *note(whole, known, manifest["weights_bytes"])],
        chosen=measured.chosen.name,
        reason=measured.reason,
        manifest=manifest,
        out_of_fold=measured.out_of_fold(data),
    )


def _bad(count: int) -> str:
    return "1 row was" if count == 1 else f"{count:,} rows were"


def _prior_for(kept_apart: list[Outcome], choice: Choice) -> tuple[Path | None, list[str]]:
    """The earlier artifact to start from, unless it saw what is kept apart: then nothing could be judged.

    Raises:
        ArtifactError: as `read_artifact`.
    """
    if choice.prior is None or not kept_apart:
        return choice.prior, []
    artifact = read_artifact(choice.prior)
    met = int(seen(artifact, [row.facts for row in kept_apart]).sum())
    if met <= MOST_MET * len(kept_apart):
        return choice.prior, []
    note = (
        f"{artifact.classifier.id} is set aside as a prior: it learned from {met:,} of the "
        f"{len(kept_apart):,} rows that are held out, so nothing that carries it could be judged by them"
    )
    return None, [note]


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
            hashes.update(copy_hashes(text))
    kept = [row for row in rows if row.id not in ids and hashes.isdisjoint(copy_hashes(row.facts.text))]
    return kept, len(rows) - len(kept)


def _text_left_out(row: dict[str, Any], exclude: Path) -> str:
    try:
        return facts_of_row(row).text
    except RowError as error:
        raise OutcomeError(f"{exclude}: a row to leave out {error}") from error


def _model(data: Data, measured: Measured, knots: heads.Floats, seed: int) -> Model:
    fitted = heads.fit(data.matrix, data.small, data.large, seed=seed)
    chosen = measured.chosen
    earlier = data.earlier if chosen.carries_earlier else None
    return Model(
        weights=weights_of(fitted, chosen.blend, by_hand=earlier is None),
        knots=knots,
        vocabulary=pack(
            np.concatenate(data.matrix.plain), earlier.vocabulary if earlier is not None else None
        ),
        prior=earlier.artifact.classifier.model.weights if earlier is not None else None,
    )


def _learned(data: Data, measured: Measured, kept_apart: list[Outcome]) -> Learned:
    """These rows, and those of an earlier artifact that goes on speaking: it learned from those as well."""
    facts = [row.facts for row in kept_apart]
    texts = [row.facts.text for row in data.rows]
    if data.earlier is None or not measured.chosen.carries_earlier:
        return remembered(texts, data.group, [one.text for one in facts])
    before = data.earlier.artifact.learned
    strange = [one.text for one, met_before in zip(facts, met(before, facts), strict=True) if not met_before]
    own = remembered(texts, data.group, strange)
    return Learned(
        np.union1d(own.row_hashes, before.row_hashes),
        np.concatenate((own.rare_shingles, before.rare_shingles)),
        own.apart_hashes,
    )
