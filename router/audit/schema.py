"""Answers that must meet a JSON Schema. The one file that imports jsonschema."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend, validator_for
from referencing import Registry, Resource
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from router.audit.judge import Judge, Pair, Unjudged, check_length
from router.audit.missing import Missing
from router.audit.pattern import PATIENCE_S, compiled, found
from router.outcomes.record import Scores

_NAMED: Final = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose keys are names that people choose, each with a schema."""

_ends_s: ContextVar[float] = ContextVar("ends_s")
"""Monotonic seconds of when all patterns of a schema together must have been matched against one answer."""

_VALUES: Final = frozenset({"enum", "const", "default", "examples"})
"""Keywords whose content is data, not a schema."""


class SchemaJudge(Judge):
    """1 for an answer that is JSON, white space around it apart, and meets the schema, else 0."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._validator = validator_of(schema)

    async def scores(self, pair: Pair) -> Scores:
        """See `Judge`."""
        check_length(pair)
        try:
            return await asyncio.to_thread(self._both, pair)
        except TimeoutError:
            raise Unjudged(Missing.JUDGE_TIMEOUT) from None

    def _both(self, pair: Pair) -> Scores:
        small, large = (float(meets(self._validator, text)) for text in (pair.small, pair.large))
        return Scores(small=small, large=large)


def validator_of(schema: Mapping[str, Any]) -> Validator:
    """What checks answers against a schema, of the draft that it names, 2020-12 by default.

    Nothing is ever fetched, and whatever the answer, checking ends: patterns are matched against the clock,
    and equal items are found by their text.

    Raises:
        ValueError: it is no schema, or has something in it that is not taken here; says where.
    """
    plain = json.loads(json.dumps(dict(schema)))
    kind = validator_for(plain, default=Draft202012Validator)
    try:
        kind.check_schema(plain)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        raise ValueError(f"{place}: {_first_line(error)}" if place else _first_line(error)) from None
    for keyword, value in _keywords(plain):
        _check_keyword(keyword, value, plain)
    extended: Any = extend
    bounded = extended(kind, {"pattern": _pattern, "uniqueItems": _unique_items})
    made: Validator = bounded(plain, registry=Registry())
    return made


def meets(validator: Validator, text: str) -> bool:
    """Whether a text is JSON that meets the schema.

    Raises:
        TimeoutError: its patterns took over half a second, all together.
    """
    _ends_s.set(time.monotonic() + PATIENCE_S)
    try:
        return validator.is_valid(json.loads(text, parse_constant=_no_constant))
    except (ValueError, OverflowError, RecursionError):  # no JSON, or numbers or depths nothing can work with
        return False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _first_line(error: SchemaError) -> str:
    return str(error.message).partition("\n")[0][:200]


def _keywords(schema: Any) -> Iterator[tuple[str, Any]]:
    """Every keyword of a schema and of those in it."""
    if isinstance(schema, list):
        for each in schema:
            yield from _keywords(each)
    if not isinstance(schema, dict):
        return
    for keyword, value in schema.items():
        yield keyword, value
        if keyword in _NAMED and isinstance(value, dict):
            yield from _keywords(list(value.values()))
        elif keyword not in _VALUES:
            yield from _keywords(value)


def _check_keyword(keyword: str, value: Any, schema: Any) -> None:
    if keyword == "patternProperties":
        raise ValueError("patternProperties is not taken here; propertyNames with a pattern is")
    if keyword == "pattern":
        compiled(value)
    if keyword in {"$ref", "$dynamicRef"} and isinstance(value, str):
        _check_reference(value, schema)


def _check_reference(target: str, schema: Any) -> None:
    if not target.startswith("#"):
        raise ValueError(f"$ref {target[:100]!r} leads out of the schema; nothing is fetched here")
    here = Resource.from_contents(schema, default_specification=DRAFT202012)
    try:
        Registry().with_resource("", here).resolver().lookup(target)
    except Unresolvable:
        raise ValueError(f"$ref {target[:100]!r} leads nowhere") from None


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not found(compiled(pattern), instance, _ends_s.get() - time.monotonic()):
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
