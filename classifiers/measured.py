"""What training measures before it writes anything: every candidate on rows that were not learned from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from classifiers import heads
from classifiers.blend import CHANNELS
from classifiers.calibration import cross_fitted
from classifiers.candidates import Candidate, Rows, candidates, choose
from classifiers.default import SHIPPED
from classifiers.earlier import Earlier, Fold
from classifiers.errors import OutcomeError
from classifiers.familiarity import ENOUGH, Familiarity
from classifiers.features import FREE
from classifiers.folds import Folds, category_folds, random_folds, source_folds
from classifiers.neighbours import groups
from classifiers.out_of_fold import OutOfFold, excerpt
from classifiers.outcomes import Outcome

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Progress = Callable[[str, float], None]

LEAST_ROWS: Final = 50
RANDOM_FOLDS: Final = 10
GROUPED_FOLDS: Final = 5
FAMILIAR_QUANTILE: Final = 0.005
TRUSTED_QUANTILE: Final = 0.05
"""Rows whose share of known words is above this part of held-out rows are ranked by what was learned alone;
at half that share the prior alone speaks."""
_LEAST_TRUSTED: Final = 0.02


@dataclass(frozen=True, slots=True)
class Choice:
    """How to train.

    `select_by`: random folds for traffic that stays alike, grouped ones for new kinds of query.
    `prior` is an earlier artifact that training may start from (None: none). `prior_share` is how much of the
    hand-set score of `prior` speaks in all free text, in standard deviations of the learned part (0: only
    where the words are strange). `holdout` is the share of rows kept apart in `holdout.jsonl`; `exclude` a
    file of rows or ids not to learn from.
    """

    seed: int = 0
    select_by: Literal["random", "grouped"] = "random"
    prior: Path | None = SHIPPED
    prior_share: float = 0.0
    holdout: float = 0.0
    exclude: Path | None = None
    strict: bool = False
    name: str = "trained"


@dataclass(frozen=True, slots=True)
class Data:
    """n rows to learn from, read."""

    rows: list[Outcome]
    matrix: heads.Matrix
    small: Floats
    large: Floats
    group: npt.NDArray[np.int64]
    earlier: Earlier | None = field(repr=False)

    @classmethod
    def of(cls, rows: list[Outcome], prior: Path | None) -> "Data":
        """Reads each query once, with the code that serving uses."""
        facts = [row.facts for row in rows]
        return cls(
            rows=rows,
            matrix=heads.matrix_of(facts),
            small=np.array([row.small_score for row in rows]),
            large=np.array([row.large_score for row in rows]),
            group=groups(facts),
            earlier=Earlier.of(prior, facts) if prior is not None else None,
        )

    @property
    def gap(self) -> Floats:
        """(n,) What the large model scored more than the small one."""
        return self.large - self.small

    @property
    def length(self) -> Floats:
        """(n,) The baseline that any classifier must beat: characters of the query."""
        return np.array([float(len(row.facts.text)) for row in self.rows])

    @property
    def source(self) -> list[str]:
        """The file that each row is of."""
        return [row.source for row in self.rows]


@dataclass(frozen=True, slots=True)
class Judged:
    """One kind of folds: the rows as they were judged, how familiar each was, and the candidates."""

    rows: Rows
    familiarity: Familiarity
    found: list[Candidate]


@dataclass(frozen=True, slots=True)
class Measured:
    """All kinds of folds, and the candidate chosen `by` one of them."""

    judged: dict[str, Judged]
    by: str
    chosen: Candidate
    reason: str
    familiar_from: float

    @classmethod
    def of(cls, data: Data, choice: Choice, tell: Progress) -> "Measured":
        """Judges every candidate in every kind of folds.

        Raises:
            OutcomeError: a fold leaves too few rows to learn from.
        """
        kinds = _kinds(data, choice.seed)
        rows: dict[str, Rows] = {}
        for at, folds in enumerate(kinds):
            start, step = 0.1 + 0.8 * at / len(kinds), 0.8 / len(kinds)

            def told(name: str, share: float, start: float = start, step: float = step) -> None:
                tell(name, start + step * share)

            rows[folds.name] = _out_of_fold_rows(data, folds, choice.seed, told)
        trust = _trust(rows["random"].known_share)
        found = {name: candidates(some, trust, choice.prior_share) for name, some in rows.items()}
        by = choice.select_by if choice.select_by in found else "random"
        chosen, reason = choose(found[by], data.small, data.large)
        facts, carried = [row.facts for row in data.rows], data.earlier if chosen.carries_earlier else None
        judged = {
            name: Judged(some, Familiarity.of(facts, data.matrix, some.folds, carried), found[name])
            for name, some in rows.items()
        }
        share = float(np.quantile(judged["random"].familiarity.share, FAMILIAR_QUANTILE))
        return cls(judged, by, chosen, reason, round(min(share, ENOUGH), 4))

    def raw(self, kind: str) -> Floats:
        """Out-of-fold raw scores of the chosen blend; a stack's weights are those of the whole."""
        return self.chosen.raw_of(self.judged[kind].rows)

    def unfamiliar(self, kind: str) -> Mask:
        """(n,) Rows that serving would send to the large model unscored."""
        judged = self.judged[kind]
        trust = self.chosen.blend.trust(judged.rows.known_share)
        return judged.familiarity.unfamiliar(self.familiar_from, trust)

    def out_of_fold(self, data: Data) -> OutOfFold:
        """Row by row, on random folds."""
        raw = self.raw("random")
        return OutOfFold(
            difficulty=cross_fitted(raw, data.gap, self.judged["random"].rows.folds),
            unfamiliar=self.unfamiliar("random"),
            raw=raw,
            small=data.small,
            large=data.large,
            small_cost_usd=np.array([row.small_cost_usd for row in data.rows], dtype=np.float64),
            large_cost_usd=np.array([row.large_cost_usd for row in data.rows], dtype=np.float64),
            length=data.length,
            category=[row.category for row in data.rows],
            source=data.source,
            id=[row.id for row in data.rows],
            query=[excerpt(row.facts.text) for row in data.rows],
        )


def _kinds(data: Data, seed: int) -> list[Folds]:
    categories = [f"{row.source}/{row.category}" for row in data.rows]
    kinds = [
        random_folds(data.group, folds=RANDOM_FOLDS, seed=seed),
        category_folds(categories, data.group, folds=GROUPED_FOLDS),
        source_folds(data.source, data.group),
    ]
    return [
        folds
        for folds in kinds
        if folds is not None
        and (folds.name == "random" or min(len(learned) for learned, _ in folds.splits()) >= LEAST_ROWS // 2)
    ]


def _too_alike(data: Data, folds: Folds, left: int) -> str:
    """Why folds leave next to nothing, where there are rows enough: near-copies are never on both sides."""
    copies, count = len(np.unique(data.group)), len(data.rows)
    of = "one query" if copies == 1 else f"{copies:,} queries"
    return (
        f"the {count:,} rows are near-copies of {of}, which are never learned from and judged by at once, so "
        f"{folds.name} folds leave only {left} to learn from; add rows with other queries"
    )


def _out_of_fold_rows(data: Data, folds: Folds, seed: int, tell: Progress) -> Rows:
    """Channels, known shares and prior of each row by fits that did not learn from it."""
    count = len(data.rows)
    outputs = {name: np.zeros(count) for name in CHANNELS}
    known, earlier = np.zeros(count), np.zeros(count)
    splits = list(folds.splits())
    for at, (learned, judged) in enumerate(splits):
        tell(f"{folds.name} folds", at / len(splits))
        if len(learned) < LEAST_ROWS // 2:
            raise OutcomeError(_too_alike(data, folds, len(learned)))
        fitted = heads.fit(data.matrix.take(learned), data.small[learned], data.large[learned], seed=seed)
        there = data.matrix.take(judged)
        for name, values in fitted.outputs(there).items():
            outputs[name][judged] = values
        known[judged] = fitted.known_share(there)
        if data.earlier is not None:
            fold = Fold(data.matrix, data.small, data.large, learned, judged, seed)
            earlier[judged] = data.earlier.out_of_fold(fold, fitted)
    return Rows(
        outputs=outputs,
        known_share=known,
        free=data.matrix.format == FREE,
        earlier=earlier if data.earlier is not None else None,
        small=data.small,
        large=data.large,
        folds=folds,
    )


def _trust(known_share: Floats) -> tuple[float, float]:
    full = max(float(np.quantile(known_share, TRUSTED_QUANTILE)), _LEAST_TRUSTED)
    return round(full / 2, 4), round(full, 4)
