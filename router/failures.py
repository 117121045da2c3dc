"""What a failed attempt means: for the caller an error, for the ledger what it is charged."""

from msgspec.structs import replace

from router.bookkeeper import OpenAttempt, Spent
from router.errors import (
    PennyrouteError,
    ProviderRefused,
    UpstreamBusy,
    UpstreamFailed,
    UpstreamMisconfigured,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from router.pricing.usage import Usage, UsageSource
from router.providers.failure import AttemptFailed, FailureKind

_ERRORS: dict[FailureKind, type[PennyrouteError]] = {
    FailureKind.CONNECT_TIMEOUT: UpstreamTimeout,
    FailureKind.FIRST_BYTE_TIMEOUT: UpstreamTimeout,
    FailureKind.IDLE_TIMEOUT: UpstreamTimeout,
    FailureKind.TOTAL_TIMEOUT: UpstreamTimeout,
    FailureKind.RATE_LIMITED: UpstreamRateLimited,
    FailureKind.CIRCUIT_OPEN: UpstreamBusy,
    FailureKind.BUSY: UpstreamBusy,
    FailureKind.AUTH: UpstreamMisconfigured,
}


# What sending the same again cannot mend.
_HOPELESS = frozenset({FailureKind.GARBAGE, FailureKind.TOO_LARGE, FailureKind.TOTAL_TIMEOUT})


def as_error(failure: AttemptFailed, attempt: OpenAttempt) -> PennyrouteError:
    """The error a caller gets when a decision's last attempt failed so."""
    error = _error(failure, attempt.model.name)
    error.decision_id = attempt.decision.id
    if failure.answered or failure.kind in _HOPELESS:
        error.retryable = False
    return error


def _error(failure: AttemptFailed, model: str) -> PennyrouteError:
    if failure.kind is FailureKind.BAD_REQUEST:
        return ProviderRefused(f"{model}: {failure.message}", status=failure.status, body=failure.body)
    kind = _ERRORS.get(failure.kind, UpstreamFailed)
    return kind(f"model {model!r} failed: {failure.message}", retry_after_s=failure.retry_after_s)


# A model may have been at work when we gave up or the line broke; of all other failures nobody sends a bill.
_AT_WORK = frozenset(
    {
        FailureKind.FIRST_BYTE_TIMEOUT,
        FailureKind.IDLE_TIMEOUT,
        FailureKind.TOTAL_TIMEOUT,
        FailureKind.BROKEN_STREAM,
        FailureKind.TOO_LARGE,
    }
)
_OUTPUT_ASSUMED = 1_024


def charged_for(attempt: OpenAttempt, failure: AttemptFailed, *, final: bool) -> Spent:
    """What an attempt without an answer is charged.

    Nothing where no model can have been at work: refused, garbage, closed before any answer. Else what is
    likely, as assumed.
    """
    sent = failure.billed == "maybe" and failure.kind in _AT_WORK
    return replace(cut_short(attempt, failure.kind, sent=sent), final=final)


def cut_short(attempt: OpenAttempt, outcome: str, *, sent: bool) -> Spent:
    """What an attempt is charged whose answer nobody saw: nothing if nothing was sent.

    Else its estimated input and at most 1,024 output tokens for each answer asked: the bound that was held
    would be a hundred times what most answers are.
    """
    if not sent:
        return Spent(outcome=outcome, final=True)
    decision = attempt.decision
    output = min(attempt.tokens_bound.output_tokens, _OUTPUT_ASSUMED * decision.query.answers)
    usage = Usage(input_tokens=decision.inputs.input_tokens, output_tokens=output)
    return Spent(outcome=outcome, final=True, usage=usage, source=UsageSource.ASSUMED)
