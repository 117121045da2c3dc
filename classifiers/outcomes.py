"""Reads outcomes: what a small and a large model each scored on the same query, one JSON object a line.

`{"id", "query" or "messages", "category"?, "small": {"model", "score", "cost_usd"}, "large": {…}}`; scores 0
to 1. Files end in .jsonl or .jsonl.gz and are read as streams. A row that does not fit is counted and named
by file and line, never dropped in silence.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from classifiers.errors import OutcomeError, RowError
from classifiers.facts import QueryFacts
from classifiers.messages import facts_of_row

MAX_LINE_BYTES = 16 << 20
_LONGEST_LIST = 20
_MOST_USD = 1e9


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
    line: bytes
    """The row as it was written, its line break included if it had one, to hand a holdout on unchanged."""


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


def read_left_out(path: Path) -> Iterator[Any]:
    """Each line of a file as JSON, or as bare text where it is none: rows or ids.

    Raises:
        OutcomeError: it cannot be read.
    """
    try:
        with _unpacked(path) as file:
            for line in iter(lambda: _whole_line(file), b""):
                if not line.strip():
                    continue
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError):
                    yield line.strip().decode("utf-8", "replace")
    except (OSError, EOFError, zlib.error) as error:
        raise OutcomeError(f"{path}: the rows to leave out cannot be read ({error})") from error


def _rows_of(path: Path) -> Iterator[Outcome | BadRow]:
    try:
        with _opened(path) as file:
            for number, line in enumerate(iter(lambda: _whole_line(file), b""), start=1):
                if not line.strip():
                    continue
                try:
                    yield _outcome(_parsed(line), line, path, number)
                except (ValueError, RecursionError) as error:
                    yield BadRow(path, number, str(error))
    except (OSError, EOFError, zlib.error) as error:
        raise OutcomeError(f"{path}: cannot be read ({error})") from error


def _opened(path: Path) -> IO[bytes]:
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        return _unpacked(path)
    raise OutcomeError(f"{path}: outcomes are read from .jsonl and .jsonl.gz")


def _unpacked(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _whole_line(file: IO[bytes]) -> bytes:
    """The next line; of one that is too long only so much that it is seen to be, the rest passed over."""
    line = file.readline(MAX_LINE_BYTES + 1)
    rest = line
    while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
        rest = file.readline(MAX_LINE_BYTES + 1)
    return line


def _parsed(line: bytes) -> Any:
    if len(line) > MAX_LINE_BYTES:
        raise RowError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON ({error.msg} at column {error.colno})") from error


def _outcome(row: Any, line: bytes, path: Path, number: int) -> Outcome:
    if not isinstance(row, dict):
        raise RowError("not a JSON object")
    small, large = _tier(row, "small"), _tier(row, "large")
    facts = facts_of_row(row)
    return Outcome(
        id=str(f"{path.name}:{number}" if row.get("id") is None else row["id"]),
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
        raise RowError(f'"{name}"."score" should be a number from 0 to 1, is {_short(score)}')
    return float(score)


def _cost(tier: dict[str, Any], name: str) -> float | None:
    cost = tier.get("cost_usd")
    if cost is None:
        return None
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost < _MOST_USD:
        raise RowError(f'"{name}"."cost_usd" should be a number of dollars or null, is {_short(cost)}')
    return float(cost)


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:80]}…"
