"""Letters and marks at random behind a query, and what looks like them but is what the query is about."""

import re
from typing import Final

from classifiers.lexicon import PLAIN, REFERRING
from classifiers.words import ANSWER, ASKED, MARKS, between

ERRAND_WORDS: Final = 8
"""Behind a plain errand, named in so many first words, stands what it is about: nothing is left out."""

_QUOTING: Final = (b":", b'"', b"`", b"(", b"=", b"$")
_MOST_QUOTING: Final = 3
_ORDINARY: Final = frozenset(b" \t\n\r,.;:!?()-/'\"")
"""Marks that stand between the words of a text."""
_SHORT: Final = 2
_MOST_WORDS: Final = 400
_MOST_BYTES: Final = 4_096
_MOST_BEYOND: Final = 80
"""More words at the end, bytes of them, or letters beyond ASCII are a text of its own, and that is read."""
_MOST_SPOKEN: Final = 8
_NEAR: Final = 6
"""So many words before are looked at for one that refers to what stands behind them."""

_TIMES: Final = 3
_LEAST_NUMBERS: Final = 2
_VOWELS: Final = (b"a", b"e", b"i", b"o", b"u", b"y")
_LEAST_VOWELS: Final = 0.3
"""Of letters at random 23 % are vowels; in words of any language that is written in them more are."""
BLOB: Final = 24
"""A word of so many bytes is none: hexadecimal digits, base64, a sequence, a script without spaces."""

_FENCE: Final = b"```"
_SPEAKING: Final = (b"://", b"$\\", b"\\frac", b"\\sqrt", b"\\begin", b"(?")
"""Of addresses, TeX and expressions."""
_RARE: Final = frozenset(b"~@#^&%$\\|?!`*=")
_NOT_RARE: Final = bytes(byte for byte in range(256) if byte not in _RARE)
_TOKEN: Final = re.compile(rb"\S+")
_LINE_BYTES: Final = 2_048
_GATE_BYTES: Final = 40
_TOKEN_BYTES: Final = 8
_WORD_BYTES: Final = 4
_RARE_IN_A_TOKEN: Final = 2
_RARE_IN_ALL: Final = 5
"""Line noise has tokens of so many bytes and more with so many kinds of rare marks, and so many in all."""
_ROW: Final = 8
_ROW_KINDS: Final = 2
"""So many marks of no more kinds at the end are a rule or emphasis."""
_LEAST_TOKENS: Final = 2
"""One token with letters may be an expression, TeX or a command; marks alone are none."""


def without_line_noise(data: bytes) -> bytes:
    """Without tokens at the end that are marks, or marks and letters, at random.

    Code in a fence, addresses, one expression alone, and what stands behind a colon or a quotation mark stay.
    """
    if len(data[-_GATE_BYTES:].translate(None, _NOT_RARE)) < _RARE_IN_A_TOKEN or _FENCE in data:
        return data
    left = data.rstrip(MARKS)
    if len(data) - len(left) >= _ROW and len(set(data[len(left) :].split()[-1])) <= _ROW_KINDS:
        return left
    start, kinds, tokens, from_byte = len(data), set[int](), 0, max(len(data) - _LINE_BYTES, 0)
    found = list(_TOKEN.finditer(data, from_byte))
    if from_byte and found[0].start() == from_byte:
        del found[0]  # the end of a longer one
    plain = False
    for token in reversed(found):
        rare = _RARE.intersection(token[0])
        if len(token[0]) >= _TOKEN_BYTES and len(rare) >= _RARE_IN_A_TOKEN:
            start, kinds = token.start(), kinds | rare
            tokens += 1 if any(map(_is_letter, token[0])) else _LEAST_TOKENS
        elif len(token[0]) >= _WORD_BYTES and token[0].isalnum():
            if plain:
                break
            plain = True
            continue
        plain = False
    noisy = (
        tokens >= _LEAST_TOKENS
        and len(kinds) >= _RARE_IN_ALL
        and not any(mark in data[start:] for mark in _SPEAKING)
    )
    before = data[:start].rstrip()
    return before if noisy and (not before.endswith(_QUOTING) or before.endswith(ASKED)) else data


def _is_letter(byte: int) -> bool:
    return byte >= 0x80 or 0x61 <= byte <= 0x7A


def refers(words: list[bytes]) -> bool:
    """Whether words end with one about what stands behind them."""
    return not REFERRING.isdisjoint(words[-_NEAR:])


def is_quoted(data: bytes, words: list[bytes], last: int) -> bool:
    """Whether the last words stand behind a colon or a quotation mark, or behind an errand."""
    if not PLAIN.isdisjoint(words[:ERRAND_WORDS]):
        return True
    place = len(between(data, words, 0, last))
    before = words[-last - 1]
    marks = data[data.rindex(before, 0, place) + len(before) : place].strip()
    return before != ANSWER and len(marks) <= _MOST_QUOTING and marks.endswith(_QUOTING)


def is_content(words: list[bytes], last: int) -> bool:
    """Whether the last words, which nobody knows, are too many for noise, or may be what the others speak of.

    All may be where the last words before refer to something; else words that could be spoken, and letters
    beyond ASCII, where they are many beside what stands before.
    """
    before, behind = words[:-last], words[-last:]
    size = sum(map(len, behind))
    if last > _MOST_WORDS or size > _MOST_BYTES or sum(map(bytes.isdigit, behind)) >= _LEAST_NUMBERS:
        return True
    beyond = sum(len(word.decode("utf-8", "replace")) for word in behind if not word.isascii())
    if beyond > _MOST_BEYOND:
        return True
    if refers(before):
        return True
    if beyond:
        return beyond > _TIMES * sum(map(len, before))
    if any(len(word) >= BLOB for word in behind):
        return False
    vowels = sum(word.count(vowel) for word in behind for vowel in _VOWELS)
    spoken = vowels >= _LEAST_VOWELS * size
    return spoken and (last > _MOST_SPOKEN or last > len(before))


def scattered(data: bytes, words: list[bytes], last: int, most: int) -> int:
    """How many more very short words, `most` or fewer, stand before the last, parted by marks of no text."""
    place, more = len(between(data, words, 0, last)), 0
    while more < most:
        word = words[-last - more - 1]
        end = place
        place = data.rindex(word, 0, place)
        if len(word) > _SHORT or _ORDINARY.issuperset(data[place + len(word) : end]):
            break
        more += 1
    return more
