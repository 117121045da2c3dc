"""Text → numbers: the one reading of a query that training and serving share.

A query becomes hashed words and word pairs (keys) and a short vector of form features, of a bounded part of
it (see `part`) without what stands around it and asks nothing (see `padding`).

A key is 32 bits: the low ones say in which bucket of the weight table it would stand, the others are the tag
that the bucket must carry. A word that training never saw therefore finds no weight, and not that of another.
"""

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from classifiers.facts import QueryFacts
from classifiers.lexicon import DEMANDING, EXPERT, MODEL_TALK, PLAIN, REASONING
from classifiers.padding import without_padding
from classifiers.part import Part, part_of
from classifiers.words import ANSWER, word_bytes, word_hashes

FEATURE_VERSION: Final = 4
"""Raised whenever the same query would give other numbers: older artifacts are then refused."""

_BUCKET_BITS = 17
BUCKETS: Final = 1 << _BUCKET_BITS
NO_TAG: Final = -1
"""The tag of a bucket that holds nothing."""
_BUCKET_MASK, _TAG_SHIFT = np.uint32(BUCKETS - 1), np.uint32(_BUCKET_BITS)
_FIRST, _SECOND = np.uint32(2654435761), np.uint32(2246822519)
Keys = npt.NDArray[np.uint32]
_NO_KEYS: Keys = np.zeros(0, np.uint32)

_DIGIT, _MATH, _CODE, _TEX, _FOREIGN = range(1, 6)
_OPENING_WORDS: Final = 12
FREE, CHOICE, SHOTS = 0, 1, 2
FORMATS: Final = 3
"""How a prompt is built: free text; a question with lettered options; such questions answered before it.

The same words in an examination paper and in a request say other things, so each format has words of its own.
"""
_SALTS: Final = (0, 0x5BD1E995, 0x27D4EB2F)
_LETTERS: Final = (b"b", b"c", b"d")
_SHOTS_FROM: Final = 3


def _kind_of_byte(byte: int) -> int:
    if byte >= 0x80:
        return _FOREIGN
    signs = {b"0123456789": _DIGIT, b"+*/=<>^%": _MATH, b"{}[];#`|&_": _CODE, b"$\\": _TEX}
    return next((kind for members, kind in signs.items() if byte in members), 0)


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

CONTAINS_CODE: Final = FORM.index("contains code")
FORM_NAMES: Final = tuple((above, below) for _, above, below in FORM_GROUPS)
GROUP_STARTS: Final = tuple(FORM.index(names[0]) for names, _, _ in FORM_GROUPS)

_CODE_MARKS: Final = ((b"`", b"```"), (b";", b"();"), (b"#", b"#include"))
"""A sign, which is looked for first because that is quicker, and the mark that it is of."""
_CODE_WORDS: Final = frozenset((b"def", b"return", b"import", b"print", b"elif", b"printf"))


class Reading(NamedTuple):
    """What was read of one query.

    `in_order` are the keys of the words, then those of the pairs of neighbours, repeats included; `keys` are
    the same, distinct and sorted; `form` follows `FORM`; `format` is one of `FREE`, `CHOICE`, `SHOTS`;
    `data` is what was read, and `times` is that of `Part`.
    """

    words: list[bytes]
    in_order: Keys
    keys: Keys
    form: list[float]
    format: int
    data: bytes
    times: float


def _keys_in_order(words: list[bytes], written: int) -> Keys:
    count = len(words)
    keys = np.empty(2 * count - 1, np.uint32)
    single, pairs = keys[:count], keys[count:]
    single[:] = word_hashes(words)
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
    answers = words.count(ANSWER) if ANSWER in distinct else 0
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
    plain = word_hashes(sorted(MODEL_TALK))
    return np.concatenate([plain ^ np.uint32(salt) for salt in _SALTS])


def plain_word_keys(reading: Reading) -> Keys:
    """Keys of the words in order, whatever the format: what a vocabulary is made of."""
    return reading.in_order[: len(reading.words)] ^ np.uint32(_SALTS[reading.format])


def read(facts: QueryFacts) -> Reading:
    """Read one query; any string will do, lone surrogates and NUL included."""
    return read_part(facts, part_of(facts.text))


def read_part(facts: QueryFacts, part: Part) -> Reading:
    """Read one query of which this is the part to be read."""
    data, words = without_padding(part.data)
    distinct = set(words)
    written = format_of(words, distinct)
    form = _form(facts, Part(data, part.times), words, distinct, written)
    if not words:
        return Reading(words, _NO_KEYS, _NO_KEYS, form, written, data, part.times)
    in_order = _keys_in_order(words, written)
    keys = in_order.copy()
    keys.sort()
    fresh = np.empty(len(keys), dtype=np.bool_)
    fresh[0] = True
    np.not_equal(keys[1:], keys[:-1], out=fresh[1:])
    return Reading(words, in_order, keys[fresh], form, written, data, part.times)


def _looks_like_code(data: bytes, distinct: set[bytes]) -> float:
    if b"def" in distinct or len(distinct & _CODE_WORDS) > 1:
        return 1.0
    for sign, mark in _CODE_MARKS:
        if sign in data and mark in data:
            return 1.0
    return 0.0


def _last_question(words: list[bytes]) -> list[bytes]:
    """Of questions answered before it, the one that is asked: from the last answer but one to the last."""
    end = len(words) - 1 - words[::-1].index(ANSWER)
    start = end - 1 - words[:end][::-1].index(ANSWER)
    last = words[start + 1 : end]
    return last or words


def _option_words(words: list[bytes], distinct: set[bytes]) -> int:
    """About how many words an option has: from the letter b to the letter c; 0 where they are not listed."""
    if not distinct.issuperset(_LETTERS[:2]):
        return 0
    return max(0, words.index(_LETTERS[1]) - words.index(_LETTERS[0]))


def _form(
    facts: QueryFacts, part: Part, words: list[bytes], distinct: set[bytes], written: int
) -> list[float]:
    data, times = part
    kinds = data.translate(_KIND_TABLE, _NO_KIND)
    letters = word_bytes(data)
    size, count = letters or 1, len(words) or 1
    digits = kinds.count(_DIGIT)
    code = kinds.count(_CODE)
    log1p = math.log1p
    prompt = log1p(letters * times)
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
        math.log1p(facts.turns - 1) if facts.turns > 1 else 0.0,
        math.log1p(facts.system_chars) if facts.system_chars > 0 else 0.0,
        math.log1p(facts.history_chars) if facts.history_chars > 0 else 0.0,
        float(facts.has_tools),
        math.log1p(facts.images) if facts.images > 0 else 0.0,
    )
