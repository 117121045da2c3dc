"""Words, as they are cut from the bytes that are read."""

from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

_WORD_BYTES = bytes(b if 0x30 <= b <= 0x39 or 0x61 <= b <= 0x7A or b >= 0x80 else 0x20 for b in range(256))
"""Turns every byte of lower-cased UTF-8 that cannot be part of a word into a space."""
_NO_WORD_BYTES = bytes(byte for byte in range(256) if _WORD_BYTES[byte] == 0x20)
ANSWER: Final = b"answer"
ASKED: Final = ANSWER + b":"
"""With this an examination question ends."""
MARKS: Final = bytes(byte for byte in range(33, 127) if not chr(byte).isalnum()) + b" \t\n\r"
"""What is no part of a word, in ASCII."""

Hashes = npt.NDArray[np.uint32]


def words_of(data: bytes) -> list[bytes]:
    """Runs of letters, digits and bytes beyond ASCII, in order, of lower-cased UTF-8."""
    return data.translate(_WORD_BYTES).split()


def word_bytes(data: bytes) -> int:
    """How many bytes all words have together."""
    return len(data.translate(None, _NO_WORD_BYTES))


def word_hashes(words: list[bytes]) -> Hashes:
    """CRC-32 of each word, in order."""
    return np.fromiter(map(crc32, words), np.uint32, len(words))


def between(data: bytes, words: list[bytes], start: int, end: int) -> bytes:
    """The bytes without the first `start` and the last `end` of their words."""
    left, right = 0, len(data)
    for word in words[:start]:
        left = data.index(word, left) + len(word)
    for word in words[len(words) - end :][::-1]:
        right = data.rindex(word, 0, right)
    return data[left:right]
