"""Labels: who asks and what for, from metadata or headers; bounded, and free of control characters."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from router.errors import InvalidRequest
from router.ledger.entry import Labels

NAMES = ("team", "feature", "user", "session", "experiment", "variant")
MAX_CHARS = 128
MAX_EXTRA = 16
MAX_EXTRA_CHARS = 512
_NONE = Labels()


def read_labels(metadata: Mapping[str, Any] | None, headers: Mapping[str, str], *, strict: bool) -> Labels:
    """Labels from a body's metadata; headers win.

    Args:
        metadata: as it came.
        headers: label name → value, from `x-pennyroute-*`.
        strict: refuse free-form values that are not strings (`/complete`); else they are passed on unread.

    Raises:
        InvalidRequest: too long, too many, not a string, or with control characters.
    """
    if not metadata and not headers:
        return _NONE
    known: dict[str, str] = {}
    extra: dict[str, str] = {}
    for name, value in (metadata or {}).items():
        if name in NAMES:
            if value is not None:
                known[name] = _checked(name, value, MAX_CHARS)
        elif strict:
            extra[_checked_name(name)] = _checked(name, value, MAX_EXTRA_CHARS)
    if len(extra) > MAX_EXTRA:
        raise InvalidRequest(
            f"metadata takes at most {MAX_EXTRA} free-form strings beside {', '.join(NAMES)}; "
            f"there are {len(extra)}",
            param="metadata",
        )
    known |= {name: _checked(name, value, MAX_CHARS) for name, value in headers.items()}
    return Labels(**known, extra=extra)


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= 64 or not _printable(name):
        raise InvalidRequest("a metadata name takes 1 to 64 printable characters", param="metadata")
    return name


def _checked(name: str, value: Any, limit: int) -> str:
    where = f"metadata.{name[:64]}"
    if not isinstance(value, str):
        raise InvalidRequest(f"{where}: expected a string, got {_kind(value)}", param=where)
    if len(value) > limit:
        raise InvalidRequest(f"{where}: takes at most {limit} characters, got {len(value)}", param=where)
    if not _printable(value):
        raise InvalidRequest(f"{where}: control characters are not allowed", param=where)
    return value


def _printable(text: str) -> bool:
    return text.isprintable() or not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text
    )


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null" if value is None else type(value).__name__)
