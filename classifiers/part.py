"""The part of a text that is read: bounded, lower-cased, written plainly, as bytes.

Of a text longer than `READ_CHARS` only its first and its last `READ_CHARS // 2` characters are read, so that
the cost of a score does not grow with the text; how much longer the whole is still counts.
"""

import re
import unicodedata
from typing import Final, NamedTuple

READ_CHARS: Final = 8192
_LOOKED_AT: Final = 2 * READ_CHARS
"""Characters looked at, half at each end: more than are read, because wide white space shrinks."""
_NORMAL_CHARS: Final = 32
"""Compatibility forms are made plain in pieces of this size: the time it takes grows with the square of a run
of combining marks."""
_QUOTES, _DASHES, _STOPS = (
    "\u2018\u2019\u201a\u201b",
    "\u2010\u2011\u2012\u2013\u2014\u2015",
    "\u3001\u3002\u00b7",
)
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d"
_OPENING_MARKS, _BREAKS = "\u00a1\u00bf\u2022\u2026", "\u0085\u1680\u2028\u2029"
_UNSEEN = "\u00ad\u180e\u200b\u200c\u200d\u2060\ufe0e\ufe0f\ufeff"
_TYPED: Final = {
    ord(sign): plain
    for signs, plain in (
        (_QUOTES, "'"),
        (_DOUBLE_QUOTES, '"'),
        (_DASHES, "-"),
        (_STOPS, "."),
        (_OPENING_MARKS + _BREAKS, " "),
        (_UNSEEN, ""),
    )
    for sign in signs
}
"""What typographic signs are read as; those that nobody sees are not read."""
_PICTURES: Final = re.compile("[\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff]+")
"""Emoji, arrows, boxes and dingbats: no words, read as white space."""


class Part(NamedTuple):
    """The part of a text that is read, as lower-cased UTF-8; the whole is `times` as long."""

    data: bytes
    times: float = 1.0


def part_of(text: str) -> Part:
    """The part that is read.

    White space of a text that has to be cut is made single spaces: how wide it is cannot move the cut.
    Compatibility forms (full-width letters, ligatures) and typographic signs (curly quotes, dashes) are made
    plain, so that they part words as the typed ones do; apostrophes go: "don't" and "dont" are one word.
    """
    times, half = 1.0, READ_CHARS // 2
    if len(text) > _LOOKED_AT:
        text, times = _ends(text)
    text = text.lower() if text.isascii() else _plain_forms(text).casefold()
    if len(text) > READ_CHARS:
        text = " ".join(text.split())
        if len(text) > READ_CHARS:
            times *= len(text) / READ_CHARS
            text = f"{text[:half]} {text[-half:]}"
    return Part(text.encode("utf-8", "surrogatepass").replace(b"'", b""), times)


def _ends(text: str) -> tuple[str, float]:
    """Both ends of a long text, and how many times as long it is; wide white space is narrowed first."""
    both = f"{text[:READ_CHARS]}{text[-READ_CHARS:]}"
    if 2 * len("".join(both.split())) < len(both):
        text = " ".join(text.split())
    if len(text) <= _LOOKED_AT:
        return text, 1.0
    return f"{text[:READ_CHARS]} {text[-READ_CHARS:]}", len(text) / _LOOKED_AT


def _plain_forms(text: str) -> str:
    """The NFKC form, in bounded pieces, without pictures.

    One character may become eighteen: of what grows longer than can be read only both ends are made plain.
    """
    pieces = _normal(text, range(0, len(text), _NORMAL_CHARS), _LOOKED_AT)
    if len(pieces) * _NORMAL_CHARS < len(text):
        last = _normal(text, range(len(text) - _NORMAL_CHARS, 0, -_NORMAL_CHARS), READ_CHARS)
        pieces += [" ", *reversed(last)]
    return _PICTURES.sub(" ", "".join(pieces).translate(_TYPED))


def _normal(text: str, starts: range, enough: int) -> list[str]:
    """NFKC of the pieces that begin there, until they are long enough."""
    pieces, length = [], 0
    for at in starts:
        pieces.append(unicodedata.normalize("NFKC", text[at : at + _NORMAL_CHARS]))
        length += len(pieces[-1])
        if length >= enough:
            break
    return pieces
