"""A streamed answer: its events go through as they came, and what they state is noted on the way."""

import re
from collections import deque
from collections.abc import Mapping
from typing import Final, Protocol, Self

import msgspec

from router.pricing.tokens import count_tokens
from router.pricing.usage import Usage
from router.providers.answer import StreamEvent
from router.providers.chunks import (
    UNREADABLE,
    Chunk,
    ChunkChoice,
    NotTheWire,
    Said,
    read_chunk,
    said_of_error,
    stated_usage,
)
from router.providers.circuit import Outcome
from router.providers.endpoint import Call, choices_asked
from router.providers.events import data_of
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.passage import Passage, outcome_of
from router.providers.redact import shown
from router.providers.usage_wire import better, read_cost_nano, read_usage

_DONE: Final = b"[DONE]"
END: Final = b"data: [DONE]\n\n"
"""The event that says that all has come."""

_FRAME: Final = re.compile(rb"^(?:\xef\xbb\xbf)?(?:(?!data:)[^\r\n]*(?:\r\n|\n|\r))*")
_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class EventSource(Protocol):
    """Where the events of one answer come from."""

    async def next_events(self) -> list[bytes]:
        """The next whole events, each with its blank line; none at the end.

        Raises:
            AttemptFailed: late, broken or too large.
        """

    def begin(self) -> float:
        """Told when the first part of the answer is here; seconds since the call was sent."""

    async def finish(self) -> None:
        """The answer is whole: gives its connection back."""

    def usage_so_far(self) -> bytes | None:
        """Usage that is known although no event stated it yet."""

    def close(self) -> None:
        """Cancels what is still coming."""


class Stream:
    """A `StreamAnswer` of any source.

    All chunks have one id. The chunk that has usage only is hidden from a caller who did not ask for it. An
    answer is whole when every choice it began has a finish reason and, unless the provider says that all has
    come, there are as many as were asked for; whatever ends earlier is broken.
    """

    def __init__(self, call: Call, source: EventSource, passage: Passage) -> None:
        self._usage: Usage | None = None
        self.provider_cost_nano: int | None = None
        self.served_model: str | None = None
        self.service_tier: str | None = None
        self.finish_reason: str | None = None
        self.first_byte_s: float | None = None
        self._endpoint = call.endpoint
        self._shows_usage = call.stream_usage_wanted
        self._source = source
        self._passage = passage
        self._ready: deque[StreamEvent] = deque()
        self._said: dict[int, list[Said]] = {}
        self._unfinished: set[int] = set()
        self._choices_asked = choices_asked(call.body)
        self._id: str | None = None
        self._began = False
        self._done = False
        self._ended = False
        self._failure: AttemptFailed | None = None

    @property
    def usage(self) -> Usage | None:
        """As the provider stated it so far."""
        if self._usage is None and not self._ended:
            return read_usage(self._source.usage_so_far())
        return self._usage

    @property
    def output_estimate(self) -> int:
        """Output tokens, counted when asked."""
        texts = ("".join(text for said in parts for text in said.texts()) for parts in self._said.values())
        return sum(count_tokens(text) for text in texts)

    @property
    def calls_tools(self) -> bool:
        """Whether the first choice called tools or a function so far."""
        return any(said.calls_tools for said in self._said.get(0, ()))

    async def open(self) -> Self:
        """Waits for the first event of the answer.

        Raises:
            AttemptFailed: it failed, or said it did, before any part of an answer came.
        """
        while not self._began:
            await self._read()
            if self._failure is not None and not self._began:
                raise self._failure
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> StreamEvent:
        while not self._ready:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            await self._read()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Cancels what is still coming; harmless when all has come."""
        self._ready.clear()
        self._failure = None
        self._end(Outcome.SILENT)

    def __del__(self) -> None:
        # A stream that was dropped without being closed must not keep its place.
        if not self._ended:
            self._end(Outcome.SILENT)

    async def _read(self) -> None:
        try:
            events = await self._source.next_events()
            for event in events:
                self._take(event)
                if self._done:
                    break
            if self._done or not events:
                await self._conclude()
        except AttemptFailed as failure:
            if self._whole:
                self._end(Outcome.WELL)  # All was said; only the end mark or the usage is missing.
                return
            self._end(outcome_of(failure))
            if not self._ready:
                raise
            self._failure = failure  # What came before it is passed on first.
        except BaseException:
            self._end(Outcome.SILENT)
            raise

    @property
    def _whole(self) -> bool:
        # Some servers tell one choice after the other: one that has not begun is not missing until the end.
        least = 1 if self._done else self._choices_asked
        return len(self._said) >= least and not self._unfinished

    async def _conclude(self) -> None:
        if not self._began:
            raise self._failed(FailureKind.GARBAGE, "the stream has no answer in it")
        if not self._whole:
            raise self._failed(FailureKind.BROKEN_STREAM, "the stream ended before the answer did")
        await self._source.finish()
        self._end(Outcome.WELL)

    def _end(self, outcome: Outcome) -> None:
        if not self._ended:
            self._ended = True
            if self._usage is None:
                self._usage = read_usage(self._source.usage_so_far())
            self._source.close()
            self._passage.leave(outcome)

    def _take(self, raw: bytes) -> None:
        data = data_of(raw)
        if data is None:
            self._ready.append(StreamEvent(raw))
        elif data.strip() == _DONE:
            self._done = True
        else:
            self._take_chunk(raw, data)

    def _take_chunk(self, raw: bytes, data: bytes) -> None:
        try:
            chunk = read_chunk(data)
        except NotTheWire as error:
            kind = FailureKind.BROKEN_STREAM if self._began else FailureKind.GARBAGE
            raise self._failed(kind, f"the stream has an event that is not the wire: {error}") from None
        if chunk.error is not None:
            raise self._refused(chunk)
        if chunk.choices is None and not self._began:
            raise self._failed(FailureKind.GARBAGE, "the stream begins with an event that is no completion")
        if not self._began:
            self._began = True
            self.first_byte_s = self._source.begin()
            self._passage.began()
        self.served_model = chunk.model or self.served_model
        self.service_tier = chunk.service_tier or self.service_tier
        usage = stated_usage(chunk.usage)
        if usage is not None:
            self._note_usage(usage)
            if not chunk.choices and not self._shows_usage:
                return
        text = ""
        for choice in chunk.choices or ():
            text += self._note_choice(choice)
        self._ready.append(StreamEvent(self._with_one_id(chunk, raw, data), text))

    def _note_usage(self, usage: bytes) -> None:
        self._usage = better(self._usage, read_usage(usage))
        if self._endpoint.quirks.states_cost:
            cost_nano = read_cost_nano(usage)
            self.provider_cost_nano = self.provider_cost_nano if cost_nano is None else cost_nano

    def _note_choice(self, choice: ChunkChoice) -> str:
        """Notes a choice and gives what it adds to the first one's content."""
        said = self._said.get(choice.index)
        if said is None:
            said = self._said[choice.index] = []
            self._unfinished.add(choice.index)
        if choice.finish_reason is not None:
            self._unfinished.discard(choice.index)
            if choice.index == 0:
                self.finish_reason = choice.finish_reason
        if choice.delta is None:
            return ""
        said.append(choice.delta)
        return (choice.delta.content or "") if choice.index == 0 else ""

    def _with_one_id(self, chunk: Chunk, raw: bytes, data: bytes) -> bytes:
        if self._id is None:
            self._id = chunk.id or None
        elif chunk.id != self._id and chunk.choices is not None:
            try:
                fields = _object.decode(data)
            except UNREADABLE:
                return raw
            fields["id"] = msgspec.Raw(msgspec.json.encode(self._id))
            before = _FRAME.match(raw)
            assert before is not None
            return before[0] + b"data: " + msgspec.json.encode(fields) + b"\n\n"
        return raw

    def _refused(self, chunk: Chunk) -> AttemptFailed:
        said = shown(said_of_error(chunk.error), self._endpoint)
        if not self._began:
            return self._failed(FailureKind.UPSTREAM_ERROR, f"the stream begins with an error{said}")
        return self._failed(FailureKind.BROKEN_STREAM, f"the stream broke off with an error{said}")

    def _failed(self, kind: FailureKind, said: str) -> AttemptFailed:
        refused = kind is FailureKind.UPSTREAM_ERROR
        return AttemptFailed(
            kind,
            f"{self._endpoint.name}: {said}",
            status=200,
            answered=self._began,
            billed="no" if refused else "maybe",
        )


def event_of(fields: Mapping[str, object]) -> bytes:
    """One chunk as an event."""
    return b"data: " + msgspec.json.encode(fields) + b"\n\n"
