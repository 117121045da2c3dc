"""Columns of a table (CSV, Parquet) → the one shape of an outcome row.

A tier may be a struct, a JSON text, or columns of its own: `small.score` or `small_score`, and so `model` and
`cost_usd`. `messages`, `tools` and `functions` may be lists or JSON texts.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from classifiers.errors import RowError
from classifiers.json_line import parsed

TIERS: Final = ("small", "large")
FIELDS: Final = ("model", "score", "cost_usd")
JSON_TEXTS: Final = ("messages", "tools", "functions")
PLAIN: Final = (
    "id",
    "query",
    "category",
    "difficulty",
    "classifier",
    "weight",
    "judged_by",
    "provenance",
    "drawn",
)
_MARKS: Final = (".", "_")


def flat_names(tier: str, field: str) -> tuple[str, ...]:
    """What a column for one field of a tier may be called."""
    return tuple(f"{tier}{mark}{field}" for mark in _MARKS)


def _flat(fields: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for field in fields for tier in TIERS for name in flat_names(tier, field))


KNOWN: Final = frozenset((*PLAIN, *JSON_TEXTS, *TIERS, *_flat(FIELDS)))
NUMBERS: Final = frozenset(("difficulty", "weight", *_flat(FIELDS[1:])))


def lacking(names: Iterable[str]) -> str:
    """What columns of these names cannot say; "" where an outcome can be made of them."""
    given = set(names)
    if not given & {"query", "messages", "difficulty"}:
        return 'no column is called "query", "messages" or "difficulty"'
    for tier in TIERS:
        if tier not in given and not given & set(flat_names(tier, "score")):
            return f'no column is called "{tier}", "{tier}.score" or "{tier}_score"'
    return ""


def nested(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of one row as an outcome row; None is "not there".

    Raises:
        RowError: a text that should be JSON is not.
    """
    row = {name: columns[name] for name in PLAIN if columns.get(name) is not None}
    for name in JSON_TEXTS:
        if columns.get(name) is not None:
            row[name] = _structured(name, columns[name])
    for tier in TIERS:
        if columns.get(tier) is not None:
            row[tier] = _structured(tier, columns[tier])
        else:
            row[tier] = _of_flat(tier, columns)
    return row


def line_of(row: dict[str, Any]) -> bytes:
    """The row as a JSON line."""
    return json.dumps(row, default=str).encode() + b"\n"


def _structured(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parsed(value)
    except RowError as error:
        raise RowError(f'"{name}" is {error}') from error


def _of_flat(tier: str, columns: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for field in FIELDS:
        values = (columns.get(name) for name in flat_names(tier, field))
        found[field] = next((value for value in values if value is not None), None)
    return found
