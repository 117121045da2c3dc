"""Answers that must meet a JSON Schema. The one file that imports jsonschema."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry

from router.audit.judge import Judge, Pair, Unjudged, check_length
from router.audit.missing import Missing
from router.audit.pattern import PATIENCE_S, compiled, found
from router.audit.references import REFERENCES, Lookup, check_ends, lookup_in
from router.outcomes.record import Scores

DEEPEST_ANSWER: Final = 64
"""Arrays and objects within each other; more would overflow the stack with some schemas."""

_NAMED: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names that people choose, each with a schema."""

_ends_s: ContextVar[float] = ContextVar("ends_s")
"""Seconds of this thread's processor time by when one answer must have been checked.

Processor time, so that what other audits do meanwhile costs an answer nothing of its own.
"""

_VALUES: Final = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose content is data, not a schema."""

_AT_THE_TOP: Final = frozenset({"$schema", "$id"})
"""Keywords that change what everything below them means."""

_Check = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]
"""What checks a keyword: the validator, the keyword's content, the value and the schema around it."""


class SchemaJudge(Judge):
    """1 for an answer that is JSON, white space around it apart, and meets the schema, else 0."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = validator_of(schema)
        self._turn = asyncio.Lock()

    async def scores(self, pair: Pair) -> Scores:
        """See `Judge`."""
        check_length(pair)
        try:
            async with self._turn:  # threads that all compute would keep the answers of callers waiting
                return await asyncio.to_thread(self._both, pair)
        except TimeoutError:
            raise Unjudged(Missing.JUDGE_TIMEOUT) from None
        except RecursionError:
            raise Unjudged(Missing.TOO_DEEP) from None

    def _both(self, pair: Pair) -> Scores:
        small, large = (float(meets(self._validator, text)) for text in (pair.small, pair.large))
        return Scores(small=small, large=large)


def validator_of(schema: Mapping[str, Any]) -> Validator:
    """What checks answers against a schema, of the draft that it names, 2020-12 by default.

    Nothing is ever fetched, and whatever the answer, checking ends: each keyword looks at the clock, patterns
    are matched against it, and equal items are found by their text.

    Raises:
        ValueError: it is no schema, or has something in it that is not taken here; says where.
    """
    try:
        return _made(json.loads(json.dumps(dict(schema))))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _made(schema: dict[str, Any]) -> Validator:
    kind = _draft_of(schema)
    _check_schema(kind, schema)
    # Wherever jsonschema comes upon a $schema again, it takes that draft's own checks in place of ours.
    schema.pop("$schema", None)
    _check_keywords(kind, schema)
    checks: dict[str, _Check] = {**kind.VALIDATORS, "pattern": _pattern, "uniqueItems": _unique_items}
    extended: Any = extend
    bounded = extended(kind, {keyword: _timed(check) for keyword, check in checks.items()})
    made: Validator = bounded(schema, registry=Registry())
    return made


def _draft_of(schema: dict[str, Any]) -> Any:
    name = schema.get("$schema")
    if name is None:
        return Draft202012Validator
    by_name: Any = validator_for
    kind = by_name({"$schema": name}, default=None) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"$schema {str(name)[:100]!r} names no draft that is known here")
    return kind


def meets(validator: Validator, text: str) -> bool:
    """Whether a text is JSON that meets the schema.

    Raises:
        TimeoutError: it took over half a second of the processor's time.
        RecursionError: it is nested over 64 deep, or too deeply for the schema.
    """
    depth = _depth(text)
    if depth is None:
        return False
    if depth > DEEPEST_ANSWER:
        raise RecursionError
    _ends_s.set(time.thread_time() + PATIENCE_S)
    try:
        return validator.is_valid(json.loads(text, parse_constant=_no_constant))
    except (ValueError, OverflowError):  # no JSON, or numbers nothing can work with
        return False


def _depth(text: str) -> int | None:
    """How many arrays and objects stand within each other; `None` where they do not close: no JSON."""
    deepest = depth = 0
    quoted = escaped = False
    for mark in text:
        if quoted:
            quoted = escaped or mark != '"'
            escaped = mark == "\\" and not escaped
        elif mark == '"':
            quoted = True
        elif mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest if depth == 0 and not quoted else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _first_line(error: SchemaError) -> str:
    return str(error.message).partition("\n")[0][:200]


def _check_schema(kind: Any, schema: Any) -> None:
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        raise ValueError(f"{place}: {_first_line(error)}" if place else _first_line(error)) from None


def _check_keywords(kind: Any, root: dict[str, Any]) -> None:
    """Checks every schema there is, those included that only a reference finds."""
    lookup = lookup_in(root, kind.ID_OF(kind.META_SCHEMA))
    below = _AT_THE_TOP | ({"id"} if "id" in kind.META_SCHEMA else frozenset())
    waiting: list[Any] = [root]
    seen: dict[int, Any] = {}
    while waiting:
        for schema in _schemas(waiting.pop()):
            if id(schema) in seen:
                continue
            seen[id(schema)] = schema
            for keyword, value in schema.items():
                if keyword in below and schema is not root and isinstance(value, str):
                    raise ValueError(f"{keyword} is taken at the top only; $defs and $anchor need none")
                waiting += _check_keyword(keyword, value, kind, lookup)
    check_ends(list(seen.values()), lookup)


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and those in it."""
    if isinstance(schema, list):
        for each in schema:
            yield from _schemas(each)
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword, value in schema.items():
        if keyword in _NAMED and isinstance(value, dict):
            yield from _schemas(list(value.values()))
        elif keyword not in _VALUES:
            yield from _schemas(value)


def _check_keyword(keyword: str, value: Any, kind: Any, lookup: Lookup) -> list[Any]:
    """Checks one keyword; answers the schema it refers to, if it does."""
    if keyword == "patternProperties":
        raise ValueError("patternProperties is not taken here; propertyNames with a pattern is")
    if keyword == "pattern":
        compiled(value)
    if keyword not in REFERENCES or not isinstance(value, str):
        return []
    there = lookup(value)
    _check_schema(kind, there)
    return [there]


def _timed(check: _Check) -> _Check:
    """The same check, which first looks at the clock: one reference to itself can ask 2^depth questions."""

    def timed(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError] | None:
        if time.thread_time() > _ends_s.get():
            raise TimeoutError
        return check(validator, value, instance, schema)

    return timed


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not found(
        compiled(pattern), instance, _ends_s.get() - time.thread_time()
    ):
        yield ValidationError("does not match")


def _unique_items(_: Any, wanted: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list) and len({_canonical(item) for item in instance}) < len(instance):
        yield ValidationError("has equal items")


def _canonical(value: Any) -> str:
    """The same text for what JSON Schema takes for equal: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_whole(value), sort_keys=True)


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value
