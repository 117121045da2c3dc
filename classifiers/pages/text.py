"""Texts that others wrote, made harmless to a page: nothing in them is markup or invisible."""

import html
import re
from typing import Final

_VISIBLE: Final = {"\n": "⏎", "\r": "⏎", "\t": "⇥"}
_SPACING: Final = re.compile(r"\r\n|[\n\r\t]")
_HARMFUL: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters but for tab and line ends
    r"\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"  # line ends of other kinds, lone surrogates, no characters
    r"\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069]"  # what is not seen, or turns the text around it
)


def shown(text: str) -> str:
    """The text as HTML: markup escaped, tabs and line ends as signs, what cannot be seen as U+FFFD."""
    escaped = html.escape(_HARMFUL.sub("\ufffd", text))
    return _SPACING.sub(lambda match: f"<b>{_VISIBLE[match[0][-1]]}</b> ", escaped)
