"""A whole answer of the OpenAI wire: checked to be one, and what it states of itself."""

from router.pricing.tokens import count_tokens
from router.providers.answer import Answer
from router.providers.chunks import NotTheWire, WholeAnswer, read_whole, said_of_error, stated_usage
from router.providers.endpoint import Endpoint
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.redact import shown
from router.providers.usage_wire import read_cost_nano, read_usage


def answer_of(endpoint: Endpoint, body: bytes, first_byte_s: float) -> Answer:
    """The answer that a body of success is.

    Raises:
        AttemptFailed: as `read_answer`.
    """
    wire = read_answer(endpoint, body)
    first = wire.choices[0] if wire.choices else None
    raw_usage = stated_usage(wire.usage)
    usage = read_usage(raw_usage)
    return Answer(
        body,
        (first.message.content or "") if first is not None and first.message is not None else "",
        usage,
        read_cost_nano(raw_usage) if endpoint.quirks.states_cost else None,
        wire.model,
        wire.service_tier,
        first.finish_reason if first is not None else None,
        first_byte_s,
        0 if usage is not None else _estimate(wire),
        first is not None and first.message is not None and first.message.calls_tools,
    )


def read_answer(endpoint: Endpoint, body: bytes) -> WholeAnswer:
    """What a body of success says.

    Raises:
        AttemptFailed: it is not the wire, or an error after all.
    """
    try:
        wire = read_whole(body)
    except NotTheWire as error:
        raise garbage(endpoint, str(error)) from None
    if wire.error is not None:
        said = shown(said_of_error(wire.error), endpoint)
        raise AttemptFailed(
            FailureKind.UPSTREAM_ERROR, f"{endpoint.name} answered 200 with an error{said}", status=200
        )
    if not wire.choices:
        raise garbage(
            endpoint, "it has no choices"
        )  # None at all is no answer either: a stream of none breaks
    return wire


def garbage(endpoint: Endpoint, why: str) -> AttemptFailed:
    """The failure of a success that is not the wire."""
    return AttemptFailed(
        FailureKind.GARBAGE,
        f"{endpoint.name} answered 200 with what is not the OpenAI wire: {why}; is its base_url right?",
        status=200,
        billed="maybe",
    )


def _estimate(wire: WholeAnswer) -> int:
    messages = [choice.message for choice in wire.choices or () if choice.message is not None]
    return sum(count_tokens("".join(message.texts())) for message in messages)
