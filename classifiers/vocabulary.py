"""How far a query is from what was learned from: whether it is made of words that training saw at all.

A vocabulary is a set of hashes of words, kept as bits. What is compared is bytes of known words with bytes of
all, in the better half of the query: text appended to a query, or pasted before it, leaves the query known.
"""

from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifiers.features import CONTAINS_CODE, Keys, Reading, plain_word_keys
from classifiers.lexicon import PLAIN, REFERRING

_SLOT_BITS: Final = 20
SLOTS: Final = 1 << _SLOT_BITS
VOCABULARY_BYTES: Final = SLOTS // 8
_LAST_SLOT: Final = SLOTS - 1
_SLOT_MASK: Final = np.uint32(_LAST_SLOT)

LEAST_UNKNOWN_BYTES: Final = 24
"""With fewer bytes of unknown words than this nobody can tell: a query is then near."""

LEAST_NOISE: Final = 3
LEAST_SENSE: Final = 3
"""So many words at the end are noise if all are unknown; so many, and half of the rest, must be known."""

_ANSWER: Final = b"answer"
_QUOTING: Final = (b":", b'"', b"`", b"(", b"=", b"$")
_MOST_QUOTING: Final = 3
_ORDINARY: Final = frozenset(b" \t\n\r,.;:!?()-/'\"")
"""Marks that stand between the words of a text."""
_SHORT: Final = 2
"""A word of so many bytes says nothing about whether it is made up."""

_ENDING: Final = 6
_KNOWN_WEIGHS: Final = 2
"""How many unknown words behind it a known one outweighs."""

_BLOB: Final = 24
MOST_NOISE: Final = 48
MOST_NOISE_BYTES: Final = 512
MOST_BEYOND: Final = 80
"""More words at the end, bytes of them, or letters beyond ASCII are a text of its own, and that is read."""

_BEGINNING: Final = 8
"""Where none of so many first words is known, what stands behind them is no noise behind a query."""

LEAST_RICH: Final = 10_000
"""A vocabulary of fewer words does not know enough of them to call others made up."""

Sizes = npt.NDArray[np.int16]

_LONGEST: Final = 60
"""A word counts for at most this many bytes, else one pasted blob would be all of a query."""


def sizes_of(words: list[bytes]) -> Sizes:
    """Bytes of each word, at most `_LONGEST`; negative for numbers, which are known without being kept."""
    size = np.minimum(np.fromiter(map(len, words), np.int16, len(words)), _LONGEST)
    return np.where(np.fromiter(map(bytes.isdigit, words), np.bool_, len(words)), -size, size)


def pack(keys: Keys, earlier: npt.NDArray[np.uint8] | None = None) -> npt.NDArray[np.uint8]:
    """The vocabulary of these words, (VOCABULARY_BYTES,), and of an earlier one."""
    slots = np.zeros(SLOTS, dtype=np.bool_)
    slots[keys & _SLOT_MASK] = True
    packed = np.packbits(slots)
    return packed if earlier is None else packed | earlier


def is_blob(word: bytes) -> bool:
    """Whether a word is longer than words are: hexadecimal digits, base64, a script without spaces."""
    return len(word) >= _BLOB


def is_short(words: list[bytes], last: int) -> bool:
    """Whether the last words are few bytes, and those beyond ASCII few letters.

    More such letters than all words before have are read where the query may be about them.
    """
    if sum(map(len, words[-last:])) > MOST_NOISE_BYTES:
        return False
    beyond = sum(len(word.decode("utf-8", "replace")) for word in words[-last:] if not word.isascii())
    if beyond > sum(map(len, words[:-last])) and not REFERRING.isdisjoint(words[:-last]):
        return False
    return beyond <= MOST_BEYOND


def start_of(data: bytes, words: list[bytes], last: int) -> int:
    """Where the last words begin."""
    place = len(data)
    for word in words[len(words) - last :][::-1]:
        place = data.rindex(word, 0, place)
    return place


def scattered(data: bytes, words: list[bytes], last: int) -> int:
    """How many more very short words stand before the last ones, parted by marks that text does not have."""
    place, more = start_of(data, words, last), 0
    while more < len(words) - last - LEAST_SENSE:
        word = words[-last - more - 1]
        end = place
        place = data.rindex(word, 0, place)
        if len(word) > _SHORT or _ORDINARY.issuperset(data[place + len(word) : end]):
            break
        more += 1
    return more


def is_quoted(data: bytes, words: list[bytes], last: int) -> bool:
    """Whether the last words are what the query is about: behind a colon or quotation mark, or an errand."""
    if not PLAIN.isdisjoint(words[:_BEGINNING]):
        return True
    place = start_of(data, words, last)
    before = words[-last - 1]
    marks = data[data.rindex(before, 0, place) + len(before) : place].strip()
    return before != _ANSWER and len(marks) <= _MOST_QUOTING and marks.endswith(_QUOTING)


class Vocabulary:
    """The words that training saw, a bit for each: about one unknown word in 25 is taken for one of them."""

    def __init__(self, packed: npt.NDArray[np.uint8]) -> None:
        self._bits = np.unpackbits(packed).tobytes()
        self._known = np.frombuffer(self._bits, np.bool_)
        self._is_rich = int(self._known.sum()) >= LEAST_RICH

    def share(self, keys: Keys, sizes: Sizes) -> float:
        """Share of the words known, by bytes, in the better half of the query (0 to 1); 1 without words."""
        return self._compared(keys, sizes)[0]

    def is_near(self, reading: Reading, least_share: float) -> bool:
        """Whether the share is at least this, or too little is unknown to tell."""
        keys = plain_word_keys(reading)
        if self._known.take(keys & _SLOT_MASK).all():
            return True
        share, unknown = self._compared(keys, sizes_of(reading.words))
        return unknown < LEAST_UNKNOWN_BYTES or share >= least_share

    def noise_behind(self, reading: Reading) -> int:
        """How many words at the end are made up; 0 where the query has code.

        Made up are words that are unknown, `LEAST_NOISE` or more of them, with numbers and very short words
        among them, or fewer where one is a blob. Words behind a colon or a quotation mark are what
        the query is about, and so is anything behind a plain errand such as "translate".
        """
        words = reading.words
        if not self._is_rich or len(words) <= LEAST_SENSE or not self._ends_strangely(words):
            return 0
        if reading.form[CONTAINS_CODE] or not any(map(self._knows, words[:_BEGINNING])):
            return 0
        noise, strange, blob = self._made_up(words)
        while noise and noise < len(words) and not words[-noise - 1].isascii():
            noise += 1
        if noise:
            noise += scattered(reading.data, words, noise)
        left = len(words) - noise
        if not noise or left < LEAST_SENSE or noise > MOST_NOISE or not is_short(words, noise):
            return 0
        if (strange < LEAST_NOISE and not blob) or is_quoted(reading.data, words, noise):
            return 0
        sense = sum(map(self._knows, words[:left]))
        return noise if sense >= max(LEAST_SENSE, left / 2) else 0

    def _ends_strangely(self, words: list[bytes]) -> bool:
        for word in words[-_ENDING:]:
            if len(word) > _SHORT and not self._bits[crc32(word) & _LAST_SLOT] and not word.isdigit():
                return True
        return False

    def _made_up(self, words: list[bytes]) -> tuple[int, int, bool]:
        """How many words at the end to drop, how many of them are unknown, and whether one is a blob.

        Unknown words count for it, known ones against it, and the stretch that counts most is taken.
        """
        noise = strange = found = best = count = 0
        blob = large = False
        for at, word in enumerate(reversed(words), 1):
            if word.isdigit() or len(word) <= _SHORT:
                continue
            if self._knows(word):
                count -= _KNOWN_WEIGHS
                if count < best - _KNOWN_WEIGHS:
                    break
                continue
            count += 1
            found += 1
            large = large or is_blob(word)
            if count > best:
                best, noise, strange, blob = count, at, found, large
        return noise, strange, blob

    def _knows(self, word: bytes) -> bool:
        return bool(self._bits[crc32(word) & _LAST_SLOT]) or word.isdigit()

    def _compared(self, keys: Keys, sizes: Sizes) -> tuple[float, int]:
        """The share, and how many bytes of words are unknown."""
        known = self._known.take(keys & _SLOT_MASK) | (sizes < 0)
        size = np.abs(sizes).astype(np.int64)
        there, middle = size * known, len(size) // 2
        halves = (slice(0, middle), slice(middle, None))
        shares = [int(there[half].sum()) / int(size[half].sum()) for half in halves if len(size[half])]
        return max(shares, default=1.0), int(size.sum() - there.sum())
