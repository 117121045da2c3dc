"""Texts that others wrote, made harmless to a terminal."""

import re
from typing import Final

_HARMFUL: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f"  # control characters: escape codes begin with one
    r"\u2028\u2029\ud800-\udfff"  # line ends of other kinds, and lone surrogates
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # what turns the direction of the text around it
)


def plain(text: str) -> str:
    """The text with each control character, direction control and lone surrogate replaced by U+FFFD."""
    return _HARMFUL.sub("\ufffd", text)
