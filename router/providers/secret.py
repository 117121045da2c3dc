"""A key that does not show itself."""

import hmac
from typing import Final

_HIDDEN: Final = "Secret(…)"


class Secret:
    """A secret text whose `repr`, `str` and formatting never show it.

    Deliberately no `str`: what joins, slices or encodes texts cannot take it by mistake.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself; call it only where it goes into a header."""
        return self._value

    def redact(self, text: str) -> str:
        """`text` with every appearance of the secret blotted out."""
        return text.replace(self._value, "…") if self._value else text

    def __repr__(self) -> str:
        return _HIDDEN

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, spec: str) -> str:
        return format(_HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))
