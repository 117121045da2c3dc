"""One piece of work for many who want it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Joint(Generic[Result]):
    """Does a piece of work for all who ask while another run is on its way, once.

    Everybody gets the result of a run that began after they asked, so it is as fresh as one of their own.
    """

    def __init__(self, work: Callable[[], Awaitable[Result]], *, apart_s: float = 0.0) -> None:
        """`apart_s`: seconds between the beginnings of two runs, at least; whoever asks earlier waits."""
        self._work = work
        self._apart_s = apart_s
        self._began_s: float | None = None
        self._running: asyncio.Task[Result] | None = None
        self._next: asyncio.Task[Result] | None = None

    async def __call__(self) -> Result:
        """The work's result, or what it raised."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._run(self._running))
        return await asyncio.shield(self._next)  # one who leaves does not take it from the others

    async def aclose(self) -> None:
        """Ends what is on its way; whoever still waits for it is cancelled."""
        ending = [task for task in (self._next, self._running) if task is not None]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._next = self._running = None

    async def _run(self, before: "asyncio.Task[Result] | None") -> Result:
        if before is not None:
            await asyncio.wait([before])
        clock = asyncio.get_running_loop().time
        if self._began_s is not None:
            await asyncio.sleep(self._began_s + self._apart_s - clock())
        self._began_s = clock()
        self._running, self._next = self._next, None  # it begins: whoever asks from here on gets the next one
        return await self._work()
