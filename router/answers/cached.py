"""An answer as a route's cache keeps it, and as it is given again."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec

from router.bookkeeper import Charge
from router.decision import Decision
from router.ledger.entry import Tokens
from router.providers.answer import Answer, Stated, StreamEvent


class CachedAnswer(msgspec.Struct, frozen=True, array_like=True):
    """A whole answer, or all events of a stream.

    Attributes:
        decision_id: of the decision it was made for.
        model: who answered, by its configured name.
        body: empty where it was streamed.
        events: raw bytes and text of each; empty where it was not streamed.
        tokens: as the provider stated them.
    """

    decision_id: str
    model: str
    text: str
    body: bytes
    events: list[tuple[bytes, str]]
    finish_reason: str | None
    served_model: str | None
    service_tier: str | None
    calls_tools: bool
    tokens: Tokens

    def __repr__(self) -> str:
        return f"CachedAnswer({self.decision_id})"

    @property
    def answer(self) -> Answer:
        """As a provider's, of no provider: it states nothing that would be charged."""
        return Answer(
            self.body,
            self.text,
            usage=self.tokens.usage,
            served_model=self.served_model,
            service_tier=self.service_tier,
            finish_reason=self.finish_reason,
            calls_tools=self.calls_tools,
        )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CachedAnswer)


def encode_cached(answer: CachedAnswer) -> bytes:
    """The bytes to seal."""
    return _encoder.encode(answer)


def decode_cached(raw: bytes) -> CachedAnswer:
    """The inverse of `encode_cached`.

    Raises:
        msgspec.DecodeError: not an answer of this version.
    """
    return _decoder.decode(raw)


@dataclass(frozen=True, slots=True)
class Hit:
    """A query whose answer is in the cache.

    Attributes:
        decision: as it is answered: reason `cached`, the model that answered then.
        kept: the answer.
        at_ms: milliseconds of the store's time when it was found.
    """

    decision: Decision
    kept: CachedAnswer
    at_ms: int


class CachedStream:
    """A streamed answer from the cache: used as one that a provider streams."""

    def __init__(self, hit: Hit, charge: Charge) -> None:
        self.decision = hit.decision
        self.charge: Charge | None = charge
        self.answer: Stated = hit.kept.answer
        self.text = hit.kept.text
        self._events = hit.kept.events

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """The events as they came then."""
        for raw, text in self._events:
            yield StreamEvent(raw, text)
