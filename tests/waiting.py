"""Waiting for something another task or process brings about."""

import asyncio
from collections.abc import Callable


async def until(happened: Callable[[], bool]) -> None:
    """Comes back once it has happened; gives up after a minute, which no test waits for by design."""
    async with asyncio.timeout(60):
        while not happened():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.005)
