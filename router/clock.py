"""Time, ids and chance come in by constructor; this file is where the real ones are made."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_PAIRS = ["".join(pair) for pair in product(_ALPHABET, repeat=2)]


def sortable_id(prefix: str, now_ms: int, entropy: int) -> str:
    """An id that sorts by its time: 48 bits of milliseconds and 80 bits of chance, in base 32.

    Args:
        prefix: what the id names, such as `dec`.
        now_ms: Unix time in milliseconds.
        entropy: a number of at most 80 bits that nobody can guess.
    """
    number = (now_ms & (1 << 48) - 1) << 80 | entropy & (1 << 80) - 1
    digits = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(digits)}"


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is not a function of the request: clocks, ids and chance.

    Attributes:
        now_ms: Unix time in milliseconds, for ids and records only; money's windows use the store's time.
        monotonic_s: seconds that never run backwards, for durations.
        new_id: prefix → a fresh sortable id.
        chance: a number in [0, 1), for jitter.
    """

    now_ms: Callable[[], int]
    monotonic_s: Callable[[], float]
    new_id: Callable[[str], str]
    chance: Callable[[], float]


def real_world() -> World:
    """The machine's own clocks and the operating system's randomness."""
    source = secrets.SystemRandom()

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    def new_id(prefix: str) -> str:
        return sortable_id(prefix, now_ms(), secrets.randbits(80))

    return World(now_ms=now_ms, monotonic_s=time.monotonic, new_id=new_id, chance=source.random)
