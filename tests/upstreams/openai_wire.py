"""A real HTTP upstream that speaks the OpenAI wire and misbehaves on request.

In a test (sync or async; it runs in a thread of its own):

    with OpenAIWire() as upstream:
        upstream.base_url            # http://127.0.0.1:PORT/v1
        upstream.play("500", "ok")   # the next requests, in order; then back to what the model name says
        upstream.seen                # what arrived: list[Seen]

By itself: `python -m tests.upstreams.openai_wire --port 0` prints its base URL; GET /_seen answers what arrived,
POST /_play {"scripts": ["500"]} queues. A script is also chosen by the model's name (`tiny-1@500`), or by the
header `x-script`. `SCRIPTS` in answers.py lists them all.
"""

import argparse
import asyncio
import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.upstreams.answers import SCRIPTS, Spoken, speak


@dataclass
class Seen:
    """One request as it arrived, and how it ended."""

    path: str
    headers: dict[str, str]
    text: str
    script: str
    client_left: bool = False
    answered: bool = False
    body: dict[str, Any] = field(default_factory=dict)


class OpenAIWire:
    """The upstream; enter it to start it on a free loopback port."""

    chat_path = "/v1/chat/completions"
    scripts: Mapping[str, str] = SCRIPTS

    def __init__(self, port: int = 0) -> None:
        self.seen: list[Seen] = []
        self.base_url = ""
        self.concurrent_now = 0
        self.concurrent_most = 0
        self._ports: set[int] = set()
        self._port = port
        self._queued: deque[str | Spoken] = deque()
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def root_url(self) -> str:
        return self.base_url.removesuffix("/v1")

    @property
    def connections(self) -> int:
        """Connections that requests came by."""
        return len(self._ports)

    def play(self, *scripts: str) -> None:
        """Queues scripts for the next requests."""
        unknown = [script for script in scripts if script not in self.scripts]
        if unknown:
            raise ValueError(f"no such script: {unknown}; there are {sorted(self.scripts)}")
        self._queued.extend(scripts)

    def say(self, *spoken: Spoken) -> None:
        """Queues answers of a test's own for the next requests."""
        self._queued.extend(spoken)

    def clear(self) -> None:
        self.seen.clear()
        self._queued.clear()
        self._ports.clear()
        self.concurrent_most = 0

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._up.wait(10):
            raise RuntimeError("the upstream did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._up.set()
        self._loop.run_forever()
        assert self._runner is not None
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post(self.chat_path, self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/_seen", self._report)
        app.router.add_post("/_play", self._queue)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        port = self._runner.addresses[0][1]
        self.base_url = f"http://127.0.0.1:{port}/v1"

    async def _models(self, _: web.Request) -> web.Response:
        models = [{"id": name, "object": "model", "owned_by": "test"} for name in ("tiny-1", "big-1")]
        return web.json_response({"object": "list", "data": models})

    async def _report(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(seen) for seen in self.seen])

    async def _queue(self, request: web.Request) -> web.Response:
        self.play(*(await request.json())["scripts"])
        return web.json_response({"queued": len(self._queued)})

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        body = json.loads(text)
        chosen = self._chosen(request, str(body.get("model", "")))
        spoken = self.speak(chosen, body) if isinstance(chosen, str) else chosen
        script = chosen if isinstance(chosen, str) else "said"
        seen = Seen(request.path_qs, dict(request.headers), text, script, body=body)
        self.seen.append(seen)
        self._ports.add(request.transport.get_extra_info("peername")[1] if request.transport else 0)
        self.concurrent_now += 1
        self.concurrent_most = max(self.concurrent_most, self.concurrent_now)
        try:
            answer = await self._answer(request, spoken)
        except (asyncio.CancelledError, ConnectionError):
            seen.client_left = True
            raise
        finally:
            self.concurrent_now -= 1
        seen.answered = True
        return answer

    def _chosen(self, request: web.Request, model: str) -> str | Spoken:
        if self._queued:
            return self._queued.popleft()
        wanted = request.headers.get("x-script") or model.partition("@")[2] or "ok"
        return wanted if wanted in self.scripts else "ok"

    def speak(self, script: str, body: dict[str, Any]) -> Spoken:
        """What a script answers to a body."""
        return speak(script, body)

    async def _answer(self, request: web.Request, spoken: Spoken) -> web.StreamResponse:
        await asyncio.sleep(spoken.wait_s)
        if spoken.reset_at_once:
            _reset(request)
            return web.Response()
        if not spoken.streamed:
            response = web.Response(
                body=spoken.pieces[0],
                status=spoken.status,
                headers=spoken.headers,
                content_type=spoken.content_type,
            )
            if spoken.gzip:
                response.enable_compression(web.ContentCoding.gzip)
            return response
        stream = web.StreamResponse(status=spoken.status, headers=spoken.headers)
        stream.content_type = spoken.content_type
        if spoken.gzip:
            stream.enable_compression(web.ContentCoding.gzip)
        await stream.prepare(request)
        for number, piece in enumerate(spoken.pieces):
            if number == spoken.pause_before_piece:
                await asyncio.sleep(spoken.pause_s)
            await stream.write(piece)
            await asyncio.sleep(spoken.gap_s)
        if spoken.reset_at_end:
            _reset(request)
            return stream
        await stream.write_eof()
        return stream


def _reset(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()


def main() -> None:
    """Serves until interrupted, having printed the base URL."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    with OpenAIWire(parser.parse_args().port) as upstream:
        print(upstream.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
