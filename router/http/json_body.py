"""Reading JSON: strict, bounded, and with errors that say what was wrong and where."""

import difflib
import json
import re
from typing import Any, Final, TypeVar

import msgspec

from router.errors import InvalidRequest

T = TypeVar("T")
_SHOWN_CHARS: Final = 100
_AT = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_UNKNOWN_FIELD = re.compile(r"Object contains unknown field `(?P<name>.*?)`", re.DOTALL)
_TYPES = {"str": "a string", "int": "a whole number", "float": "a number", "bool": "true or false"}
_TYPES |= {"array": "a list", "object": "an object", "null": "null"}


def read_json(raw: bytes, decoder: "msgspec.json.Decoder[T]", fields: tuple[str, ...] = ()) -> T:
    """Decodes a body.

    Args:
        raw: the bytes.
        decoder: for the type wanted.
        fields: names the body takes, for suggestions.

    Raises:
        InvalidRequest: empty, not JSON, not Unicode, or of another shape; says where.
    """
    if not raw.strip():
        raise InvalidRequest("the body is empty; a JSON object is expected")
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise _wrong_shape(str(error), fields) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise not_json(raw, error) from error


def not_json(raw: bytes, error: Exception) -> InvalidRequest:
    """What to tell of a body that a decoder could not read at all: why, and where."""
    return InvalidRequest(_why_not_json(raw, error))


def _wrong_shape(message: str, fields: tuple[str, ...]) -> InvalidRequest:
    where = _AT.search(message)
    path = where["path"].lstrip(".") if where else ""
    what = _AT.sub("", message)
    unknown = _UNKNOWN_FIELD.search(what)
    if unknown:
        name = unknown["name"][:_SHOWN_CHARS]
        near = difflib.get_close_matches(name, fields, 1, 0.6)
        hint = f'; did you mean "{near[0]}"?' if near else f"; it takes: {', '.join(fields)}"
        return InvalidRequest(f"unknown field {name!r}{hint}", param=name)
    words = re.sub(r"`([^`]*)`", lambda match: _plain(match[1]), what)
    return InvalidRequest(f"{path or 'the body'}: {words[0].lower()}{words[1:]}", param=path or None)


def _plain(types: str) -> str:
    return " or ".join(_TYPES.get(name.strip(), name.strip()) for name in types.split("|"))


def _why_not_json(raw: bytes, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    try:
        text = raw.decode("utf-8")
        found = json.loads(
            text, parse_int=float
        )  # of a whole number with thousands of digits int() would fail
        lone = has_lone_surrogate(found)
    except UnicodeDecodeError as bad:
        return f"the body is not UTF-8: byte {bad.start} is {raw[bad.start]:#04x}"
    except json.JSONDecodeError as bad:
        return f"the body is not JSON: {bad.msg} at line {bad.lineno} column {bad.colno}"
    except RecursionError:
        return "the JSON is nested too deeply"
    except ValueError as bad:
        error, lone = bad, False
    if lone:
        return "the body has a lone surrogate (half of a \\ud800-\\udfff pair), which is not Unicode text"
    return f"the body is not JSON this service reads: {error}"


def has_lone_surrogate(value: Any) -> bool:
    """Whether any string in a decoded JSON value is not valid Unicode."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
