"""A limit on calls in flight to one model, with a bounded wait for a turn."""

import asyncio
from collections import deque

from router.providers.failure import AttemptFailed, FailureKind


class Gate:
    """Lets at most `places` calls in at once; the others wait in line, first come, first served."""

    def __init__(self, name: str, places: int, queue_wait_s: float) -> None:
        self.places = places
        self.queue_wait_s = queue_wait_s
        self.inside = 0
        self._name = name
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Calls in line."""
        return len(self._line)

    async def enter(self) -> None:
        """Waits for a place.

        Raises:
            AttemptFailed: `busy`, when none came free in time.
        """
        if self.inside < self.places and not self._line:
            self.inside += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self.queue_wait_s):
                await turn
        except BaseException as error:
            # A turn that was given and not taken goes to the next in line.
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._line:
                self._line.remove(turn)
            if isinstance(error, TimeoutError):
                raise AttemptFailed(
                    FailureKind.BUSY,
                    f"{self._name}: all {self.places} places were taken for {self.queue_wait_s:g} s",
                    retry_after_s=1.0,
                ) from None
            raise

    def leave(self) -> None:
        """Gives a place to the next in line, or frees it."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.inside -= 1
