"""An upstream whose models say different things, and can be made to wait."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire, Seen

Says = str | Callable[[dict[str, Any]], str]


class Tongues(OpenAIWire):
    """Answers whole what `texts` has for a model's upstream name; streams, and all other models, as scripted."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, Says] = {}
        self._held: dict[str, asyncio.Event] = {}

    def clear(self) -> None:
        super().clear()
        self.texts.clear()
        for model in list(self._held):
            self.release(model)

    def hold(self, model: str) -> None:
        """From now on the model answers nothing until it is released."""
        self._held[model] = asyncio.Event()

    def release(self, model: str) -> None:
        """The model answers what waits, and again at once."""
        event = self._held.pop(model, None)
        if event is not None:
            self._loop.call_soon_threadsafe(event.set)

    def of(self, model: str) -> list[Seen]:
        """What arrived for a model."""
        return [seen for seen in self.seen if seen.body["model"] == model]

    def speak(self, script: str, body: dict[str, Any]) -> Spoken:
        spoken = super().speak(script, body)
        says = self.texts.get(str(body["model"]))
        if says is None or spoken.streamed or spoken.status != 200:
            return spoken
        answer = json.loads(spoken.pieces[0])
        for choice in answer["choices"]:
            choice["message"]["content"] = says if isinstance(says, str) else says(body)
        spoken.pieces = [json.dumps(answer).encode()]
        return spoken

    async def _answer(self, request: web.Request, spoken: Spoken) -> web.StreamResponse:
        model = str(json.loads(await request.text())["model"])
        event = self._held.get(model)
        if event is not None:
            await event.wait()
        return await super()._answer(request, spoken)
