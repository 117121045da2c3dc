"""What a provider answered: whole, or as a stream that is still coming."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Protocol

from router.pricing.usage import Usage


class Stated(Protocol):
    """What an answer says of itself, so far; both kinds of answer have it."""

    @property
    def usage(self) -> Usage | None:
        """As the provider states it; `None` while or where it states none that can be true."""

    provider_cost_nano: int | None
    """Nano-dollars the provider says it charged."""

    served_model: str | None
    service_tier: str | None
    finish_reason: str | None
    """Of the first choice."""

    @property
    def calls_tools(self) -> bool:
        """Whether the first choice calls tools or a function, whatever it says its finish reason is."""

    first_byte_s: float | None
    """Seconds from sending to the first byte of the answer."""

    @property
    def output_estimate(self) -> int:
        """Output tokens we count in all choices: text, reasoning and tool calls."""


@dataclass(slots=True)
class Answer:
    """A whole answer.

    Attributes:
        body: the OpenAI-wire JSON; from a fast-lane provider its bytes as they came.
        text: content of the first choice's message; empty where it has none.
        output_estimate: as `Stated`; counted only where no usage is stated, else 0.
    """

    body: bytes
    text: str
    usage: Usage | None = None
    provider_cost_nano: int | None = None
    served_model: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    first_byte_s: float | None = None
    output_estimate: int = 0
    calls_tools: bool = False


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One server-sent event.

    Attributes:
        raw: its bytes, the blank line at its end included.
        text: what it adds to the first choice's content.
    """

    raw: bytes
    text: str = ""


class StreamAnswer(Stated, Protocol):
    """A streamed answer; what it states of itself grows as its events are read.

    Iterating ends after the provider's last event; its `[DONE]` is not among them: whoever passes the
    stream on says that itself, once the money is settled. Raises `AttemptFailed` where the stream breaks.
    """

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        """The events, each once."""

    async def aclose(self) -> None:
        """Cancels what is still coming; harmless when all has come."""


def counted_usage(stated: Stated, input_tokens: int) -> Usage:
    """Usage as we count it, for an answer that states none or was cut short of stating it.

    Args:
        stated: the answer; what it states of its input holds, and it generated at least what came.
        input_tokens: our estimate of the input, where it states none.
    """
    known, counted = stated.usage, stated.output_estimate
    if known is None:
        return Usage(input_tokens=input_tokens, output_tokens=counted)
    return known if known.output_tokens >= counted else replace(known, output_tokens=counted)
