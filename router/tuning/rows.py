"""Which outcomes a classifier may be tuned on, with the difficulties that serving would compare."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.artifact import Artifact, read_artifact
from classifiers.errors import OutcomeError
from classifiers.outcomes import Outcome, OutcomeRows, read_outcomes, without_repeats
from classifiers.overlap import seen
from policies.tuning import Outcomes
from router.outcomes.record import JudgedBy

LEAST_ROWS: Final = 50
_LONGEST_SOURCE: Final = 300
_OPINIONS: Final = frozenset({JudgedBy.JUDGE, JudgedBy.AGREEMENT})
"""Judges that may be wrong by more than a floor's slack; a schema or a pattern says itself what is right."""

Progress = Callable[[str, float], None]
"""(what is done now, share of all that is done)"""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that were read and are not used.

    Attributes:
        learned_from: the artifact learned from them or from near-copies; nothing is proven on those.
        repeated: they stand in the files again: the same id, query and scores, or the same decision of the
            service, whose last row counts.
        scored_by_another: they have no text, and the difficulty they have is another classifier's.
        hand_alone: scored by hand without a judge's score beside it, where hand scores correct a judge's.
    """

    learned_from: int = 0
    repeated: int = 0
    scored_by_another: int = 0
    hand_alone: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class HandScores:
    """What people gave for some of the n rows: (n,) each, NaN where nobody looked."""

    small: npt.NDArray[np.float64]
    large: npt.NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many rows have a hand score."""
        return int((~np.isnan(self.small)).sum())


@dataclass(frozen=True, slots=True, eq=False)
class TuningRows:
    """What a classifier is tuned on.

    Attributes:
        classifier: its id.
        numbers: the rows as columns.
        hand: people's scores of some of them; `None` where the rows stand for themselves.
        judge_alone: some rows rest on a judge's opinion, and no hand scores correct them.
        judged_by: whose scores those corrected by hand are.
        models: the pairs (small, large) that the rows name; '' where they do not say.
        unfamiliar: how many rows are unlike anything the classifier learned from.
        source: the files, each with the beginning of its SHA-256.
    """

    classifier: str
    numbers: Outcomes
    hand: HandScores | None
    judge_alone: bool
    judged_by: tuple[str, ...]
    models: tuple[tuple[str, str], ...]
    unfamiliar: int
    dropped: Dropped
    bad_rows: int
    bad_summary: list[str]
    notes: list[str]
    source: str


def read_rows(
    classifier: Path,
    outcomes: Sequence[Path],
    *,
    hand: Path | None = None,
    strict: bool = False,
    progress: Progress = lambda _step, _share: None,
) -> TuningRows:
    """Reads outcomes and scores them, without those that the artifact learned from.

    Args:
        classifier: directory of the artifact.
        outcomes: the files.
        hand: a file of rows scored by hand, matched by their ids.
        strict: whether the first bad row stops it.
        progress: told what is done.

    Raises:
        ArtifactError: there is no artifact that fits.
        OutcomeError: a file cannot be read, fewer than `LEAST_ROWS` are left, or (strict) a row is bad.
    """
    artifact = read_artifact(classifier)
    progress("reading outcomes", 0.0)
    read = read_outcomes(outcomes, strict=strict, texts="optional")
    by_hand = read_outcomes([hand], strict=strict, texts="optional") if hand else OutcomeRows([], [])
    once, people, repeated = _apart(read.rows, by_hand.rows)
    progress("looking for rows that were learned from", 0.2)
    rows, dropped = _usable(once, people, artifact, repeated)
    bad = [*read.bad, *by_hand.bad]
    if len(rows) < LEAST_ROWS:
        first = f"; {len(bad):,} could not be read, first: {bad[0]}" if bad else ""
        raise OutcomeError(_too_few(len(rows), dropped) + first)
    progress("scoring", 0.4)
    numbers = _numbers(rows, artifact)
    progress("done", 1.0)
    judged = any(row.judged_by in _OPINIONS for row in rows)
    scores = _hand_scores(rows, people)
    return TuningRows(
        classifier=artifact.classifier.id,
        numbers=numbers,
        hand=scores,
        judge_alone=judged and scores is None,
        judged_by=tuple(sorted({row.judged_by for row in rows if row.id in people})),
        models=tuple(sorted({(row.small_model, row.large_model) for row in rows})),
        unfamiliar=int((~numbers.familiar).sum()),
        dropped=dropped,
        bad_rows=len(bad),
        bad_summary=[*read.bad_summary(), *by_hand.bad_summary()],
        notes=[*(read.notes if not people else ()), *_hand_notes(rows, people), *_undrawn(rows)],
        source=_source([*outcomes, *([hand] if hand else [])]),
    )


def _apart(
    rows: Sequence[Outcome], by_hand: Sequence[Outcome]
) -> tuple[list[Outcome], dict[str, Outcome], int]:
    """The rows, each once; what people gave to those of the same id; and how many rows stood twice."""
    told = {row.id for row in rows if row.judged_by != JudgedBy.HAND}
    people = {row.id: row for row in rows if row.judged_by == JudgedBy.HAND and row.id in told}
    people |= {row.id: row for row in by_hand}
    kept = [row for row in rows if row.judged_by != JudgedBy.HAND or row.id not in people]
    once = without_repeats(kept)
    return once, people, len(kept) - len(once)


def _usable(
    rows: Sequence[Outcome], people: dict[str, Outcome], artifact: Artifact, repeated: int
) -> tuple[list[Outcome], Dropped]:
    id_ = artifact.classifier.id
    learned = seen(artifact, [row.facts for row in rows]).tolist()
    kept: list[Outcome] = []
    another = old = alone = 0
    for row, met in zip(rows, learned, strict=True):
        if row.recorded is not None and row.recorded.classifier != id_:
            another += 1
        elif row.recorded is None and met:
            # What served a query cannot have learned from it before, so a recorded difficulty is no question.
            old += 1
        elif people and row.judged_by == JudgedBy.HAND:
            alone += 1
        else:
            kept.append(row)
    return kept, Dropped(old, repeated, another, alone)


def _numbers(rows: Sequence[Outcome], artifact: Artifact) -> Outcomes:
    facts = [row.facts for row in rows]
    scored = artifact.classifier.effective_many(facts)
    near = [artifact.classifier.is_familiar(one) for one in facts]
    for at, row in enumerate(rows):
        served = row.difficulty_by(artifact.classifier.id)
        if served is not None:  # what was compared then, whatever the row's text lets one score now
            scored[at], near[at] = served, served < 1
    return Outcomes.of(
        scored,
        [row.small_score for row in rows],
        [row.large_score for row in rows],
        small_cost_usd=[np.nan if row.small_cost_usd is None else row.small_cost_usd for row in rows],
        large_cost_usd=[np.nan if row.large_cost_usd is None else row.large_cost_usd for row in rows],
        familiar=near,
        weight=[row.weight for row in rows],
    )


def _hand_scores(rows: Sequence[Outcome], people: dict[str, Outcome]) -> HandScores | None:
    if not any(row.id in people for row in rows):
        return None
    given = [people.get(row.id) for row in rows]
    return HandScores(
        np.array([np.nan if one is None else one.small_score for one in given]),
        np.array([np.nan if one is None else one.large_score for one in given]),
    )


def _hand_notes(rows: Sequence[Outcome], people: dict[str, Outcome]) -> Iterator[str]:
    away = len(people.keys() - {row.id for row in rows})
    if away:
        yield f"{away:,} rows scored by hand have no other row of the same id that is used; they are left out"


def _undrawn(rows: Sequence[Outcome]) -> Iterator[str]:
    count = sum(not row.drawn for row in rows)
    if count:
        yield (
            f"{count:,} rows were not drawn but scored by somebody's choice, so they are no random sample: "
            "leave them out of what is to certify"
        )


def _too_few(left: int, dropped: Dropped) -> str:
    parts = [
        f"{dropped.learned_from:,} are rows that the classifier learned from, or near-copies of such"
        * bool(dropped.learned_from),
        f"{dropped.repeated:,} stand twice" * bool(dropped.repeated),
        f"{dropped.scored_by_another:,} have no text and were scored by another classifier"
        * bool(dropped.scored_by_another),
        f"{dropped.hand_alone:,} were scored by hand alone" * bool(dropped.hand_alone),
    ]
    why = "; ".join(part for part in parts if part)
    return (
        f"{left:,} {'row is' if left == 1 else 'rows are'} left to tune on, at least {LEAST_ROWS} are needed"
        + (f" ({why})" if why else "")
        + ". Nothing is certified on rows that were learned from: keep some apart with "
        "pennyroute train --holdout"
    )


def _source(paths: Sequence[Path]) -> str:
    told = ", ".join(f"{path.name} sha256:{_sha256(path)[:12]}" for path in paths)
    return told if len(told) <= _LONGEST_SOURCE else f"{told[: _LONGEST_SOURCE - 1]}…"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
