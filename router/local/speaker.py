"""The local model behind the wire: chats take turns, and one whose caller left ends at once."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, Final

from router.bundled.chat import Chat, Message
from router.bundled.speaker import Delta, Used
from router.errors import InvalidRequest
from router.local.model import CONTEXT_TOKENS, MOST_OUTPUT_TOKENS, DoesNotFit, LocalModel, Piece

NAME: Final = "local/smollm2-135m"

_ROLES: Final = {"developer": "system", "tool": "user", "function": "user"}
# What the model's makers advise; OpenAI's own default of 1 makes a model this small ramble.
_TEMPERATURE: Final = 0.2
_TOP_P: Final = 0.9
_SEEDS: Final = 2**32


class TooLongForContext(InvalidRequest):
    """The chat is longer than the model's context."""

    code = "context_length_exceeded"


class LocalSpeaker:
    """Answers as `local/smollm2-135m`."""

    names: Mapping[str, str] = {NAME: NAME, "smollm2-135m": NAME}

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1)

    async def speak(self, chat: Chat) -> AsyncGenerator[Delta | Used]:
        """The answer, a piece for each token or two.

        Raises:
            InvalidRequest: pictures, a tool that must be called, a setting out of range, or too long a chat.
        """
        options = options_of(chat)
        messages = [_plain(message) for message in chat.messages]
        prompt_tokens = completion_tokens = 0
        async with self._turn:
            for index in range(chat.choices):
                opened = False
                async with aclosing(self._pieces(messages, options)) as pieces:
                    async for piece in pieces:
                        if not opened:
                            yield Delta(index, {"role": "assistant", "content": ""})
                            opened = True
                        fields = {"content": piece.text} if piece.text else {}
                        yield Delta(index, fields, piece.finish_reason)
                        prompt_tokens = max(prompt_tokens, piece.prompt_tokens)
                        completion_tokens += piece.completion_tokens
        yield Used(prompt_tokens, completion_tokens)

    async def _pieces(
        self, messages: Sequence[Mapping[str, str]], options: Mapping[str, Any]
    ) -> AsyncGenerator[Piece]:
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Piece | None] = asyncio.Queue()
        left = threading.Event()

        def work() -> None:
            for piece in self._model.answer(messages, options, left):
                loop.call_soon_threadsafe(arrived.put_nowait, piece)

        working = loop.run_in_executor(self._thread, work)
        working.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            while (piece := await arrived.get()) is not None:
                yield piece
            await working
        except DoesNotFit as error:
            message = f"this model takes {CONTEXT_TOKENS} tokens: {error}"
            raise TooLongForContext(message, param="messages") from error
        finally:
            left.set()
            await asyncio.wait([working])  # the next in turn must find the model idle


def options_of(chat: Chat) -> dict[str, Any]:
    """What the caller asks for, as llama-cpp-python takes it.

    Raises:
        InvalidRequest: this model cannot do that, or a number is out of range.
    """
    if any(message.images for message in chat.messages):
        raise InvalidRequest("this model takes no pictures", param="messages")
    if chat.forced_tool is not None:
        raise InvalidRequest("this model cannot call tools", param="tool_choice")
    options: dict[str, Any] = {
        "max_tokens": min(chat.cap or MOST_OUTPUT_TOKENS, MOST_OUTPUT_TOKENS),
        "temperature": _number(chat, "temperature", 0, 2, _TEMPERATURE),
        "top_p": _number(chat, "top_p", 0, 1, _TOP_P),
        "presence_penalty": _number(chat, "presence_penalty", -2, 2, 0.0),
        "frequency_penalty": _number(chat, "frequency_penalty", -2, 2, 0.0),
        "stop": list(chat.stop),
    }
    seed = chat.body.get("seed")
    if type(seed) is int:
        options["seed"] = seed % _SEEDS
    if chat.response_format != "text":
        options["response_format"] = {"type": "json_object", "schema": chat.schema}
    return options


def _number(chat: Chat, name: str, low: float, high: float, usual: float) -> float:
    value = chat.body.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InvalidRequest(f"{name} must be a number from {low:g} to {high:g}", param=name)
    return float(value)


def _plain(message: Message) -> dict[str, str]:
    return {"role": _ROLES.get(message.role, message.role), "content": message.text}
