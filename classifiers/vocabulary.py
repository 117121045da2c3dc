"""How far a query is from what was learned from: whether it is made of words that training saw at all.

A vocabulary is a set of hashes of words, kept as bits. What is compared is bytes of known words with bytes of
all, in the better half of the query: text appended to a query, or pasted before it, leaves the query known.
"""

from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifiers.features import CONTAINS_CODE, FREE, Keys, Reading, plain_word_keys
from classifiers.noise import BLOB, is_content, is_quoted, scattered
from classifiers.words import ANSWER

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

_SHORT: Final = 2
"""A word of so many bytes says nothing about whether it is made up."""

_ANSWERED: Final = frozenset((ANSWER,))
_LETTERS: Final = frozenset((ANSWER, b"b", b"c", b"d"))
"""Behind the last of these the options of a question end."""

_ENDING: Final = 6
_KNOWN_WEIGHS: Final = 2
"""How many unknown words behind it a known one outweighs."""

_BLOB: Final = 24
_BEGINNING: Final = 8
_LEAST_BEGUN: Final = 2
"""Where fewer of so many first words are known, what stands behind them is no noise behind a query."""

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
        among them, or fewer where one is a blob; what `is_quoted` or `is_content` is what the query is about,
        and so are the options of a question.
        """
        words = reading.words
        if not self._is_rich or len(words) <= LEAST_SENSE or not self._ends_strangely(words):
            return 0
        if reading.form[CONTAINS_CODE] or sum(map(self._knows, words[:_BEGINNING])) < _LEAST_BEGUN:
            return 0
        noise, strange, blob = self._made_up(words, _LETTERS if reading.format != FREE else _ANSWERED)
        while noise and noise < len(words) and not words[-noise - 1].isascii():
            noise += 1
        if not noise or (strange < LEAST_NOISE and not blob) or len(words) - noise < LEAST_SENSE:
            return 0
        noise += scattered(reading.data, words, noise, len(words) - noise - LEAST_SENSE)
        if is_content(words, noise) or is_quoted(reading.data, words, noise):
            return 0
        left = len(words) - noise
        sense = sum(map(self._knows, words[:left]))
        return noise if sense >= max(LEAST_SENSE, left / 2) else 0

    def _ends_strangely(self, words: list[bytes]) -> bool:
        for word in words[-_ENDING:]:
            if len(word) > _SHORT and not self._bits[crc32(word) & _LAST_SLOT] and not word.isdigit():
                return True
        return False

    def _made_up(self, words: list[bytes], ends: frozenset[bytes]) -> tuple[int, int, bool]:
        """How many words at the end to drop, how many of them are unknown, and whether one is a blob.

        What stands before the last of `ends` is not looked at. Unknown words count for it, known ones against
        it, and the stretch that counts most is taken.
        """
        noise = strange = found = best = count = 0
        blob = large = False
        for at, word in enumerate(reversed(words), 1):
            if word in ends:
                break
            if word.isdigit() or len(word) <= _SHORT:
                continue
            if self._knows(word):
                count -= _KNOWN_WEIGHS
                if count < best - _KNOWN_WEIGHS:
                    break
                continue
            count += 1
            found += 1
            large = large or len(word) >= BLOB
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
