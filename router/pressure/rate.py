"""How fast requests come, and how fast they usually do. Time comes in with each call: monotonic seconds."""

import math
from typing import Final

_LEAST_SEEN: Final = 10.0
"""Fewer requests than this at once are no spike, whatever is usual: two after a quiet hour are chance."""

_USUAL_AFTER: Final = 0.1
"""There is a usual rate once this share of the time it is taken over has passed."""


class Weighted:
    """A sum in which what is older than `memory_s` counts less and less: exp(-age / memory)."""

    __slots__ = ("_at_s", "_memory_s", "_sum")

    def __init__(self, memory_s: float, now_s: float) -> None:
        self._memory_s = memory_s
        self._at_s = now_s
        self._sum = 0.0

    def at(self, now_s: float) -> float:
        """The sum now; asked for no earlier moment than it was last told of."""
        return self._sum * math.exp(-max(0.0, now_s - self._at_s) / self._memory_s)

    def add(self, amount: float, now_s: float) -> None:
        """Adds to it."""
        self._sum = self.at(now_s) + amount
        self._at_s = max(now_s, self._at_s)


class Rate:
    """The rate of one route's requests in one worker: now, and usually."""

    __slots__ = ("_began_s", "_now", "_rate_s", "_usual", "_usual_s")

    def __init__(self, rate_s: float, usual_s: float, now_s: float) -> None:
        self._rate_s, self._usual_s, self._began_s = rate_s, usual_s, now_s
        self._now = Weighted(rate_s, now_s)
        self._usual = Weighted(usual_s, now_s)

    def arrived(self, now_s: float) -> None:
        """A request came."""
        self._now.add(1.0, now_s)
        self._usual.add(1.0, now_s)

    def times_usual(self, now_s: float) -> float:
        """How many times the usual rate the present one is; 0 while there is no telling."""
        age_s, seen = now_s - self._began_s, self._now.at(now_s)
        usual = self._usual.at(now_s)
        if age_s < _USUAL_AFTER * self._usual_s or seen < _LEAST_SEEN or usual <= 0.0:
            return 0.0
        return (seen / _span(self._rate_s, age_s)) / (usual / _span(self._usual_s, age_s))


def _span(memory_s: float, age_s: float) -> float:
    """Over how many seconds a weighted sum is spread that began so long ago."""
    return memory_s * -math.expm1(-age_s / memory_s)
