"""Speaking like a model would: after a while, then piece by piece."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from router.bundled.chat import Chat
from router.bundled.speaker import Delta, Used
from router.offline.reply import LARGE, SMALL, Reply, pieces_of, prompt_tokens, reply

_WORDS_A_PIECE: Final = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one model takes.

    Attributes:
        first_byte_s: before its first piece, seconds.
        gap_s: between two pieces, seconds.
    """

    first_byte_s: float
    gap_s: float


PACES: Final[Mapping[str, Pace]] = {SMALL: Pace(0.020, 0.002), LARGE: Pace(0.060, 0.004)}
"""Enough to be seen in a report; a real model takes ten times as long."""


class OfflineSpeaker:
    """Answers as `offline/small` and `offline/large`."""

    names: Mapping[str, str] = {SMALL: SMALL, LARGE: LARGE, "small": SMALL, "large": LARGE}

    def __init__(self, latency_scale: float = 1.0) -> None:
        """`latency_scale` multiplies every wait; 0 waits for nothing."""
        self._latency_scale = latency_scale

    async def speak(self, chat: Chat) -> AsyncGenerator[Delta | Used]:
        """The answer in pieces of about four words."""
        replies = [reply(chat, index) for index in range(chat.choices)]
        pace = PACES[chat.model]
        await self._wait(pace.first_byte_s)
        for row in itertools.zip_longest(*(_deltas(index, said) for index, said in enumerate(replies))):
            for delta in row:
                if delta is not None:
                    yield delta
            await self._wait(pace.gap_s)
        yield Used(prompt_tokens(chat), sum(said.tokens for said in replies))

    async def _wait(self, seconds: float) -> None:
        if self._latency_scale:
            await asyncio.sleep(seconds * self._latency_scale)


def _deltas(index: int, said: Reply) -> list[Delta]:
    if said.tool is not None:
        function = {"name": said.tool, "arguments": ""}
        opened = {"index": 0, "id": f"call_{uuid.uuid4().hex}", "type": "function", "function": function}
        fields = [_calling(opened), _calling({"index": 0, "function": {"arguments": said.arguments}})]
        head: dict[str, Any] = {"role": "assistant", "content": None}
    else:
        words = pieces_of(said.text or "")
        fields = [
            {"content": "".join(words[at : at + _WORDS_A_PIECE])}
            for at in range(0, len(words), _WORDS_A_PIECE)
        ]
        head = {"role": "assistant", "content": ""}
    bodies = [head, *fields]
    return [*(Delta(index, body) for body in bodies), Delta(index, {}, said.finish_reason)]


def _calling(call: Mapping[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [call]}
