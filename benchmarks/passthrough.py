"""The plainest gateway there is: ASGI in, aiohttp out, bytes through. What Pennyroute is compared with.

Usage: python -m benchmarks.passthrough BASE_URL
"""

import socket
import sys
from typing import Any

import aiohttp
import uvicorn

BASE_URL = sys.argv[1] if len(sys.argv) > 1 else ""


class Passthrough:
    """Forwards every body to the upstream's chat endpoint and its answer back."""

    def __init__(self) -> None:
        self.session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            )
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.session.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        assert self.session is not None
        headers = {"Content-Type": "application/json"}
        async with self.session.post(f"{BASE_URL}/chat/completions", data=body, headers=headers) as answer:
            content = await answer.read()
        length = (b"content-length", b"%d" % len(content))
        head = [(b"content-type", answer.content_type.encode()), length]
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        await send({"type": "http.response.body", "body": content})


class Announced(uvicorn.Server):
    """Says where it listens once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        Passthrough(),
        http="httptools",
        loop="uvloop",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
    )
    Announced(config).run(sockets=[listener])
