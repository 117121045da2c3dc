"""Reads outcomes: what a small and a large model each scored on the same query, one JSON object a line.

`{"id", "query" or "messages", "category"?, "small": {"model", "score", "cost_usd"}, "large": {…}}`; scores 0
to 1. Files end in .jsonl or .jsonl.gz and are read as streams. A row that does not fit is counted and named
by file and line, never dropped in silence.
"""

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from classifiers.errors import OutcomeError, RowError
from classifiers.facts import QueryFacts
from classifiers.messages import facts_of_row

MAX_LINE_CHARS = 16 << 20
_LONGEST_LIST = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """One query with both tiers' scores (0 to 1) and costs in USD (None: unknown)."""

    id: str
    facts: QueryFacts
    category: str
    source: str
    small_score: float
    large_score: float
    small_cost_usd: float | None
    large_cost_usd: float | None
    small_model: str
    large_model: str
    line: str
    """The row as it was written, so that a holdout can be handed on unchanged."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be used; lines count from 1."""

    path: Path
    line_number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}, line {self.line_number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Rows in file order, and those that could not be used."""

    rows: list[Outcome]
    bad: list[BadRow]

    def bad_summary(self) -> list[str]:
        """The first bad rows as text, and how many more there are."""
        lines = [str(row) for row in self.bad[:_LONGEST_LIST]]
        more = len(self.bad) - len(lines)
        return [*lines, f"… and {more} more"] if more else lines


def read_outcomes(paths: Sequence[Path], *, strict: bool = False) -> OutcomeRows:
    """All rows of all files.

    Raises:
        OutcomeError: a file cannot be read; or, when strict, a row is bad.
    """
    rows: list[Outcome] = []
    bad: list[BadRow] = []
    for path in paths:
        for row in _rows_of(path):
            if isinstance(row, Outcome):
                rows.append(row)
            elif strict:
                raise OutcomeError(str(row))
            else:
                bad.append(row)
    return OutcomeRows(rows, bad)


def _rows_of(path: Path) -> Iterator[Outcome | BadRow]:
    try:
        with _opened(path) as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_CHARS), ""), start=1):
                if not line.strip():
                    continue
                try:
                    yield _outcome(json.loads(line), line.rstrip("\n"), path, number)
                except (ValueError, RecursionError) as error:
                    yield BadRow(path, number, str(error))
    except (OSError, EOFError) as error:
        raise OutcomeError(f"{path}: cannot be read ({error})") from error


def _opened(path: Path) -> IO[str]:
    if path.name.endswith(".jsonl.gz"):
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogatepass")
    if path.name.endswith(".jsonl"):
        return path.open(encoding="utf-8", errors="surrogatepass")
    raise OutcomeError(f"{path}: outcomes are read from .jsonl and .jsonl.gz")


def _outcome(row: Any, line: str, path: Path, number: int) -> Outcome:
    if not isinstance(row, dict):
        raise RowError("not a JSON object")
    small, large = _tier(row, "small"), _tier(row, "large")
    facts = facts_of_row(row)
    return Outcome(
        id=str(row.get("id", f"{path.name}:{number}")),
        facts=facts,
        category=str(row.get("category") or ""),
        source=path.name.removesuffix(".gz").removesuffix(".jsonl"),
        small_score=_score(small, "small"),
        large_score=_score(large, "large"),
        small_cost_usd=_cost(small, "small"),
        large_cost_usd=_cost(large, "large"),
        small_model=str(small.get("model") or ""),
        large_model=str(large.get("model") or ""),
        line=line,
    )


def _tier(row: dict[str, Any], tier: str) -> dict[str, Any]:
    value = row.get(tier)
    if not isinstance(value, dict):
        raise RowError(f'"{tier}" should be an object with "score"')
    return value


def _score(tier: dict[str, Any], name: str) -> float:
    score = tier.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise RowError(f'"{name}"."score" should be a number from 0 to 1, is {score!r}')
    return float(score)


def _cost(tier: dict[str, Any], name: str) -> float | None:
    cost = tier.get("cost_usd")
    if cost is None:
        return None
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not math.isfinite(cost) or cost < 0:
        raise RowError(f'"{name}"."cost_usd" should be a number of dollars or null, is {cost!r}')
    return float(cost)
