"""How many of a model's recent calls failed. Time comes in with each call, in monotonic seconds."""

from typing import Final

from router.pressure.rate import Weighted

_LEAST_CALLS: Final = 3.0
"""Fewer recent calls than this say nothing; so a model that nobody calls is given another chance."""


class Failures:
    """The recent calls of one model, from one worker."""

    __slots__ = ("_calls", "_failed")

    def __init__(self, memory_s: float, now_s: float) -> None:
        self._calls = Weighted(memory_s, now_s)
        self._failed = Weighted(memory_s, now_s)

    def ended(self, now_s: float, *, well: bool) -> None:
        """A call ended."""
        self._calls.add(1.0, now_s)
        if not well:
            self._failed.add(1.0, now_s)

    def share(self, now_s: float) -> float:
        """The share that failed, 0-1; 0 after too few calls to tell."""
        calls = self._calls.at(now_s)
        return 0.0 if calls < _LEAST_CALLS else min(1.0, self._failed.at(now_s) / calls)
