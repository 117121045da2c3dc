"""Text → numbers: the one reading of a query that training and serving share.

A query becomes hashed words and word pairs (keys) and a short vector of form features. What is read is
bounded: of a text longer than `READ_CHARS` only its first and its last `READ_CHARS // 2` characters, so that
the cost of a score does not grow with the text; the whole length still counts as a feature.

A key is 32 bits: the low ones say in which bucket of the weight table it would stand, the others are the tag
that the bucket must carry. A word that training never saw therefore finds no weight, and not that of another.
"""

import math
import unicodedata
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifiers.facts import QueryFacts
from classifiers.lexicon import DEMANDING, EXPERT, MODEL_TALK, PADDING, PLAIN, REASONING

FEATURE_VERSION: Final = 3
"""Raised whenever the same query would give other numbers: older artifacts are then refused."""

READ_CHARS: Final = 8192
_LOOKED_AT: Final = READ_CHARS * 5 // 8
"""Characters looked at, of each end, for what is read of it: more, because wide white space shrinks."""
_BUCKET_BITS = 17
BUCKETS: Final = 1 << _BUCKET_BITS
NO_TAG: Final = -1
"""The tag of a bucket that holds nothing."""
_BUCKET_MASK, _TAG_SHIFT = np.uint32(BUCKETS - 1), np.uint32(_BUCKET_BITS)
_FIRST, _SECOND = np.uint32(2654435761), np.uint32(2246822519)
_NORMAL_CHARS: Final = 128
"""Compatibility forms are made plain in pieces of this size: the time it takes grows with the square of a run
of combining marks."""
_QUOTES, _DASHES, _STOPS = (
    "\u2018\u2019\u201a\u201b",
    "\u2010\u2011\u2012\u2013\u2014\u2015",
    "\u3001\u3002\u00b7",
)
_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d"
_OPENING_MARKS, _BREAKS = "\u00a1\u00bf\u2022\u2026", "\u0085\u1680\u2028\u2029"
_TYPED: Final = {
    ord(sign): plain
    for signs, plain in (
        (_QUOTES, "'"),
        (_DOUBLE_QUOTES, '"'),
        (_DASHES, "-"),
        (_STOPS, "."),
        (_OPENING_MARKS + _BREAKS, " "),
    )
    for sign in signs
}
"""What typographic signs are read as."""
Keys = npt.NDArray[np.uint32]
_WORD_BYTES = bytes(b if 0x30 <= b <= 0x39 or 0x61 <= b <= 0x7A or b >= 0x80 else 0x20 for b in range(256))
"""Turns every byte of lower-cased UTF-8 that cannot be part of a word into a space."""
_NO_KEYS: Keys = np.zeros(0, np.uint32)

_DIGIT, _MATH, _CODE, _TEX, _QUESTION, _FOREIGN, _SPACE, _COMMA, _STOP = range(1, 10)
_OPENING_WORDS: Final = 12
_MOST_PADDING: Final = 24
_LEAST_LEFT: Final = 3
_THIS_IS: Final = [b"this", b"is"]

FREE, CHOICE, SHOTS = 0, 1, 2
FORMATS: Final = 3
"""How a prompt is built: free text; a question with lettered options; such questions answered before it.

The same words in an examination paper and in a request say other things, so each format has words of its own.
"""
_SALTS: Final = (0, 0x5BD1E995, 0x27D4EB2F)
_ANSWER: Final = b"answer"
_LETTERS: Final = (b"b", b"c", b"d")
_SHOTS_FROM: Final = 3


def _kind_of_byte(byte: int) -> int:
    if byte >= 0x80:
        return _FOREIGN
    signs = {b"0123456789": _DIGIT, b"+*/=<>^%": _MATH, b"{}[];#`|&_": _CODE, b"$\\": _TEX, b"?": _QUESTION}
    marks = {b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f": _SPACE, b",": _COMMA, b".": _STOP}
    return next((kind for members, kind in (signs | marks).items() if byte in members), 0)


_KIND_TABLE = bytes(_kind_of_byte(byte) for byte in range(256))
_NO_KIND = bytes(byte for byte in range(256) if not _kind_of_byte(byte))

_LENGTH_STEPS: Final = (4.0, 4.75, 5.5, 6.25, 7.0, 7.75)
"""Logarithms of about 55, 115, 245, 520, 1,100 and 2,300 characters: where the slope of length may change."""
_DIGIT_STEPS: Final = (1.5, 3.0)

FORM_GROUPS: Final = (
    (("question length", *(f"question length above {step:g}" for step in _LENGTH_STEPS)),
     "long question", "short question"),
    (("prompt length", "prompt length above 6.4"), "long prompt", "short prompt"),
    (("words",), "many words", "few words"),
    (("digits", *(f"digits above {step:g}" for step in _DIGIT_STEPS), "share of digits"),
     "digits", "few digits"),
    (("mathematical signs",), "mathematical signs", "few mathematical signs"),
    (("code signs",), "code signs", "few code signs"),
    (("TeX signs",), "TeX signs", "no TeX signs"),
    (("letters beyond ASCII",), "letters beyond ASCII", "plain ASCII letters"),
    (("listed options", "long options"), "listed options", "no listed options"),
    (("long words",), "long words", "short words"),
    (("repeated words",), "repeated words", "few repeated words"),
    (("question marks", "no question mark"), "question marks", "no question mark"),
    (("commas", "full stops"), "many clauses", "few clauses"),
    (("contains code",), "contains code", "no code"),
    (("asks for proof or design",), "asks for proof or design", "does not ask for proof or design"),
    (("reasoning words",), "reasoning words", "few reasoning words"),
    (("expert vocabulary",), "expert vocabulary", "no expert vocabulary"),
    (("plain-errand words",), "plain-errand words", "no plain-errand words"),
    (("many turns",), "many turns", "few turns"),
    (("long system prompt",), "long system prompt", "no long system prompt"),
    (("long history",), "long history", "no long history"),
    (("has tools",), "has tools", "no tools"),
    (("has images",), "has images", "no images"),
)  # fmt: skip
"""Form features that an explanation names together: their names, what it says above and below the mean."""

FORM: Final = tuple(name for names, _, _ in FORM_GROUPS for name in names)
"""Names of the form features, in the order of `Reading.form`."""

FORM_NAMES: Final = tuple((above, below) for _, above, below in FORM_GROUPS)
GROUP_STARTS: Final = tuple(FORM.index(names[0]) for names, _, _ in FORM_GROUPS)

_CODE_MARKS: Final = (b"```", b"();", b"#include")
_CODE_WORDS: Final = frozenset((b"def", b"return", b"import", b"print", b"elif", b"printf"))


class Reading(NamedTuple):
    """What was read of one query.

    `in_order` are the keys of the words, then those of the pairs of neighbours, repeats included; `keys` are
    the same, distinct and sorted; `form` follows `FORM`; `format` is one of `FREE`, `CHOICE`, `SHOTS`.
    """

    words: list[bytes]
    in_order: Keys
    keys: Keys
    form: list[float]
    format: int


def bounded_text(text: str) -> str:
    """The part that is read, lower-cased.

    White space of a text that has to be cut is made single spaces: how wide it is cannot move the cut.
    Compatibility forms (full-width letters, ligatures) and typographic signs (curly quotes, dashes) are made
    plain, so that they part words as the typed ones do.
    """
    if len(text) > 2 * _LOOKED_AT:
        text = f"{text[:_LOOKED_AT]} {text[-_LOOKED_AT:]}"
    text = text.lower() if text.isascii() else _plain_forms(text).casefold()
    if len(text) > READ_CHARS:
        text, half = " ".join(text.split()), READ_CHARS // 2
        if len(text) > READ_CHARS:
            text = f"{text[:half]} {text[-half:]}"
    return text


def _plain_forms(text: str) -> str:
    """The NFKC form, in bounded pieces: one character may become eighteen."""
    pieces = (
        unicodedata.normalize("NFKC", text[at : at + _NORMAL_CHARS])
        for at in range(0, len(text), _NORMAL_CHARS)
    )
    return "".join(pieces).translate(_TYPED)


def words_of(data: bytes) -> list[bytes]:
    """Runs of letters, digits and bytes beyond ASCII, in order, of lower-cased UTF-8."""
    return data.translate(_WORD_BYTES).split()


def word_hashes(words: list[bytes]) -> npt.NDArray[np.uint64]:
    """32-bit hashes of words, in order."""
    return np.fromiter(map(crc32, words), np.uint64, len(words))


def _keys_in_order(words: list[bytes], written: int) -> Keys:
    count = len(words)
    keys = np.empty(2 * count - 1, np.uint32)
    single, pairs = keys[:count], keys[count:]
    single[:] = np.fromiter(map(crc32, words), np.uint32, count)
    np.multiply(single[:-1], _FIRST, out=pairs)
    pairs += single[1:] * _SECOND
    if written:
        keys ^= np.uint32(_SALTS[written])
    return keys


def format_of(words: list[bytes], distinct: "set[bytes] | frozenset[bytes]") -> int:
    """How the prompt is built, seen from its words alone: case, spaces and punctuation cannot change it."""
    if _LETTERS[0] not in distinct:
        return FREE
    letters = sum(letter in distinct for letter in _LETTERS)
    answers = words.count(_ANSWER) if _ANSWER in distinct else 0
    if letters < 2 and not answers:
        return FREE
    return SHOTS if answers >= _SHOTS_FROM else CHOICE


def bucket_of(keys: Keys) -> Keys:
    """Where keys would stand in the weight table."""
    return keys & _BUCKET_MASK


def tag_of(keys: Keys) -> npt.NDArray[np.int16]:
    """What the bucket must carry for its weights to be the key's; never `NO_TAG`."""
    return (keys >> _TAG_SHIFT).astype(np.int16)


def silent_keys() -> Keys:
    """Keys of polite words and of talk about models, left out of every artifact."""
    plain = word_hashes(sorted(MODEL_TALK)).astype(np.uint32)
    return np.concatenate([plain ^ np.uint32(salt) for salt in _SALTS])


def plain_word_keys(reading: Reading) -> Keys:
    """Keys of the words in order, whatever the format: what a vocabulary is made of."""
    return reading.in_order[: len(reading.words)] ^ np.uint32(_SALTS[reading.format])


def read(facts: QueryFacts) -> Reading:
    """Read one query; any string will do, lone surrogates and NUL included."""
    return read_bytes(facts, bounded_text(facts.text).encode("utf-8", "surrogatepass"))


def read_bytes(facts: QueryFacts, data: bytes) -> Reading:
    """Read one query of which `data` is the part to be read, lower-cased."""
    data, words = _without_padding(data, words_of(data))
    distinct = set(words)
    written = format_of(words, distinct)
    form = _form(facts, data, words, distinct, written)
    if not words:
        return Reading(words, _NO_KEYS, _NO_KEYS, form, written)
    in_order = _keys_in_order(words, written)
    keys = np.sort(in_order)
    fresh = np.empty(len(keys), dtype=np.bool_)
    fresh[0] = True
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return Reading(words, in_order, keys[fresh], form, written)


def _looks_like_code(data: bytes, distinct: set[bytes]) -> float:
    if b"def" in distinct or len(distinct & _CODE_WORDS) > 1:
        return 1.0
    for mark in _CODE_MARKS:
        if mark in data:
            return 1.0
    return 0.0


def _without_padding(data: bytes, words: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Without greetings before a query and thanks or pleas about models behind it.

    Such a sentence is a run of words of `MODEL_TALK` and `PADDING`. Before the query all of the run goes;
    behind it what follows its first word of `MODEL_TALK`, and a "this is" before that. Where hardly anything
    else would be left, all stays.
    """
    start = _padding(words)[0]
    end = _padding(words[: -_MOST_PADDING - 1 : -1])[1]
    if end and words[-end - 2 : -end] == _THIS_IS:
        end += 2
    if (not start and not end) or len(words) - start - end < _LEAST_LEFT:
        return data, words
    return between(data, words, start, end), words[start : len(words) - end]


def _padding(words: list[bytes]) -> tuple[int, int]:
    """How many of the first words are padding, and how many up to the last of `MODEL_TALK` among them."""
    length = talk = 0
    for word in words[:_MOST_PADDING]:
        if word in MODEL_TALK:
            talk = length + 1
        elif word not in PADDING:
            break
        length += 1
    return (length if talk else 0), talk


def between(data: bytes, words: list[bytes], start: int, end: int) -> bytes:
    """The bytes without the first `start` and the last `end` of their words."""
    left, right = 0, len(data)
    for word in words[:start]:
        left = data.index(word, left) + len(word)
    for word in words[len(words) - end :][::-1]:
        right = data.rindex(word, 0, right)
    return data[left:right]


def _last_question(words: list[bytes]) -> list[bytes]:
    """Of questions answered before it, the one that is asked: from the last answer but one to the last."""
    end = len(words) - 1 - words[::-1].index(_ANSWER)
    start = end - 1 - words[:end][::-1].index(_ANSWER)
    last = words[start + 1 : end]
    return last or words


def _option_words(words: list[bytes], distinct: set[bytes]) -> int:
    """About how many words an option has: from the letter b to the letter c; 0 where they are not listed."""
    if not distinct.issuperset(_LETTERS[:2]):
        return 0
    return max(0, words.index(_LETTERS[1]) - words.index(_LETTERS[0]))


def _form(
    facts: QueryFacts, data: bytes, words: list[bytes], distinct: set[bytes], written: int
) -> list[float]:
    kinds = data.translate(_KIND_TABLE, _NO_KIND)
    letters = len(data) - kinds.count(_SPACE)
    size, count = letters or 1, len(words) or 1
    digits = kinds.count(_DIGIT)
    marks, code = kinds.count(_QUESTION), kinds.count(_CODE)
    log1p = math.log1p
    prompt = log1p(_whole_length(len(facts.text), letters))
    asked = log1p(sum(map(len, _last_question(words)))) if written == SHOTS else prompt
    numbers = log1p(digits)
    opening = words[:_OPENING_WORDS]
    return [
        asked,
        *[asked - step if asked > step else 0.0 for step in _LENGTH_STEPS],
        prompt,
        max(0.0, prompt - 6.4),  # above about 600 characters
        log1p(len(words)),
        numbers,
        *[numbers - step if numbers > step else 0.0 for step in _DIGIT_STEPS],
        digits / size,
        log1p(kinds.count(_MATH)),
        log1p(code),
        log1p(kinds.count(_TEX)),
        kinds.count(_FOREIGN) / size,
        float(written != FREE),
        log1p(_option_words(words, distinct)) if written else 0.0,
        min(letters / count, 12.0),
        1.0 - len(distinct) / count if words else 0.0,
        min(marks, 4) / 4,
        float(marks == 0),
        log1p(kinds.count(_COMMA)),
        log1p(kinds.count(_STOP)),
        _looks_like_code(data, distinct) if code or not distinct.isdisjoint(_CODE_WORDS) else 0.0,
        min(len(DEMANDING.intersection(opening)), 2) / 2,
        min(len(distinct & REASONING), 4) / 4,
        min(len(distinct & EXPERT), 4) / 4,
        min(len(PLAIN.intersection(opening)), 2) / 2,
        *_around(facts),
    ]


def _around(facts: QueryFacts) -> tuple[float, ...]:
    """Features of the conversation that the query stands in."""
    return (
        math.log1p(max(facts.turns - 1, 0)),
        math.log1p(max(facts.system_chars, 0)),
        math.log1p(max(facts.history_chars, 0)),
        float(facts.has_tools),
        math.log1p(max(facts.images, 0)),
    )


def _whole_length(chars: int, letters: int) -> int:
    """Bytes that are no white space; of a text that is read in part, as many more as it is longer."""
    return letters if chars <= 2 * _LOOKED_AT else max(letters, round(letters * chars / READ_CHARS))
