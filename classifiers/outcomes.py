"""Reads outcomes: what a small and a large model each scored on the same query, one JSON object a line.

`{"id", "query" or "messages", "category"?, "small": {"model", "score", "cost_usd"}, "large": {…}}`; scores 0–1.
Files end in .jsonl or .jsonl.gz and are read as streams. A row that does not fit is counted and named by file and
line, never dropped in silence.
"""

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from classifiers.errors import OutcomeError
from classifiers.facts import QueryFacts

MAX_LINE_CHARS = 16 << 20
_LONGEST_LIST = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """One query with both tiers' scores (0–1) and costs in USD (None: unknown)."""

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


def facts_of_messages(messages: Sequence[Any]) -> QueryFacts:
    """What serving would know of a chat: the last user turn as text, the rest as lengths and counts.

    Raises:
        ValueError: not a list of messages with a role, or no user turn.
    """
    last = max((at for at, m in enumerate(messages) if isinstance(m, dict) and m.get("role") == "user"), default=-1)
    if last < 0:
        raise ValueError('"messages" has no message whose "role" is "user"')
    system, history = 0, 0
    for at, message in enumerate(messages):
        if not isinstance(message, dict):
            raise ValueError(f'"messages"[{at}] is not an object')
        length = len(_text_of(message.get("content")))
        if message.get("role") in ("system", "developer"):
            system += length
        elif at < last:
            history += length
    content = messages[last].get("content")
    images = sum(_is_image(part) for part in content) if isinstance(content, list) else 0
    return QueryFacts(_text_of(content), len(messages), system, history, images=images)


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def _is_image(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("image_url", "input_image", "image")


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
        raise ValueError("not a JSON object")
    small, large = _tier(row, "small"), _tier(row, "large")
    tools = row.get("tools")
    facts = _facts(row)
    if tools:
        facts = QueryFacts(facts.text, facts.turns, facts.system_chars, facts.history_chars, True, facts.images)
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


def _facts(row: dict[str, Any]) -> QueryFacts:
    query, messages = row.get("query"), row.get("messages")
    if isinstance(query, str) and messages is None:
        return QueryFacts(query)
    if isinstance(messages, list) and query is None:
        return facts_of_messages(messages)
    raise ValueError('needs either "query" (a text) or "messages" (a list)')


def _tier(row: dict[str, Any], tier: str) -> dict[str, Any]:
    value = row.get(tier)
    if not isinstance(value, dict):
        raise ValueError(f'"{tier}" should be an object with "score"')
    return value


def _score(tier: dict[str, Any], name: str) -> float:
    score = tier.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise ValueError(f'"{name}"."score" should be a number from 0 to 1, is {score!r}')
    return float(score)


def _cost(tier: dict[str, Any], name: str) -> float | None:
    cost = tier.get("cost_usd")
    if cost is None:
        return None
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not math.isfinite(cost) or cost < 0:
        raise ValueError(f'"{name}"."cost_usd" should be a number of dollars or null, is {cost!r}')
    return float(cost)
