"""How far a query is from what was learned from: whether it is made of words that training saw at all.

A vocabulary is a set of hashes of words, kept as bits. What is compared is bytes of known words with bytes of
all, in the better half of the query: text appended to a query, or pasted before it, leaves the query known.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.features import Keys, Reading, plain_word_keys

_SLOT_BITS: Final = 20
SLOTS: Final = 1 << _SLOT_BITS
VOCABULARY_BYTES: Final = SLOTS // 8
_SLOT_MASK: Final = np.uint32(SLOTS - 1)

LEAST_UNKNOWN_BYTES: Final = 24
"""With fewer bytes of unknown words than this nobody can tell: a query is then near."""

Sizes = npt.NDArray[np.int16]

_LONGEST: Final = 60
"""A word counts for at most this many bytes, else one pasted blob would be all of a query."""


def sizes_of(words: list[bytes]) -> Sizes:
    """Bytes of each word, at most `_LONGEST`; negative for numbers, which are known without being kept."""
    return np.array(
        [-min(len(word), _LONGEST) if word.isdigit() else min(len(word), _LONGEST) for word in words],
        dtype=np.int16,
    )


def pack(keys: Keys) -> npt.NDArray[np.uint8]:
    """The vocabulary of these words, (VOCABULARY_BYTES,)."""
    slots = np.zeros(SLOTS, dtype=np.bool_)
    slots[keys & _SLOT_MASK] = True
    return np.packbits(slots)


class Vocabulary:
    """The words that training saw, a bit for each: about one unknown word in 25 is taken for one of them."""

    def __init__(self, packed: npt.NDArray[np.uint8]) -> None:
        self._known = np.unpackbits(packed).view(np.bool_)

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

    def _compared(self, keys: Keys, sizes: Sizes) -> tuple[float, int]:
        """The share, and how many bytes of words are unknown."""
        known = self._known.take(keys & _SLOT_MASK) | (sizes < 0)
        size = np.abs(sizes).astype(np.int64)
        there, middle = size * known, len(size) // 2
        halves = (slice(0, middle), slice(middle, None))
        shares = [int(there[half].sum()) / int(size[half].sum()) for half in halves if len(size[half])]
        return max(shares, default=1.0), int(size.sum() - there.sum())
