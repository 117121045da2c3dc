"""Recorded traffic in files: outcomes, and bodies of requests as JSON lines."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from classifiers.errors import OutcomeError, RowError
from classifiers.json_line import parsed
from classifiers.outcome_files import (
    LINE_ENDINGS,
    MAX_LINE_BYTES,
    found_in,
    lines_of,
    source_of,
    unit_of,
)
from classifiers.outcome_row import Outcome, Place, outcome_of
from router.decision import Inputs
from router.errors import InvalidRequest
from router.http.json_body import has_lone_surrogate
from router.names import DEFAULT_ROUTE
from router.pricing.errors import PricingError
from router.pricing.money import round_usd
from router.pricing.usage import Usage
from router.providers.usage_wire import read_usage
from router.replay.asked import Asked, KnownDifficulty, Row, Sides, Unreadable

_PASSED_ON: Final = ("tools", "functions", "n", "max_tokens", "max_completion_tokens", "metadata")
_HALF_A_PAIR: Final = "has half a surrogate pair, which is no text"
_USAGE_FIELDS: Final = frozenset(Usage.__dataclass_fields__)
NO_INPUTS: Final = Inputs(
    text_chars=0,
    turns=1,
    system_chars=0,
    history_chars=0,
    images=0,
    needs_tools=False,
    input_tokens=0,
    output_tokens=None,
    output_clamped=False,
    trimmed_turns=0,
    forced=None,
)
"""Of a row with a difficulty in place of its text: 0 tokens means that they are not known."""


def rows_of(paths: Sequence[Path], route: str | None) -> Iterator[Row]:
    """Each row of each file, as it is found and not yet read.

    Args:
        paths: the files.
        route: the one that all go through; `None` leaves it to each row, and to `default` where it says none.

    Raises:
        InvalidRequest: a file cannot be read, or is of no kind that is known.
    """
    for path in paths:
        try:
            empty = True
            for number, line, columns, fault in _found(path):
                empty = False
                place = f"{path.name}, {unit_of(path)} {number}"
                yield Row(path.name, place, number, route, line, columns, fault)
            if empty:
                raise OutcomeError(f"{path}: holds no rows")  # noqa: TRY301 - as the readers of outcomes say it
        except OutcomeError as error:
            raise InvalidRequest(str(error), param="TRAFFIC") from error


def _found(path: Path) -> Iterator[tuple[int, bytes, Any, str]]:
    """Number, line, object and fault of each row; a JSON line is only parsed where it is read."""
    if path.name.lower().endswith(LINE_ENDINGS) and not path.is_dir():
        for number, line in enumerate(lines_of(path), start=1):
            if line.strip():
                yield number, line, None, ""
    else:
        for found in found_in(path):
            yield found.number, b"", found.row, found.fault


def asked_of(row: Row) -> Asked | Unreadable:
    """What a row asks: it is an outcome where it has the scores of two tiers, else the body of a request."""
    if row.fault:
        return Unreadable(row.place, row.fault)
    try:
        return _asked(row, _parsed(row.line) if row.line else row.columns)
    except (RowError, PricingError) as error:
        return Unreadable(row.place, str(error))
    except UnicodeEncodeError:
        return Unreadable(row.place, _HALF_A_PAIR)


def _parsed(line: bytes) -> Any:
    if len(line) > MAX_LINE_BYTES:
        raise RowError(f"longer than {MAX_LINE_BYTES} bytes")
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = parsed(line)  # slower, and says where it is no JSON, or reads what msgspec does not
    if has_lone_surrogate(found):
        raise RowError(_HALF_A_PAIR)
    return found


def _asked(row: Row, found: Any) -> Asked:
    if not isinstance(found, dict):
        raise RowError("not a JSON object")
    outcome = None
    if "small" in found:
        outcome = outcome_of(found, b"", Place(row.file, source_of(Path(row.file)), row.number))
    by_difficulty = outcome is not None and outcome.recorded is not None
    usage = _usage(found.get("usage"))
    return Asked(
        id=str(f"{row.file}:{row.number}" if found.get("id") is None else found["id"]),
        place=row.place,
        route=row.route or _route(found),
        body=None if by_difficulty else _body(found),
        inputs=_inputs(usage) if by_difficulty else None,
        known=_known(outcome),
        usage=usage,
        sides=_sides(outcome) if outcome else None,
    )


def _route(row: Mapping[str, Any]) -> str:
    """What it names; what an outcome calls its models is no such name."""
    named = row.get("route", row.get("model"))
    if named is None:
        return DEFAULT_ROUTE
    if not isinstance(named, str) or not named:
        raise RowError(f'"route" should be the name of a route, is {named!r:.80}')
    return named


def _body(row: Mapping[str, Any]) -> bytes:
    """The chat body that the service would have read, of the fields that decide or price."""
    query, messages = row.get("query"), row.get("messages")
    if isinstance(query, str) and messages is None:
        messages = [{"role": "user", "content": query}]
    elif not isinstance(messages, list) or query is not None:
        raise RowError('needs either "query" (a text) or "messages" (a list)')
    body = {name: row[name] for name in _PASSED_ON if row.get(name) is not None}
    if row.get("max_output_tokens") is not None:
        body["max_completion_tokens"] = row["max_output_tokens"]
    if row.get("tier") is not None:
        body["metadata"] = {**_mapping(body.get("metadata")), "tier": row["tier"]}
    return msgspec.json.encode({"model": "", "messages": messages, **body})


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _known(outcome: Outcome | None) -> KnownDifficulty | None:
    """It is the effective one: 1 stands for a query that was unfamiliar."""
    if outcome is None or outcome.recorded is None:
        return None
    recorded = outcome.recorded
    return KnownDifficulty(recorded.difficulty, recorded.classifier, familiar=recorded.difficulty < 1.0)


def _inputs(usage: Usage | None) -> Inputs:
    return NO_INPUTS if usage is None else replace(NO_INPUTS, input_tokens=usage.input_tokens)


def _sides(outcome: Outcome) -> Sides:
    return Sides(
        outcome.small_score,
        outcome.large_score,
        _nano(outcome.small_cost_usd),
        _nano(outcome.large_cost_usd),
    )


def _nano(cost_usd: float | None) -> int | None:
    """A recorded cost in nano-dollars, rounded half up as the ledger rounds what a provider states."""
    return None if cost_usd is None else round_usd(Decimal(repr(cost_usd)))


def _usage(stated: Any) -> Usage | None:
    """Tokens as we name them (`input_tokens` …) or as OpenAI does (`prompt_tokens` …).

    Raises:
        RowError: it is there and cannot be read.
        UsageError: counts that cannot be true.
    """
    if stated is None:
        return None
    if isinstance(stated, dict) and "input_tokens" in stated:
        known = {name: count for name, count in stated.items() if name in _USAGE_FIELDS}
        return Usage(**{"output_tokens": 0, **known})
    usage = read_usage(msgspec.json.encode(stated)) if isinstance(stated, dict) else None
    if usage is None:
        raise RowError('"usage" should state "input_tokens" and "output_tokens" (or OpenAI\'s names of them)')
    return usage
