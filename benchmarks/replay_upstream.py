"""An upstream that answers as was recorded: a real HTTP server on loopback that speaks the OpenAI wire.

The answer's text is the recorded score and `usage.cost` the recorded cost in dollars, as OpenRouter does,
so that quality and cost both come back through the whole service. Token counts were not recorded: it states
one token for four characters, and one out.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one model scored on one query (0 to 1), and its cost as the dollars that were recorded."""

    score: float
    cost_usd: str


class ReplayUpstream:
    """Answers by model and the last message's text; `calls` counts what it answered."""

    def __init__(self, answers: Mapping[tuple[str, str], Recorded]) -> None:
        self._answers = answers
        self.calls = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serves; yields the base URL."""
        app = web.Application(client_max_size=64 << 20)
        app.router.add_post("/v1/chat/completions", self._complete)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            port = runner.addresses[0][1]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            await runner.cleanup()

    async def _complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        text = body["messages"][-1]["content"]
        recorded = self._answers.get((body["model"], text))
        if recorded is None:
            return web.json_response({"error": {"message": "this was not recorded"}}, status=404)
        self.calls += 1
        raw = json.dumps(_answer(body["model"], text, recorded.score, self.calls))
        return web.Response(text=raw.replace('"COST"', recorded.cost_usd), content_type="application/json")


def _answer(model: str, text: str, score: float, number: int) -> dict[str, Any]:
    tokens = len(text) // 4 + 1
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": model,
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": str(score)}, "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": tokens,
            "completion_tokens": 1,
            "total_tokens": tokens + 1,
            "cost": "COST",
        },
    }
