"""The OpenAI wire over ASGI: `/v1/chat/completions`, whole or streamed, and `/v1/models`."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from router.bundled.chat import Chat, read_chat
from router.bundled.speaker import Delta, Speaker, Used
from router.errors import MethodNotAllowed, NotFound, PennyrouteError, TooLarge, UnknownModel

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

MOST_BODY_BYTES: Final = 64 * 1024 * 1024

_JSON: Final = b"application/json"
_DONE: Final = b"data: [DONE]\n\n"


class WireApp:
    """An ASGI application before one speaker. Any bearer is taken: it listens to this machine only."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._started_s = int(time.time())

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answers one request."""
        exchange = _Exchange(receive, send)
        try:
            await self._answer(scope["method"], scope["path"], exchange)
        except PennyrouteError as error:
            await exchange.fail(error)

    async def _answer(self, method: str, path: str, exchange: "_Exchange") -> None:
        match method, path:
            case "GET", "/v1/models":
                await exchange.json(200, self._models())
            case "POST", "/v1/chat/completions":
                content = await exchange.body()
                if content is not None:
                    await exchange.while_there(self._complete(content, exchange))
            case _, "/v1/models" | "/v1/chat/completions":
                raise MethodNotAllowed(f"{method} is not what {path} takes")
            case _:
                raise NotFound(f"there is no {path}; there are /v1/models and /v1/chat/completions")

    def _models(self) -> dict[str, Any]:
        owner = "pennyroute"
        models = [
            {"id": name, "object": "model", "created": self._started_s, "owned_by": owner}
            for name in dict.fromkeys(self._speaker.names.values())
        ]
        return {"object": "list", "data": models}

    async def _complete(self, content: bytes, exchange: "_Exchange") -> None:
        chat = read_chat(content)
        name = self._speaker.names.get(chat.model)
        if name is None:
            there = ", ".join(dict.fromkeys(self._speaker.names.values()))
            raise UnknownModel(
                f"the model {chat.model[:100]!r} does not exist; there are: {there}", param="model"
            )
        chat = replace(chat, model=name)
        answer = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": name}
        async with aclosing(self._speaker.speak(chat)) as pieces:
            if chat.stream:
                await _stream(chat, answer, pieces, exchange)
            else:
                await exchange.json(200, await _gathered(answer, pieces))


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._streaming = False

    async def body(self) -> bytes | None:
        """All of it; `None` when the client went away.

        Raises:
            TooLarge: above 64 MiB.
        """
        parts, size = [], 0
        more = True
        while more:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                return None
            parts.append(event.get("body", b""))
            size += len(parts[-1])
            if size > MOST_BODY_BYTES:
                raise TooLarge(f"the body is larger than {MOST_BODY_BYTES} bytes")
            more = event.get("more_body", False)
        return b"".join(parts)

    async def while_there(self, work: Coroutine[Any, Any, None]) -> None:
        """Works until it is done or the client goes away, which cancels it."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self._left())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            gone = working.cancel()
            await asyncio.wait({working})
        if not gone:
            working.result()

    async def _left(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def json(self, status: int, body: dict[str, Any]) -> None:
        """Sends a whole answer."""
        content = json.dumps(body, separators=(",", ":")).encode()
        await self._head(status, _JSON, (b"content-length", b"%d" % len(content)))
        await self._send({"type": "http.response.body", "body": content})

    async def event(self, body: dict[str, Any]) -> None:
        """Sends one event of a stream, which it opens if that was not done."""
        if not self._streaming:
            self._streaming = True
            await self._head(200, b"text/event-stream; charset=utf-8", (b"cache-control", b"no-cache"))
        content = b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def done(self) -> None:
        """Ends a stream."""
        await self._send({"type": "http.response.body", "body": _DONE})

    async def fail(self, error: PennyrouteError) -> None:
        """Sends an error in OpenAI's body; into a stream that has begun, as its last event."""
        stated = {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}
        if self._streaming:
            await self.event({"error": stated})
            await self._send({"type": "http.response.body", "body": b""})
        else:
            await self.json(error.status, {"error": stated})

    async def _head(self, status: int, content_type: bytes, *headers: tuple[bytes, bytes]) -> None:
        headers = ((b"content-type", content_type), (b"x-request-id", uuid.uuid4().hex.encode()), *headers)
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})


async def _stream(
    chat: Chat, answer: dict[str, Any], pieces: AsyncGenerator[Delta | Used], exchange: _Exchange
) -> None:
    chunk = {**answer, "object": "chat.completion.chunk"}
    if chat.usage_wanted:
        chunk["usage"] = None
    async for piece in pieces:
        if isinstance(piece, Delta):
            choice = {
                "index": piece.index,
                "delta": dict(piece.fields),
                "logprobs": None,
                "finish_reason": piece.finish_reason,
            }
            await exchange.event({**chunk, "choices": [choice]})
        elif chat.usage_wanted:
            await exchange.event({**chunk, "choices": [], "usage": piece.wire()})
    await exchange.done()


async def _gathered(answer: dict[str, Any], pieces: AsyncGenerator[Delta | Used]) -> dict[str, Any]:
    messages: dict[int, dict[str, Any]] = {}
    reasons: dict[int, str | None] = {}
    used = None
    async for piece in pieces:
        if isinstance(piece, Used):
            used = piece
            continue
        message = messages.setdefault(piece.index, {"role": "assistant", "content": None, "refusal": None})
        _add(message, piece)
        reasons[piece.index] = piece.finish_reason
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": reasons[index]}
        for index, message in sorted(messages.items())
    ]
    usage = {} if used is None else {"usage": used.wire()}
    return {**answer, "object": "chat.completion", "choices": choices, **usage}


def _add(message: dict[str, Any], piece: Delta) -> None:
    if piece.fields.get("content") is not None:
        message["content"] = (message["content"] or "") + piece.fields["content"]
    for call in piece.fields.get("tool_calls", ()):
        calls = message.setdefault("tool_calls", [])
        if call["index"] == len(calls):
            calls.append({key: value for key, value in call.items() if key != "index"})
        else:
            calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
