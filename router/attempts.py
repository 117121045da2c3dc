"""What every attempt has in common, whoever makes it: the call, what came of it, and that it is closed."""

from collections.abc import Iterator
from contextlib import contextmanager

from router.bookkeeper import Bookkeeper, OpenAttempt, Spent
from router.decision import Decision
from router.errors import PennyrouteError
from router.failures import cut_short
from router.pricing.usage import UsageSource
from router.providers.answer import Stated, counted_usage
from router.providers.endpoint import Call, Sending
from router.providers.failure import AttemptFailed

_SENT = Sending(begun=True)


@contextmanager
def never_left_open(books: Bookkeeper, attempt: OpenAttempt, sending: Sending = _SENT) -> Iterator[None]:
    """Closes an attempt that ends in a way nobody foresaw: a hold that is not closed is extended for ever."""
    try:
        yield
    except (AttemptFailed, PennyrouteError):
        raise  # foreseen: who raised it, or who catches it, closes
    except Exception:
        books.close_later(attempt, cut_short(attempt, "internal_error", sent=sending.begun))
        raise


def call_of(decision: Decision) -> Call:
    """The call that a decision comes to."""
    query = decision.query
    return Call(
        endpoint=decision.model.endpoint,
        body=query.body,
        stream=query.stream,
        stream_usage_wanted=query.usage_wanted,
        output_tokens=decision.inputs.output_tokens,
    )


def spent_on(answer: Stated, attempt: OpenAttempt, outcome: str) -> Spent:
    """What an answer used: as the provider stated, else as we count what came of it."""
    usage, source = answer.usage, UsageSource.PROVIDER
    if answer.provider_cost_nano is not None:
        source = UsageSource.PROVIDER_COST
    elif usage is None or (outcome != "ok" and usage.output_tokens < answer.output_estimate):
        source = UsageSource.COUNTED
    if usage is None or source is UsageSource.COUNTED:
        usage = counted_usage(answer, attempt.decision.inputs.input_tokens)
    return Spent(
        outcome=outcome,
        final=True,
        answered=outcome == "ok",
        usage=usage,
        source=source,
        provider_cost_nano=answer.provider_cost_nano,
        served_model=answer.served_model,
        service_tier=answer.service_tier,
        finish_reason=answer.finish_reason,
        first_byte_s=answer.first_byte_s,
    )
