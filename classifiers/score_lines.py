"""`{"id", "query"}` lines in, `{"id", "difficulty"}` lines out, in the same order, as a stream."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from classifiers.difficulty import Classifier
from classifiers.errors import QueryLineError, RowError
from classifiers.messages import facts_of_row

MAX_LINE_CHARS: Final = 16 << 20


def score_lines(lines: Iterable[str], classifier: Classifier) -> Iterator[str]:
    """One output line, without its newline, for each input line; blank lines are passed over.

    A line may hold `messages` instead of `query`. `id` may be any JSON value and comes back as it was.

    Raises:
        QueryLineError: a line is not such an object; names the line, counted from 1. Lines before it were
        yielded.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _row(line)
            difficulty = classifier.score(facts_of_row(row))
        except (ValueError, RecursionError) as error:
            raise QueryLineError(f"line {number}: {error}") from error
        yield json.dumps({"id": row["id"], "difficulty": difficulty})


def _row(line: str) -> dict[str, Any]:
    if len(line) > MAX_LINE_CHARS:
        raise RowError(f"longer than {MAX_LINE_CHARS} characters")
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON ({error.msg} at column {error.colno})") from error
    if not isinstance(row, dict):
        raise RowError(f'expected an object with "id" and "query", found {type(row).__name__}')
    if "id" not in row:
        raise RowError('"id" is missing')
    return row
