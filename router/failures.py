"""What a failed attempt means: for the caller an error, for the ledger what it is charged."""

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
from router.pricing.usage import UsageSource
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


def charged_for(failure: AttemptFailed, *, final: bool) -> Spent:
    """What an attempt without an answer is charged: nothing, or its worst case where that cannot be known."""
    source = None if failure.billed == "no" else UsageSource.ASSUMED
    return Spent(outcome=failure.kind, final=final, source=source)


def cut_short(outcome: str, *, sent: bool) -> Spent:
    """What an attempt is charged that ended without an answer or a failure: nothing if nothing was sent."""
    return Spent(outcome=outcome, final=True, source=UsageSource.ASSUMED if sent else None)
