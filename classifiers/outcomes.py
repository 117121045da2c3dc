"""Reads outcomes: what a small and a large model each scored on the same query.

A row is `{"id", "query" or "messages", "category"?, "small": {"model", "score", "cost_usd"}, "large": {…}}`,
scores 0 to 1; and may say `weight` and `judged_by`. Files are JSON lines, CSV (both perhaps packed) or
Parquet, read as streams. A row that does not fit is counted and named by file and line, never dropped in
silence.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from classifiers.errors import OutcomeError, RowError
from classifiers.outcome_files import (
    ENDINGS,
    MAX_LINE_BYTES,
    found_in,
    lines_of,
    source_of,
    unit_of,
)
from classifiers.outcome_row import Outcome, Place, Recorded, outcome_of

__all__ = [
    "ENDINGS",
    "MAX_LINE_BYTES",
    "BadRow",
    "Outcome",
    "OutcomeRows",
    "Recorded",
    "Texts",
    "read_left_out",
    "read_outcomes",
    "stream_outcomes",
    "without_repeats",
]

Texts = Literal["required", "optional"]
"""Whether each row needs a text, or may have the difficulty that a classifier gave it in its place."""

_LONGEST_LIST: Final = 20
_LONGEST_ID: Final = 80
_DECISION: Final = re.compile(r"dec_[0-9a-z]{26}")
_BY_HAND: Final = "hand"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be used; lines (rows of a Parquet file) count from 1."""

    path: Path
    line_number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}, {unit_of(self.path)} {self.line_number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Rows in file order, those that could not be used, and what else a person should know of them."""

    rows: list[Outcome]
    bad: list[BadRow]
    notes: list[str] = field(default_factory=list)

    def bad_summary(self) -> list[str]:
        """The first bad rows as text, and how many more there are."""
        lines = [str(row) for row in self.bad[:_LONGEST_LIST]]
        more = len(self.bad) - len(lines)
        return [*lines, f"… and {more:,} more"] if more else lines


def read_outcomes(paths: Sequence[Path], *, strict: bool = False, texts: Texts = "required") -> OutcomeRows:
    """All rows of all files. Rows that share an id are all kept, and noted.

    Raises:
        OutcomeError: a file cannot be read or holds no rows; or, when strict, a row is bad.
    """
    rows: list[Outcome] = []
    bad: list[BadRow] = []
    for row in stream_outcomes(paths, texts=texts):
        if isinstance(row, Outcome):
            rows.append(row)
        elif strict:
            raise OutcomeError(str(row))
        else:
            bad.append(row)
    return OutcomeRows(rows, bad, _notes(rows))


def stream_outcomes(paths: Sequence[Path], *, texts: Texts = "required") -> Iterator[Outcome | BadRow]:
    """Each row of each file in order, as it is read.

    Raises:
        OutcomeError: a file cannot be read or holds no rows.
    """
    for path in paths:
        source = source_of(path)
        for found in found_in(path):
            if found.fault:
                yield BadRow(path, found.number, found.fault)
                continue
            try:
                outcome = outcome_of(found.row, found.line, Place(path.name, source, found.number))
            except RowError as error:
                yield BadRow(path, found.number, str(error))
                continue
            if outcome.recorded is not None and texts == "required":
                yield BadRow(
                    path,
                    found.number,
                    'has "difficulty" in place of "query" or "messages": of use to tune and evaluate '
                    "the classifier that gave it, but there is nothing to read in it",
                )
            else:
                yield outcome


def without_repeats(rows: Sequence[Outcome]) -> list[Outcome]:
    """The rows without those that stand in them again: a file given twice, or exports that overlap.

    A row is another's if it has the same id, query, judge and scores. One of a decision of the service is
    that decision's whatever it says: scores may have changed from one export to the next, and the one read
    last counts, of hand scores and of all others. A row that is counted twice makes whatever is estimated
    from it look surer than it is.
    """
    kept: dict[tuple[object, ...], Outcome] = {}
    for row in rows:
        kept[_what(row)] = row
    return list(kept.values())


def _what(row: Outcome) -> tuple[object, ...]:
    if _DECISION.fullmatch(row.id):
        return (row.id, row.judged_by == _BY_HAND)
    return (row.id, row.facts, row.recorded, row.judged_by, row.small_score, row.large_score, row.category)


def _notes(rows: Sequence[Outcome]) -> list[str]:
    counts = Counter(row.id for row in rows)
    again = len(rows) - len(counts)
    if not again:
        return []
    first = next(id_ for id_, count in counts.items() if count > 1)
    shown = first if len(first) <= _LONGEST_ID else f"{first[:_LONGEST_ID]}…"
    return [f'{again:,} rows have the id of a row before them (first: "{shown}"); all were read']


def read_left_out(path: Path) -> Iterator[Any]:
    """Each line of a file as JSON, or as bare text where it is none: rows or ids.

    Raises:
        OutcomeError: it cannot be read.
    """
    try:
        for line in lines_of(path):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield line.strip().decode("utf-8", "replace")
    except OutcomeError as error:
        raise OutcomeError(f"the rows to leave out: {error}") from error
