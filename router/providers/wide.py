"""The wide lane: providers that litellm translates for. The one file that imports it, on first use."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

import msgspec

from router.clock import World
from router.providers.answer import Answer
from router.providers.deadline import Deadline
from router.providers.endpoint import Call, wire_fields
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.passage import Passage
from router.providers.stream import END, Stream, event_of
from router.providers.whole import answer_of, garbage
from router.providers.wide_call import arguments
from router.providers.wide_failure import failure_of

_SETTINGS: Final = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_MODE": "PRODUCTION",  # else it reads a .env file of the working directory
}
_END: Final = object()
_FAST: Final = "fast"
_opened: ContextVar[list[Any] | None] = ContextVar("opened", default=None)
_loading: Final = threading.Lock()


def load() -> Any:
    """litellm, set to keep to itself: no fetching, no telemetry, no callbacks, no retries, no redirects.

    The first call takes seconds: in a service, make it in a thread.
    """
    with _loading:
        if "litellm" not in sys.modules:
            os.environ.update(_SETTINGS)
        import litellm  # noqa: PLC0415 - takes 2-3 s and 165 MB
        from litellm.llms.custom_httpx import http_handler  # noqa: PLC0415 - as above

        if not getattr(litellm, "_pennyroute", False):
            _set_up(litellm, http_handler.AsyncHTTPHandler)
    return litellm


def _set_up(litellm: Any, client: Any) -> None:
    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.turn_off_message_logging = True
    litellm.disable_streaming_logging = True
    litellm.drop_params = litellm.modify_params = False
    litellm.num_retries = 0
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # it logs what it raises, and we say that
    _send_once(client)
    litellm.module_level_aclient.client.follow_redirects = False
    litellm._pennyroute = True  # noqa: SLF001 - a mark of ours


def price_map() -> Mapping[str, Mapping[str, Any]]:
    """The price map of litellm as its release ships it, in dollars a token, by model name."""
    prices: Mapping[str, Mapping[str, Any]] = load().model_cost
    return prices


def _send_once(client: Any) -> None:
    """No second post when a connection breaks, no redirect followed keys and all: litellm does both.

    And what is opened is noted, because closing a stream of litellm's leaves its connection open.
    """
    create, post_first = client.create_client, client.post

    def create_client(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.follow_redirects = False
        return create(self, *args, **kwargs)

    async def raise_again(self: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG001 - its shape
        error = sys.exception()  # the one it is handling when it comes here
        assert error is not None
        raise error

    async def post(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = await post_first(self, *args, **kwargs)
        opened = _opened.get()
        if opened is not None:
            opened.append(response)
        return response

    client.post = post
    client.create_client = create_client
    client.single_connection_post_request = raise_again


class WideLane:
    """Calls providers through litellm's SDK."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._litellm: Any = None
        self._closing: set[asyncio.Task[None]] = set()

    async def whole(self, call: Call) -> Answer:
        """A whole answer.

        Raises:
            AttemptFailed: whatever went wrong.
        """
        sent = await self._send(call)
        first_byte_s = sent.clock.elapsed_s
        fields = _fields(sent.answer)
        tier = _tier(fields.get("usage") or {})
        if tier == _FAST or (tier and not fields.get("service_tier")):
            fields["service_tier"] = tier
        for choice in fields.get("choices", ()):
            choice.setdefault("message", {}).setdefault("content", None)
        return answer_of(call.endpoint, msgspec.json.encode(fields), first_byte_s)

    async def streamed(self, call: Call, passage: Passage) -> Stream:
        """A streamed answer whose first event is here; from now on the stream leaves the passage.

        Raises:
            AttemptFailed: whatever went wrong before.
        """
        sent = await self._send(call)
        return await Stream(call, _Chunks(self, call, sent), passage).open()

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._closing:
            await asyncio.wait(self._closing)
        if self._litellm is not None:
            await self._litellm.close_litellm_async_clients()
            await self._litellm.module_level_aclient.close()

    def close_later(self, sent: "_Sent") -> None:
        """Cancels a stream of litellm's, which only a coroutine can."""
        try:
            task = asyncio.get_running_loop().create_task(sent.aclose())
        except RuntimeError:
            return  # The loop is gone, and its connections with it.
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _send(self, call: Call) -> "_Sent":
        if self._litellm is None:
            self._litellm = await asyncio.to_thread(load)
        endpoint = call.endpoint
        sending = self._litellm.acompletion(**arguments(call, wire_fields(call), self._litellm))
        clock = Deadline(endpoint.name, endpoint.timeouts)
        opened: list[Any] = []
        mark = _opened.set(opened)
        call.sending.begun = True
        try:
            async with asyncio.timeout_at(clock.ends_s):
                return _Sent(await sending, clock, opened)
        except TimeoutError:
            raise clock.late() from None
        except Exception as error:  # noqa: BLE001 - litellm raises what it likes; each is named there
            raise failure_of(error, endpoint, self.world, answered=False) from None
        finally:
            _opened.reset(mark)


class _Sent:
    """What litellm answered, and the clock it runs against."""

    def __init__(self, answer: Any, clock: Deadline, opened: list[Any]) -> None:
        self.answer = answer
        self.clock = clock
        self._opened = opened

    async def aclose(self) -> None:
        """Cancels what is still coming."""
        for response in self._opened:
            await response.aclose()
        await self.answer.aclose()


class _Chunks:
    """litellm's chunks as events."""

    def __init__(self, lane: WideLane, call: Call, sent: _Sent) -> None:
        self._lane = lane
        self._call = call
        self._sent = sent
        self._answer = sent.answer
        self._clock = sent.clock
        self._ended = False

    async def next_events(self) -> list[bytes]:
        while (chunk := await self._next()) is not _END:
            fields = self._fields(chunk)
            if fields is not None:
                return [event_of(fields)]
        self._ended = True
        return [END]  # litellm's own end: where the provider's is missing, it raises or says `stop`

    async def _next(self) -> Any:
        try:
            async with asyncio.timeout_at(self._clock.ends_s):
                return await anext(self._answer, _END)
        except TimeoutError:
            raise self._clock.late() from None
        except Exception as error:  # noqa: BLE001 - as above
            raise failure_of(
                error, self._call.endpoint, self._lane.world, answered=self._clock.began
            ) from None

    def _fields(self, chunk: Any) -> dict[str, Any] | None:
        fields = _fields(chunk)
        for choice in fields.get("choices", ()):
            if choice.setdefault("finish_reason", None) is not None:
                self._check_finish()
        if "usage" in fields:
            stated = self._stated()
            if not stated:
                return None  # litellm's own count, where the provider stated none
            tiers = [tier for usage in stated if (tier := _tier(usage))]
            tiers = [_FAST] if _FAST in tiers else tiers[-1:]
            fields |= {"choices": []} | ({"service_tier": tiers[0]} if tiers else {})
        return fields

    def _check_finish(self) -> None:
        """Where a stream just ends, litellm says `stop`: then nothing was received that says so."""
        received = (
            getattr(self._answer, name, None)
            for name in ("received_finish_reason", "intermittent_finish_reason")
        )
        if any(received):
            return
        if not self._clock.began:
            raise garbage(self._call.endpoint, "the stream has no answer in it")
        raise AttemptFailed(
            FailureKind.BROKEN_STREAM,
            f"{self._call.endpoint.name}: the stream ended before the answer did",
            answered=True,
            billed="maybe",
        )

    def usage_so_far(self) -> bytes | None:
        stated = self._stated()
        return msgspec.json.encode(stated[-1]) if stated else None

    def _stated(self) -> list[dict[str, Any]]:
        """What the provider stated so far; zeros are what litellm makes of nothing."""
        usages = [getattr(chunk, "usage", None) for chunk in getattr(self._answer, "chunks", ())]
        stated = [_fields(usage) for usage in usages if usage is not None]
        return [usage for usage in stated if usage.get("prompt_tokens") or usage.get("completion_tokens")]

    def begin(self) -> float:
        self._clock.began = True
        return self._clock.elapsed_s

    async def finish(self) -> None:
        """Its connection was given back by litellm."""

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._lane.close_later(self._sent)


def _tier(usage: Mapping[str, Any]) -> str | None:
    """The tier that a usage says served it; Anthropic's fast mode, at twice the price, is a speed."""
    tier: str | None = _FAST if usage.get("speed") == _FAST else usage.get("service_tier")
    return tier


def _fields(answer: Any) -> dict[str, Any]:
    fields: dict[str, Any] = answer.model_dump(mode="json", exclude_none=True, warnings=False)
    return fields
