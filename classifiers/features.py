"""Text → numbers: the one reading of a query that training and serving share.

A query becomes hashed words and word pairs (keys) and a short vector of form features. What is read is
bounded: of a text longer than `READ_CHARS` only its first and its last `READ_CHARS // 2` characters, so that
the cost of a score does not grow with the text; the whole length still counts as a feature.

A key is 32 bits: the low ones say in which bucket of the weight table it would stand, the others are the tag
that the bucket must carry. A word that training never saw therefore finds no weight, and not that of another.
"""

import math
import unicodedata
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifiers.facts import QueryFacts
from classifiers.lexicon import DEMANDING, EXPERT, MODEL_TALK, PLAIN, REASONING

FEATURE_VERSION: Final = 2
"""Raised whenever the same query would give other numbers: older artifacts are then refused."""

READ_CHARS: Final = 8192
_BUCKET_BITS = 17
BUCKETS: Final = 1 << _BUCKET_BITS
NO_TAG: Final = -1
"""The tag of a bucket that holds nothing."""
_BUCKET_MASK, _TAG_SHIFT = np.uint32(BUCKETS - 1), np.uint32(_BUCKET_BITS)
_KEY_MASK = np.uint64(0xFFFFFFFF)
_FIRST, _SECOND, _SHIFT = np.uint64(2654435761), np.uint64(40503), np.uint64(9)
_NORMAL_CHARS: Final = 128
"""Compatibility forms are made plain in pieces of this size: the time it takes grows with the square of a run
of combining marks."""
_QUOTES, _DASHES, _STOPS = (
    "\u2018\u2019\u201a\u201b",
    "\u2010\u2011\u2012\u2013\u2014\u2015",
    "\u3001\u3002\u00b7",
)
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d"
_OPENING_MARKS, _BREAKS = "\u00a1\u00bf\u2022\u2026", "\u2028\u2029"
_TYPED: Final = {
    ord(sign): plain
    for signs, plain in (
        (_QUOTES, "'"),
        (_DOUBLE_QUOTES, '"'),
        (_DASHES, "-"),
        (_STOPS, "."),
        (_OPENING_MARKS, " "),
        (_BREAKS, "\n"),
    )
    for sign in signs
}
"""What typographic signs are read as."""
Keys = npt.NDArray[np.uint32]
_WORD_BYTES = bytes(b if 0x30 <= b <= 0x39 or 0x61 <= b <= 0x7A or b >= 0x80 else 0x20 for b in range(256))
"""Turns every byte of lower-cased UTF-8 that cannot be part of a word into a space."""
_NO_KEYS: Keys = np.zeros(0, np.uint32)

_DIGIT, _MATH, _CODE, _TEX, _QUESTION, _FOREIGN, _SPACE = 1, 2, 3, 4, 5, 6, 7
_KINDS = 8
_OPENING_WORDS = 12


def _kind_of_byte(byte: int) -> int:
    if byte >= 0x80:
        return _FOREIGN
    signs = {b"0123456789": _DIGIT, b"+*/=<>^%": _MATH, b"{}[];#`|&_": _CODE, b"$\\": _TEX, b"?": _QUESTION}
    spaces = {b" \t\n\r\x0b\x0c": _SPACE}
    return next((kind for members, kind in (signs | spaces).items() if byte in members), 0)


_KIND_TABLE = bytes(_kind_of_byte(byte) for byte in range(256))

FORM_NAMES: Final = (
    ("long query", "short query"),
    ("very long query", "not a very long query"),
    ("many words", "few words"),
    ("digits", "few digits"),
    ("share of digits", "a small share of digits"),
    ("mathematical signs", "few mathematical signs"),
    ("code signs", "few code signs"),
    ("TeX signs", "no TeX signs"),
    ("letters beyond ASCII", "plain ASCII letters"),
    ("listed options", "no listed options"),
    ("long words", "short words"),
    ("repeated words", "few repeated words"),
    ("question marks", "no question mark"),
    ("contains code", "no code"),
    ("asks for proof or design", "does not ask for proof or design"),
    ("reasoning words", "few reasoning words"),
    ("expert vocabulary", "no expert vocabulary"),
    ("plain-errand words", "no plain-errand words"),
    ("many turns", "few turns"),
    ("long system prompt", "no long system prompt"),
    ("long history", "no long history"),
    ("has tools", "no tools"),
    ("has images", "no images"),
)
"""Names of the form features, in the order of `Reading.form`: above the mean of training, and below it."""

FORM: Final = tuple(above for above, _ in FORM_NAMES)

_CODE_MARKS = (b"```", b"def ", b"return ", b"import ", b"();", b"#include")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one query.

    `in_order` are the keys of the words, then those of the pairs of neighbours, repeats included; `keys` are
    the same, distinct and sorted; `form` follows `FORM`.
    """

    words: list[bytes]
    in_order: Keys
    keys: Keys
    form: list[float]


def bounded_text(text: str) -> str:
    """The part that is read, lower-cased.

    Compatibility forms (full-width letters, ligatures) and typographic signs (curly quotes, dashes) are made
    plain, so that they part words as the typed ones do.
    """
    if len(text) > READ_CHARS:
        half = READ_CHARS // 2
        text = f"{text[:half]}\n{text[-half:]}"
    if not text.isascii():
        text = _plain_forms(text)
    return text.lower()


def _plain_forms(text: str) -> str:
    """At most `2 * READ_CHARS` characters of the NFKC form: one character may become eighteen."""
    pieces, length = [], 0
    for at in range(0, len(text), _NORMAL_CHARS):
        pieces.append(unicodedata.normalize("NFKC", text[at : at + _NORMAL_CHARS]))
        length += len(pieces[-1])
        if length >= 2 * READ_CHARS:
            break
    return "".join(pieces)[: 2 * READ_CHARS].translate(_TYPED)


def words_of(data: bytes) -> list[bytes]:
    """Runs of letters, digits and bytes beyond ASCII, in order, of lower-cased UTF-8."""
    return data.translate(_WORD_BYTES).split()


def word_hashes(words: list[bytes]) -> npt.NDArray[np.uint64]:
    """32-bit hashes of words, in order."""
    return np.fromiter(map(crc32, words), np.uint64, len(words))


def pair_hashes(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hashes of neighbouring words, in order; one fewer than the words."""
    return (hashes[:-1] * _FIRST + hashes[1:] * _SECOND) >> _SHIFT


def _keys_in_order(words: list[bytes]) -> Keys:
    hashes = word_hashes(words)
    return (np.concatenate((hashes, pair_hashes(hashes))) & _KEY_MASK).astype(np.uint32)


def bucket_of(keys: Keys) -> Keys:
    """Where keys would stand in the weight table."""
    return keys & _BUCKET_MASK


def tag_of(keys: Keys) -> npt.NDArray[np.int16]:
    """What the bucket must carry for its weights to be the key's; never `NO_TAG`."""
    return (keys >> _TAG_SHIFT).astype(np.int16)


def silent_keys() -> Keys:
    """Keys of polite words and of talk about models, left out of every artifact."""
    return word_hashes(sorted(MODEL_TALK)).astype(np.uint32)


def read(facts: QueryFacts) -> Reading:
    """Read one query; any string will do, lone surrogates and NUL included."""
    data = bounded_text(facts.text).encode("utf-8", "surrogatepass")
    words = words_of(data)
    if not words:
        return Reading(words, _NO_KEYS, _NO_KEYS, _form(facts, data, words))
    in_order = _keys_in_order(words)
    keys = np.sort(in_order)
    fresh = np.empty(len(keys), dtype=np.bool_)
    fresh[0] = True
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return Reading(words, in_order, keys[fresh], _form(facts, data, words))


def _looks_like_code(data: bytes) -> float:
    for mark in _CODE_MARKS:
        if mark in data:
            return 1.0
    return 0.0


def _form(facts: QueryFacts, data: bytes, words: list[bytes]) -> list[float]:
    kinds = np.bincount(np.frombuffer(data.translate(_KIND_TABLE), dtype=np.uint8), minlength=_KINDS).tolist()
    size = len(data) or 1
    count = len(words) or 1
    distinct = set(words)
    log1p = math.log1p
    length = log1p(len(facts.text))
    return [
        length,
        max(0.0, length - 6.4),  # above about 600 characters
        log1p(len(words)),
        log1p(kinds[_DIGIT]),
        kinds[_DIGIT] / size,
        log1p(kinds[_MATH]),
        log1p(kinds[_CODE]),
        log1p(kinds[_TEX]),
        kinds[_FOREIGN] / size,
        float(b"\nb." in data or b"\nb)" in data),
        min((size - kinds[_SPACE]) / count, 12.0),
        1.0 - len(distinct) / count if words else 0.0,
        min(kinds[_QUESTION], 4) / 4,
        _looks_like_code(data),
        min(len(DEMANDING.intersection(words[:_OPENING_WORDS])), 2) / 2,
        min(len(distinct & REASONING), 4) / 4,
        min(len(distinct & EXPERT), 4) / 4,
        min(len(PLAIN.intersection(words[:_OPENING_WORDS])), 2) / 2,
        log1p(max(facts.turns - 1, 0)),
        log1p(max(facts.system_chars, 0)),
        log1p(max(facts.history_chars, 0)),
        float(facts.has_tools),
        log1p(max(facts.images, 0)),
    ]
