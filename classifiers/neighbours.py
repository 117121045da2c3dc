"""Which queries are copies or near-copies of each other, so that folds and evaluations keep them together.

Few-shot preambles make whole texts look alike, so what is compared is what is rare: the last `TAIL_CHARS`
characters, and the word 5-grams that few queries share.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.facts import QueryFacts
from classifiers.part import part_of
from classifiers.words import word_hashes, words_of

TAIL_CHARS: Final = 300
SHINGLE_WORDS: Final = 5
RARE_IN_AT_MOST: Final = 8
SHARED_TO_BE_NEAR: Final = 0.5
RARE_IN_GROUPS: Final = 1
RARE_KEPT: Final = 4
"""So many rare shingles of each row are kept in an artifact, by 32 bits of each."""

_STEP = np.uint64(0x9E3779B97F4A7C15)


def normal_form(text: str) -> bytes:
    """Words of the part that is read, lower-cased, single spaces, no punctuation."""
    return b" ".join(words_of(part_of(text).data))


def row_hash(text: str) -> int:
    """64 bits of BLAKE2b of the normal form: equal for copies that differ in case, spaces, punctuation."""
    return _hash(normal_form(text))


def copy_hashes(text: str) -> tuple[int, int]:
    """`row_hash`, and the same of the last `TAIL_CHARS` bytes: queries that share either are copies."""
    normal = normal_form(text)
    return _hash(normal), _hash(b"tail:" + normal[-TAIL_CHARS:])


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def shingle_hashes(text: str) -> npt.NDArray[np.uint64]:
    """Distinct hashes of the word 5-grams; of the whole text where it is shorter."""
    words = words_of(part_of(text).data)
    if len(words) < SHINGLE_WORDS:
        return np.array([row_hash(text)], dtype=np.uint64)
    hashes = word_hashes(words).astype(np.uint64)
    rolled = np.zeros(len(hashes) - SHINGLE_WORDS + 1, dtype=np.uint64)
    for at in range(SHINGLE_WORDS):
        rolled = (rolled ^ hashes[at : at + len(rolled)]) * _STEP
    return np.unique(rolled)


def groups(facts: Sequence[QueryFacts]) -> npt.NDArray[np.int64]:
    """A group number for each query, equal for near-copies: those that must share a fold."""
    parent = list(range(len(facts)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    first_with: dict[int, int] = {}
    for at, one in enumerate(facts):
        for key in copy_hashes(one.text):
            parent[root(at)] = root(first_with.setdefault(key, at))
    for left, right in _near_pairs([shingle_hashes(one.text) for one in facts]):
        parent[root(left)] = root(right)
    roots = np.array([root(at) for at in range(len(facts))], dtype=np.int64)
    numbered: npt.NDArray[np.int64] = np.unique(roots, return_inverse=True)[1].astype(np.int64)
    return numbered


def _near_pairs(shingles: Sequence[npt.NDArray[np.uint64]]) -> list[tuple[int, int]]:
    """Pairs that share at least half of the rarer one's rare shingles."""
    if not shingles:
        return []
    owner = np.repeat(np.arange(len(shingles)), [len(one) for one in shingles])
    flat = np.concatenate(shingles)
    order = np.argsort(flat, kind="stable")
    owner, flat = owner[order], flat[order]
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))
    counts = np.diff(np.concatenate((starts, [len(flat)])))
    rare = np.repeat(counts <= RARE_IN_AT_MOST, counts)
    rare_per_owner = np.bincount(owner[rare], minlength=len(shingles))
    shared: dict[tuple[int, int], int] = {}
    for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
        if 2 <= count <= RARE_IN_AT_MOST:
            members = owner[start : start + count].tolist()
            for at, left in enumerate(members):
                for right in members[at + 1 :]:
                    shared[left, right] = shared.get((left, right), 0) + 1
    return [
        pair
        for pair, count in shared.items()
        if count >= SHARED_TO_BE_NEAR * min(rare_per_owner[pair[0]], rare_per_owner[pair[1]])
    ]


def rarest(texts: Sequence[str], group: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """(n, RARE_KEPT) 32 bits of shingles of each text that few groups of near-copies share; 0 where no more.

    Which of a text's rare shingles are kept is drawn by their hashes, so a near-copy that has at least half
    of them has about half of those kept.
    """
    shingles = [shingle_hashes(text) for text in texts]
    flat = np.concatenate([np.zeros(0, np.uint64), *shingles])
    owner = np.repeat(group, [len(one) for one in shingles])
    values, number = np.unique(flat, return_inverse=True)
    pairs = np.unique(number.astype(np.int64) * (int(group.max(initial=0)) + 1) + owner)
    counts = np.bincount(pairs // (int(group.max(initial=0)) + 1), minlength=len(values))
    common = values[counts > RARE_IN_GROUPS]
    kept = np.zeros((len(texts), RARE_KEPT), dtype=np.uint32)
    for at, (text, own) in enumerate(zip(texts, shingles, strict=True)):
        if len(words_of(part_of(text).data)) >= SHINGLE_WORDS:
            rare = np.unique(short_hashes(np.setdiff1d(own, common, assume_unique=True)))[:RARE_KEPT]
            kept[at, : len(rare)] = rare
    return kept


def short_hashes(shingles: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """The upper 32 bits, never 0."""
    short: npt.NDArray[np.uint32] = np.maximum(shingles >> np.uint64(32), np.uint64(1)).astype(np.uint32)
    return short
