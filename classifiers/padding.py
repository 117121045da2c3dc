"""What stands around a query and asks nothing: left out before the query is read."""

import re
from typing import Final

from classifiers.lexicon import DEMANDING, MODEL_TALK, PADDING, PLEADING
from classifiers.words import between, words_of

_MOST_PADDING: Final = 24
_LEAST_LEFT: Final = 3
_FENCE: Final = b"```"
_THIS_IS: Final = [b"this", b"is"]
_MARKS: Final = bytes(byte for byte in range(33, 127) if not chr(byte).isalnum()) + b" \t\n\r"
_RARE: Final = frozenset(b"~@#^&%$\\|?!`*")
_NOT_RARE: Final = bytes(byte for byte in range(256) if byte not in _RARE)
_TOKEN: Final = re.compile(rb"\S+")
_NOISE_BYTES: Final = 1_024
_GATE_BYTES: Final = 24
_LEAST_NOISE: Final = 8
_LEAST_WORD: Final = 4
_RARE_IN_A_TOKEN: Final = 3
_RARE_IN_ALL: Final = 5
"""Line noise has tokens of so many bytes and more with so many kinds of rare marks, and so many in all of
them; code, TeX and addresses have fewer."""
_MOST_SENTENCES: Final = 3
_SENTENCE_END: Final = re.compile(rb"[.!?\n]")
_SENTENCE_BYTES: Final = 160
"""A plea is no longer than this, and no more than `_MOST_SENTENCES` of them are left out at either end."""
_AROUND_A_QUERY: Final = MODEL_TALK | PADDING | PLEADING
_LEAST_PLEADING: Final = 2
_SIGN_OFFS: Final = frozenset((b"regards", b"wishes", b"sincerely"))
_SIGNED: Final = re.compile(
    rb"[.!?:\n]\s*(?:(?:kind|kindest|best|warm|warmest|many|yours)\s+)?(?:%b)\s*,?"
    rb"(?:\s*[^\s.,!?]{1,24}){0,2}\s*$" % b"|".join(sorted(_SIGN_OFFS))
)
"""A sign-off and a name, where a letter ends."""
_SIGNED_BYTES: Final = 80
_MOST_SIGNED: Final = 3


def without_padding(data: bytes) -> tuple[bytes, list[bytes]]:
    """The query and its words, without what stands around it and asks nothing.

    That is: a run of odd marks and a sign-off behind it, whole pleading sentences on both sides, greetings
    before it, thanks and pleas about models behind it. Where hardly anything else would be left, all stays.
    """
    bare = quiet = _without_line_noise(data)
    words = words_of(bare)
    if not _SIGN_OFFS.isdisjoint(words[-_MOST_SIGNED:]):
        bare = _without_sign_off(bare)
    if words and words[0] in _AROUND_A_QUERY:
        bare = _without_first_pleas(bare)
    if bare is not quiet or (words and words[-1] in _AROUND_A_QUERY):
        bare = _without_last_pleas(bare)
    if bare is not quiet:
        words = words_of(bare)
    start = end = 0
    if words and words[0] in _AROUND_A_QUERY:
        start = _padding(words, PADDING)[0]
    if words and words[-1] in _AROUND_A_QUERY:
        end = _padding(words[: -_MOST_PADDING - 1 : -1], _AROUND_A_QUERY)[1]
        if end and words[-end - 2 : -end] == _THIS_IS:
            end += 2
    if len(words) - start - end < _LEAST_LEFT:
        return data, words_of(data)
    if not start and not end:
        return bare, words
    return between(bare, words, start, end), words[start : len(words) - end]


def _without_line_noise(data: bytes) -> bytes:
    """Without tokens at the end that are marks, or marks and letters, at random; code in a fence stays."""
    if len(data[-_GATE_BYTES:].translate(None, _NOT_RARE)) < _RARE_IN_A_TOKEN or _FENCE in data:
        return data
    from_byte, kinds = len(data), set[int]()
    for token in reversed(list(_TOKEN.finditer(data, max(len(data) - _NOISE_BYTES, 0)))):
        rare = _RARE.intersection(token[0])
        if len(token[0]) >= _LEAST_NOISE and len(rare) >= _RARE_IN_A_TOKEN:
            from_byte, kinds = token.start(), kinds | rare
        elif len(token[0]) >= _LEAST_WORD and token[0].isalnum():
            break
    return data[:from_byte] if len(kinds) >= _RARE_IN_ALL else data


def _without_sign_off(data: bytes) -> bytes:
    """Without "Kind regards," and a name at the end."""
    found = _SIGNED.search(data, max(len(data) - _SIGNED_BYTES, 0))
    return data if found is None else data[: found.start() + 1]


def _without_last_pleas(data: bytes) -> bytes:
    """Without the last sentences that only plead; before each another sentence ends."""
    for _ in range(_MOST_SENTENCES):
        bare = data.rstrip(_MARKS)
        from_byte = max(len(bare) - _SENTENCE_BYTES, 0)
        end = max(
            bare.rfind(b".", from_byte),
            bare.rfind(b"\n", from_byte),
            bare.rfind(b"?", from_byte),
            bare.rfind(b"!", from_byte),
            bare.rfind(b":", from_byte),
        )
        end += 1
        if not end or not _pleads(words_of(bare[end:])):
            break
        data = data[:end]
    return data


def _without_first_pleas(data: bytes) -> bytes:
    """Without the first sentences that only plead."""
    for _ in range(_MOST_SENTENCES):
        found = _SENTENCE_END.search(data, 0, _SENTENCE_BYTES)
        if found is None or not _pleads(words_of(data[: found.start()])):
            break
        data = data[found.end() :]
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


def _padding(words: list[bytes], others: frozenset[bytes]) -> tuple[int, int]:
    """How many of the first words are padding, and how many up to the last of `MODEL_TALK` among them.

    Such words are of `MODEL_TALK` and `others`. Before the query all of a run goes; behind it what follows
    its first word of `MODEL_TALK`, and a "this is" before that.
    """
    length = talk = 0
    for word in words[:_MOST_PADDING]:
        if word in MODEL_TALK:
            talk = length + 1
        elif word not in others:
            break
        length += 1
    return (length if talk else 0), talk
