"""The store's clock, as a worker can tell it without asking each time."""

import asyncio

from router.store.connection import Store


class StoreClock:
    """Follows the store's time by what its answers say; the store checks whatever depends on it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ahead_ms: float | None = None

    def heard(self, at_ms: int) -> None:
        """Takes note of the store's time in an answer that just came, Unix milliseconds."""
        self._ahead_ms = at_ms - asyncio.get_running_loop().time() * 1000

    async def now_ms(self) -> int:
        """About now, by the store's clock; it is asked where it never said.

        Raises:
            StoreUnavailable: no answer.
        """
        if self._ahead_ms is None:
            self.heard(await self._store.now_ms())
        return int(asyncio.get_running_loop().time() * 1000 + (self._ahead_ms or 0.0))
