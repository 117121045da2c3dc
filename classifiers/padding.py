"""What stands around a query and asks nothing: left out before the query is read."""

import re
from typing import Final

from classifiers.lexicon import DEMANDING, MODEL_TALK, PADDING, PLAIN, PLEADING
from classifiers.noise import ERRAND_WORDS, is_quoted, refers, without_line_noise
from classifiers.words import ANSWER, ASKED, MARKS, between, words_of

_MOST_PADDING: Final = 24
_LEAST_LEFT: Final = 3
_THIS_IS: Final = [b"this", b"is"]
_MOST_SENTENCES: Final = 3
_FIRST_END: Final = re.compile(rb"[.!?]")
_SENTENCE_BYTES: Final = 640
"""A plea is no longer, white space included; `_MOST_SENTENCES` are left out at either end at most."""
_AROUND_A_QUERY: Final = MODEL_TALK | PADDING | PLEADING
_LEAST_PLEADING: Final = 2
_SIGN_OFFS: Final = frozenset((b"regards", b"wishes", b"sincerely"))
_SIGNED: Final = re.compile(
    rb"(?:[.!?]|%b)(\s*(?:(?:kind|kindest|best|warm|warmest|many|yours)\s+)?(?:%b)\s*,"
    rb"(?:\s*[^\s.,!?]{1,24}){0,2}\s*)$" % (ASKED, b"|".join(sorted(_SIGN_OFFS)))
)
"""A sign-off and a name, where a letter ends."""
_SIGNED_BYTES: Final = 320
_MOST_SIGNED: Final = 3


def without_padding(data: bytes) -> tuple[bytes, list[bytes]]:
    """The query and its words, without what stands around it and asks nothing.

    That is: a run of odd marks and a sign-off behind it, whole pleading sentences on both sides, greetings
    before it, thanks and pleas about models behind it. Where hardly anything else would be left, all stays.
    """
    bare = quiet = without_line_noise(data.strip())
    words = words_of(bare)
    if words and words[0] in _AROUND_A_QUERY:
        bare = _without_first_pleas(bare)
    if PLAIN.isdisjoint(words[:ERRAND_WORDS]):
        if not _SIGN_OFFS.isdisjoint(words[-_MOST_SIGNED:]):
            bare = _without_sign_off(bare)
        if bare is not quiet or (words and words[-1] in _AROUND_A_QUERY):
            bare = _without_last_pleas(bare)
    if bare is not quiet:
        words = words_of(bare)
    start, end = _greetings(words), _pleas(bare, words)
    if len(words) - start - end < _LEAST_LEFT:
        return data, words_of(data)
    if not start and not end:
        return bare, words
    return between(bare, words, start, end), words[start : len(words) - end]


def _without_sign_off(data: bytes) -> bytes:
    """Without "Kind regards," and a name at the end."""
    found = _SIGNED.search(data, max(len(data) - _SIGNED_BYTES, 0))
    return data if found is None else data[: found.start(1)]


def _without_last_pleas(data: bytes) -> bytes:
    """Without the last sentences that only plead; before each another sentence ends."""
    for _ in range(_MOST_SENTENCES):
        bare = data.rstrip(MARKS)
        from_byte = max(len(bare) - _SENTENCE_BYTES, 0)
        end = max(
            bare.rfind(b".", from_byte),
            bare.rfind(b"?", from_byte),
            bare.rfind(b"!", from_byte),
        )
        answer = bare.rfind(ASKED, from_byte)
        end = max(end + 1, answer + len(ASKED) if answer >= 0 else 0)
        if not end or not _pleads(words_of(bare[end:])) or refers(words_of(bare[:end][-_SIGNED_BYTES:])):
            break
        data = data[:end]
    return data


def _without_first_pleas(data: bytes) -> bytes:
    """Without the first sentences that only plead."""
    for _ in range(_MOST_SENTENCES):
        found = _FIRST_END.search(data, 0, _SENTENCE_BYTES)
        if found is None or not _pleads(words_of(data[: found.start()])):
            break
        data = data[found.end() :].lstrip(MARKS)
    return data


def _pleads(words: list[bytes]) -> bool:
    """Whether a sentence is of the words that stand around a query, and pleads more than it asks."""
    if not _AROUND_A_QUERY.issuperset(words):
        return False
    talk = sum(word in MODEL_TALK for word in words)
    asks = sum(word in DEMANDING for word in words)
    return (
        not words or talk > asks or (not asks and sum(word in PLEADING for word in words) >= _LEAST_PLEADING)
    )


def _greetings(words: list[bytes]) -> int:
    """How many of the first words are a run of padding with a word of `MODEL_TALK` in it."""
    length = talk = 0
    for word in words[:_MOST_PADDING]:
        if word in MODEL_TALK:
            talk = 1
        elif word not in PADDING:
            break
        length += 1
    return length if talk else 0


def _pleas(data: bytes, words: list[bytes]) -> int:
    """How many of the last words, from one of `MODEL_TALK` on, only plead, with a "this is" before them."""
    talk = 0
    for length, word in enumerate(words[: -_MOST_PADDING - 1 : -1], 1):
        if word in MODEL_TALK:
            talk = length
        elif word == ANSWER or word not in _AROUND_A_QUERY:
            break
    if not talk or talk == len(words) or is_quoted(data, words, talk):
        return 0
    if words[-talk - 2 : -talk] == _THIS_IS:
        return talk + 2
    return 0 if refers(words[:-talk]) else talk
