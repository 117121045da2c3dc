"""Calls that tests make of a scripted upstream."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from router.providers.answer import Answer, StreamAnswer, StreamEvent
from router.providers.endpoint import Call, Endpoint, Timeouts
from router.providers.failure import AttemptFailed
from router.providers.presets import PRESETS, Lane
from router.providers.secret import Secret
from router.providers.upstreams import Upstreams
from tests.upstreams.openai_wire import OpenAIWire

KEY = "sk-test-secret"
SHORT = Timeouts(connect_s=2.0, first_byte_s=0.4, idle_s=0.4, total_s=20.0)
"""For upstreams that hang."""

PATIENT = Timeouts(connect_s=10.0, first_byte_s=30.0, idle_s=30.0, total_s=60.0)
MESSAGES = [{"role": "user", "content": "Where does the fox jump?"}]


def raw(**fields: Any) -> dict[str, msgspec.Raw]:
    """A body's fields as the edge hands them down."""
    given = {"model": "auto", "messages": MESSAGES} | fields
    return {name: msgspec.Raw(json.dumps(value).encode()) for name, value in given.items()}


def endpoint(upstream: OpenAIWire, script: str = "ok", **changes: Any) -> Endpoint:
    """A model of the OpenAI wire that answers by a script."""
    given: dict[str, Any] = {
        "name": "tiny",
        "provider": "openai-compatible",
        "lane": Lane.FAST,
        "base_url": upstream.base_url,
        "upstream_model": f"tiny-1@{script}",
        "api_key": Secret(KEY),
        "timeouts": PATIENT,
    }
    return Endpoint(**(given | changes))


def anthropic(upstream: OpenAIWire, script: str = "ok", **changes: Any) -> Endpoint:
    """A model of Anthropic's wire that answers by a script."""
    given: dict[str, Any] = {
        "provider": "anthropic",
        "lane": Lane.WIDE,
        "base_url": upstream.root_url,
        "quirks": PRESETS["anthropic"].quirks,
        "api_key": Secret("sk-ant-test-secret"),
    }
    return endpoint(upstream, script, **(given | changes))


@dataclass
class Told:
    """A stream read to its end, or to where it broke."""

    stream: StreamAnswer
    events: list[StreamEvent]
    failure: AttemptFailed | None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events)

    @property
    def raw(self) -> bytes:
        return b"".join(event.raw for event in self.events)

    @property
    def chunks(self) -> list[dict[str, Any]]:
        lines = [line for line in self.raw.splitlines() if line.startswith(b"data: ")]
        return [json.loads(line[6:]) for line in lines]


async def whole(upstreams: Upstreams, call: Call) -> Answer:
    answer = await upstreams.call(call)
    assert isinstance(answer, Answer)
    return answer


async def streamed(upstreams: Upstreams, call: Call) -> StreamAnswer:
    answer = await upstreams.call(call)
    assert not isinstance(answer, Answer)
    return answer


async def told(upstreams: Upstreams, call: Call) -> Told:
    stream = await streamed(upstreams, call)
    events: list[StreamEvent] = []
    try:
        await _read(stream, events)
    except AttemptFailed as failure:
        return Told(stream, events, failure)
    return Told(stream, events, None)


async def failing(upstreams: Upstreams, call: Call) -> AttemptFailed:
    """The failure that a call ends in before anything is answered."""
    try:
        await upstreams.call(call)
    except AttemptFailed as failure:
        return failure
    raise AssertionError("it did not fail")


async def _read(stream: StreamAnswer, events: list[StreamEvent]) -> None:
    # One by one: what came before a break is kept.
    iterator = aiter(stream)
    while (event := await anext(iterator, None)) is not None:
        events.append(event)


async def until(holds: Callable[[], bool]) -> None:
    """Waits for what another thread brings about."""
    while not holds():  # noqa: ASYNC110 - an upstream has a loop of its own
        await asyncio.sleep(0.01)
