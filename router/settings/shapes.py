"""What pydantic found wrong, in the words of a person who edits the file."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from router.settings.audit import TAGS
from router.settings.document import Path
from router.settings.finding import Finding
from router.settings.problems import did_you_mean, shown
from router.settings.sections import fields_of

_OTHER_WORDS: Final[Mapping[str, str]] = {
    "apikey": "api_key",
    "concurrency": "max_concurrency",
    "context": "context_window",
    "endpoint": "base_url",
    "fallback": "fallbacks",
    "key": "api_key",
    "max_attempts": "attempts",
    "max_tokens": "max_output_tokens",
    "redis_url": "url",
    "retries": "attempts",
    "strong": "large",
    "timeout": "timeouts",
    "url": "base_url",
    "weak": "small",
}
"""What other gateways call our fields."""

_EXAMPLES: Final[Mapping[str, str]] = {
    "models": "write models: {tiny: {provider: openai, model: …}}",
    "routes": "write routes: {default: {small: tiny, large: big}}",
}

_NO_PARTS: Final = frozenset({"[key]", *TAGS})


Words = tuple[str, str | None]
"""What is wrong, and what would be right."""

Say = Callable[[Mapping[str, Any], Any], Words]
"""(bounds of the field, what was given) → words."""


def findings(error: ValidationError) -> Iterator[Finding]:
    """One finding for each thing pydantic refused. Values are never repeated: any could be a key."""
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part not in _NO_PARTS)
        yield _finding(detail, path)


def _finding(detail: ErrorDetails, path: Path) -> Finding:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "wrong":
        return Finding(path, context["message"], context["suggestion"])
    if kind == "extra_forbidden":
        return _unknown_field(path)
    if kind == "missing":
        return Finding(path, "is missing", _EXAMPLES.get(str(path[-1])))
    if detail["input"] is None:
        return Finding(path, "is empty", "give it a value or leave the field out")
    say: Say = _WORDS.get(kind, _fixed(detail["msg"][:1].lower() + detail["msg"][1:]))
    return Finding(path, *say(context, detail["input"]))


def _unknown_field(path: Path) -> Finding:
    name = str(path[-1])
    known = fields_of(path[:-1])
    meant = _OTHER_WORDS.get(name.lower())
    hint = f'did you mean "{meant}"?' if meant in known else did_you_mean(name, known)
    return Finding(path, f"unknown field {shown(name)}", hint)


def _name(_: Mapping[str, Any], given: object) -> Words:
    hint = "use letters, digits and - _ . : / @, at most 100, beginning with a letter or digit"
    return f"{shown(str(given))} cannot be a name", hint


def _number(_: Mapping[str, Any], given: object) -> Words:
    if isinstance(given, str):
        return "must be a number, not text", "write it without quotes"
    return "must be a number", None


def _whole(_: Mapping[str, Any], given: object) -> Words:
    if isinstance(given, str):
        return "must be a whole number, not text", "write it without quotes or units"
    return "must be a whole number", None


def _one_of(context: Mapping[str, Any], given: object) -> Words:
    allowed = context["expected"].replace("'", "")
    known = allowed.replace(" or ", ", ").split(", ")
    hint = did_you_mean(given, known) if isinstance(given, str) else None
    return f"must be {allowed}", hint if hint and hint.startswith("did") else None


def _fixed(message: str, suggestion: str | None = None) -> Say:
    return lambda _, __: (message, suggestion)


def _bound(form: str, key: str) -> Say:
    return lambda context, _: (form.format(f"{context[key]:g}"), None)


_MAPPING = _fixed("must be a mapping", "write fields below it, indented, or {field: value}")
_LIST = _fixed("must be a list", "write [a, b]")

_WORDS: Final[Mapping[str, Say]] = {
    "string_pattern_mismatch": _name,
    "string_type": _fixed("must be text", "put it in quotes"),
    "bool_type": _fixed("must be true or false"),
    "int_type": _whole,
    "int_from_float": _whole,
    "float_type": _number,
    "finite_number": _fixed("must be a finite number"),
    "literal_error": _one_of,
    "enum": _one_of,
    "mapping_type": _MAPPING,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "path_type": _fixed("must be the path of a directory"),
    "greater_than": _bound("must be above {}", "gt"),
    "greater_than_equal": _bound("must be at least {}", "ge"),
    "less_than": _bound("must be below {}", "lt"),
    "less_than_equal": _bound("must be at most {}", "le"),
    "string_too_short": _fixed("is empty", "give it a value or leave the field out"),
    "string_too_long": _bound("is too long; at most {} characters", "max_length"),
    "too_short": _fixed("is empty", "at least one is needed"),
    "too_long": _bound("has too many entries; at most {}", "max_length"),
}
