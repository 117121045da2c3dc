"""Artifacts and outcome files in, figures out: nothing is judged on rows that an artifact learned from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from classifiers.artifact import Artifact, read_artifact
from classifiers.errors import OutcomeError
from classifiers.evaluation.contenders import baselines, large_is_best
from classifiers.evaluation.measured import Measured, difference, measure, rounded
from classifiers.evaluation.resamples import CONFIDENCE, RESAMPLES
from classifiers.evaluation.rows import Contender, Floats, Judged
from classifiers.outcomes import Outcome, read_outcomes, without_repeats
from classifiers.overlap import seen

LEAST_ROWS: Final = 50
BY_HAND: Final = "hand"
Group = Literal["category", "file", "judged_by"]
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What to evaluate: artifacts (directories), each named as it was given; outcome files; and how."""

    classifiers: Sequence[Path]
    outcomes: Sequence[Path]
    by: Group | None = None
    seed: int = 0
    strict: bool = False
    resamples: int = RESAMPLES


@dataclass(frozen=True, slots=True)
class Dropped:
    """Rows that were read and are not judged.

    `learned_from`: an artifact learned from them or from near-copies. `repeated`: they stand in the files
    again: the same id, query, judge and scores, or the same decision of the service. `judged_by_hand_too`:
    the same query was scored by hand, and that row counts. `scored_by_another`: they have no text, and
    another classifier gave the difficulty they have.
    """

    learned_from: int = 0
    repeated: int = 0
    judged_by_hand_too: int = 0
    scored_by_another: int = 0


@dataclass(frozen=True, slots=True)
class Grouped:
    """The classifiers on the rows of one group alone."""

    name: str
    measured: list[Measured]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of it. The first `len(classifiers)` of `measured` are the classifiers, the rest baselines."""

    question: Question
    classifiers: list[str]
    thresholds: list[float]
    unfamiliar: list[int]
    measured: list[Measured]
    groups: list[Grouped]
    dropped: Dropped
    bad_rows: int
    bad_summary: list[str]
    notes: list[str]
    best_single: str

    def as_json(self) -> dict[str, Any]:
        """Everything; the first classifier's figures at the top, under the names of `docs/evaluate.md`."""
        of_classifiers = list(self._of_classifiers())
        count = len(of_classifiers)
        shown = {
            **of_classifiers[0],
            "baselines": {one.name: one.as_json() for one in self.measured[count:]},
            "best_single": self.best_single,
            "classifiers": of_classifiers,
            "differences": self._differences(),
            "dropped": {name: getattr(self.dropped, name) for name in self.dropped.__slots__},
            "bad_rows": {"count": self.bad_rows, "first": self.bad_summary},
            "notes": self.notes,
            "seed": self.question.seed,
            "resamples": self.question.resamples,
            "confidence": CONFIDENCE,
        }
        found: dict[str, Any] = rounded(shown)
        return found

    def _of_classifiers(self) -> Iterator[dict[str, Any]]:
        for at, id_ in enumerate(self.classifiers):
            yield {
                **self.measured[at].as_json(),
                "classifier": id_,
                "directory": str(self.question.classifiers[at]),
                "threshold": self.thresholds[at],
                "unfamiliar": self.unfamiliar[at],
                "by": {self.question.by: {group.name: group.measured[at].as_json() for group in self.groups}}
                if self.question.by
                else {},
            }

    def _differences(self) -> list[dict[str, Any]]:
        first, *others = self.measured
        return [difference(first, other) for other in others]


def _silent(_step: str, _share: float) -> None:
    """The progress of a caller who asked for none."""


def evaluate(question: Question, progress: Progress = _silent) -> Evaluation:
    """Judge classifiers on the rows that none of them learned from, all on the same rows and resamples.

    Raises:
        ArtifactError: a directory holds none.
        OutcomeError: a file cannot be read, (strict) a row is bad, or fewer than `LEAST_ROWS` rows are left.
    """
    artifacts = [read_artifact(directory) for directory in question.classifiers]
    progress("reading outcomes", 0.0)
    read = read_outcomes(question.outcomes, strict=question.strict, texts="optional")
    once = without_repeats(read.rows)
    best = _by_hand_where_there_is_one(once)
    progress("looking for rows that were learned from", 0.1)
    rows, dropped = _unseen(best, artifacts)
    dropped = replace(dropped, repeated=len(read.rows) - len(once), judged_by_hand_too=len(once) - len(best))
    if len(rows) < LEAST_ROWS:
        raise OutcomeError(_too_few(len(rows), dropped, [str(bad) for bad in read.bad[:1]], len(read.bad)))
    scored, unfamiliar = [], []
    for at, artifact in enumerate(artifacts):
        progress("scoring", 0.2 + 0.4 * at / len(artifacts))
        contender, count = _contender(artifact, rows)
        scored.append(contender)
        unfamiliar.append(count)
    progress("drawing resamples", 0.6)
    judged = judged_rows(rows)
    share = float(judged.weight @ scored[0].to_large / judged.weight.sum())
    contenders = [*scored, *baselines(judged, _length(rows), large_share=share)]
    measured = measure(judged, contenders, seed=question.seed, resamples=question.resamples)
    groups = list(_groups(question, rows, judged, scored))
    progress("done", 1.0)
    return Evaluation(
        question=question,
        classifiers=[artifact.classifier.id for artifact in artifacts],
        thresholds=[artifact.classifier.default_threshold for artifact in artifacts],
        unfamiliar=unfamiliar,
        measured=measured,
        groups=groups,
        dropped=dropped,
        bad_rows=len(read.bad),
        bad_summary=read.bad_summary(),
        notes=read.notes,
        best_single="large" if large_is_best(judged) else "small",
    )


def judged_rows(rows: Sequence[Outcome]) -> Judged:
    """The numbers of the rows."""
    return Judged(
        small=np.array([row.small_score for row in rows]),
        large=np.array([row.large_score for row in rows]),
        small_cost_usd=np.array([row.small_cost_usd for row in rows], dtype=np.float64),
        large_cost_usd=np.array([row.large_cost_usd for row in rows], dtype=np.float64),
        weight=np.array([row.weight for row in rows]),
    )


def _by_hand_where_there_is_one(rows: Sequence[Outcome]) -> list[Outcome]:
    """The rows without another's scores of a query that was scored by hand too: both are of one query."""
    by_hand = {_query_of(row) for row in rows if row.judged_by == BY_HAND}
    return [row for row in rows if row.judged_by == BY_HAND or _query_of(row) not in by_hand]


def _query_of(row: Outcome) -> tuple[object, ...]:
    return (row.id, row.facts, row.recorded)


def _unseen(rows: Sequence[Outcome], artifacts: Sequence[Artifact]) -> tuple[list[Outcome], Dropped]:
    """The rows that every artifact can be judged on."""
    ids = {artifact.classifier.id for artifact in artifacts}
    other = [row.recorded is not None and ids != {row.recorded.classifier} for row in rows]
    facts = [row.facts for row in rows]
    learned = np.zeros(len(rows), dtype=np.bool_)
    for artifact in artifacts:
        learned |= seen(artifact, facts)
    # What served a query cannot have learned from it before; the empty text that stands in says nothing.
    learned &= np.array([row.recorded is None for row in rows], dtype=np.bool_)
    kept = [row for row, away, old in zip(rows, other, learned.tolist(), strict=True) if not (away or old)]
    return kept, Dropped(learned_from=int(learned.sum()), scored_by_another=sum(other))


def _too_few(left: int, dropped: Dropped, first_bad: Sequence[str], bad: int) -> str:
    parts = [
        f"{dropped.learned_from:,} are rows that a classifier learned from, or near-copies of such"
        * bool(dropped.learned_from),
        f"{dropped.repeated:,} stand twice" * bool(dropped.repeated),
        f"{dropped.judged_by_hand_too:,} were scored by hand too" * bool(dropped.judged_by_hand_too),
        f"{dropped.scored_by_another:,} were scored by another classifier and have no text"
        * bool(dropped.scored_by_another),
        f"{bad:,} could not be read, first: {''.join(first_bad)}" * bool(bad),
    ]
    why = "; ".join(part for part in parts if part)
    rows = "row is" if left == 1 else "rows are"
    return (
        f"{left:,} {rows} left to judge by, evaluation needs at least {LEAST_ROWS}"
        + (f" ({why})" if why else "")
        + ". Nothing is judged on rows that were learned from: keep some apart (pennyroute train --holdout)"
    )


def _contender(artifact: Artifact, rows: Sequence[Outcome]) -> tuple[Contender, int]:
    """Ranked by difficulty; routed by what serving compares: the unfamiliar go to large, and are counted."""
    classifier = artifact.classifier
    facts = [row.facts for row in rows]
    # Of a row that it served, what was compared then: its text may not say all that was known of the query.
    own = [row.difficulty_by(classifier.id) for row in rows]
    served = np.array([np.nan if one is None else one for one in own])
    near = np.array([classifier.is_familiar(one) for one in facts], dtype=np.bool_)
    familiar = np.where(np.isnan(served), near, served < 1.0)
    ranking = np.where(np.isnan(served), classifier.score_many(facts), served)
    to_large = ~familiar | (ranking >= classifier.default_threshold)
    return Contender(classifier.id, ranking, to_large.astype(np.float64)), int((~familiar).sum())


def _length(rows: Sequence[Outcome]) -> Floats | None:
    """Characters of each query; None where some rows have no text to measure."""
    if any(row.recorded is not None for row in rows):
        return None
    return np.array([float(len(row.facts.text)) for row in rows])


def _groups(
    question: Question, rows: Sequence[Outcome], judged: Judged, scored: Sequence[Contender]
) -> Iterator[Grouped]:
    if question.by is None:
        return
    names = np.array([_group_of(row, question.by) for row in rows])
    for name in np.unique(names):
        places = np.flatnonzero(names == name)
        some = [one.take(places) for one in scored]
        found = measure(
            judged.take(places), some, seed=question.seed, resamples=question.resamples, money=False
        )
        yield Grouped(str(name), found)


def _group_of(row: Outcome, by: Group) -> str:
    return {"category": row.category, "file": row.source, "judged_by": row.judged_by}[by] or "(none)"
