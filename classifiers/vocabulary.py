"""How far a query is from what was learned from: whether it is made of words that training saw at all.

A vocabulary is a set of hashes of words, kept as bits. What is compared is bytes of known words with bytes of
all, in the better half of the query: text appended to a query, or pasted before it, leaves the query known.
"""

from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from classifiers.features import Keys, Reading, plain_word_keys

_SLOT_BITS: Final = 20
SLOTS: Final = 1 << _SLOT_BITS
VOCABULARY_BYTES: Final = SLOTS // 8
_SLOT_MASK: Final = np.uint32(SLOTS - 1)

LEAST_UNKNOWN_BYTES: Final = 24
"""With fewer bytes of unknown words than this nobody can tell: a query is then near."""

LEAST_NOISE: Final = 3
LEAST_SENSE: Final = 3
"""So many words at the end are noise if all are unknown; so many, and half of the rest, must be known."""

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


class Vocabulary:
    """The words that training saw, a bit for each: about one unknown word in 25 is taken for one of them."""

    def __init__(self, packed: npt.NDArray[np.uint8]) -> None:
        self._known = np.unpackbits(packed).view(np.bool_)
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
        """How many words at the end are made up: all unknown, and `LEAST_NOISE` or more of them."""
        words = reading.words
        if not self._is_rich or len(words) < LEAST_NOISE + LEAST_SENSE or self._knows(words[-1]):
            return 0
        if not any(map(self._knows, words[:_BEGINNING])):
            return 0
        noise = 1
        while noise < len(words) and not self._knows(words[-noise - 1]):
            noise += 1
        left = len(words) - noise
        if noise < LEAST_NOISE or left < LEAST_SENSE:
            return 0
        sense = sum(map(self._knows, words[:left]))
        return noise if sense >= max(LEAST_SENSE, left / 2) else 0

    def _knows(self, word: bytes) -> bool:
        return bool(self._known[crc32(word) & (SLOTS - 1)]) or word.isdigit()

    def _compared(self, keys: Keys, sizes: Sizes) -> tuple[float, int]:
        """The share, and how many bytes of words are unknown."""
        known = self._known.take(keys & _SLOT_MASK) | (sizes < 0)
        size = np.abs(sizes).astype(np.int64)
        there, middle = size * known, len(size) // 2
        halves = (slice(0, middle), slice(middle, None))
        shares = [int(there[half].sum()) / int(size[half].sum()) for half in halves if len(size[half])]
        return max(shares, default=1.0), int(size.sum() - there.sum())
