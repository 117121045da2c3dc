"""How long one attempt may take, where the session does not watch it."""

import asyncio

from router.providers.endpoint import Timeouts
from router.providers.failure import AttemptFailed, FailureKind


class Deadline:
    """The ends of one attempt's waits, from now on.

    Attributes:
        began: whether part of an answer is here; until then the first byte is waited for.
    """

    def __init__(self, name: str, timeouts: Timeouts) -> None:
        self.began = False
        self._name = name
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._started_s = self._loop.time()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the call was sent."""
        return self._loop.time() - self._started_s

    @property
    def ends_s(self) -> float:
        """When patience with the next piece ends, in the loop's time."""
        patience_ends_s = (
            self._loop.time() + self._timeouts.idle_s
            if self.began
            else self._started_s + self._timeouts.first_byte_s
        )
        return min(patience_ends_s, self._started_s + self._timeouts.total_s)

    def late(self) -> AttemptFailed:
        """The failure of having waited for too long."""
        kind, waited_s = FailureKind.FIRST_BYTE_TIMEOUT, self._timeouts.first_byte_s
        if self.elapsed_s >= self._timeouts.total_s:
            kind, waited_s = FailureKind.TOTAL_TIMEOUT, self._timeouts.total_s
        elif self.began:
            kind, waited_s = FailureKind.IDLE_TIMEOUT, self._timeouts.idle_s
        return AttemptFailed(
            kind, f"{self._name}: {kind} after {waited_s:g} s", answered=self.began, billed="maybe"
        )
