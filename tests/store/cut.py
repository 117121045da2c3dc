"""A line to the store that breaks at the worst moment: a script ran, and its answer is lost."""

import asyncio
from typing import Self, cast

from tests.store.servers import StoreServer


class Cut:
    """Between a store and its server: passes everything on, and cuts the line instead of a script's answer."""

    def __init__(self, server: StoreServer) -> None:
        self.server = server
        self.path = server.folder / "cut"
        self.cuts = 0
        self.url = f"unix://{self.path}"
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_unix_server(self._joined, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _joined(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        self._tasks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        replies, server = await asyncio.open_unix_connection(self.server.folder / "s")
        try:
            while asked := await client.read(65_536):
                server.write(asked)
                answer = await replies.read(65_536)
                if b"EVALSHA" in asked and not answer.startswith(b"-NOSCRIPT") and self.cuts:
                    self.cuts -= 1
                    break
                answers.write(answer)
        finally:
            answers.close()
            server.close()
