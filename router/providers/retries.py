"""What to do after an attempt failed: pure, so that every "never" can be tested."""

from dataclasses import dataclass
from typing import Final

from router.providers.failure import AttemptFailed, FailureKind

BASE_S: Final = 0.25
"""The first back-off is drawn from 0 … this many seconds; each later one from twice as much."""

CAP_S: Final = 8.0
"""No back-off is longer."""

PATIENCE_S: Final = 20.0
"""A provider that asks for a longer wait is not waited for."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Call the same model again, `after_s` seconds from now."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Fallback:
    """Call the next model in line, at once."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Tell the caller; `why` is for the log."""

    why: str


Step = Retry | Fallback | GiveUp

# The same request to the same model would fail the same way, has had its time, or may still be at work there.
_NOT_AGAIN: Final = frozenset(
    {
        FailureKind.AUTH,
        FailureKind.GARBAGE,
        FailureKind.CIRCUIT_OPEN,
        FailureKind.BUSY,
        FailureKind.FIRST_BYTE_TIMEOUT,
        FailureKind.TOTAL_TIMEOUT,
        FailureKind.TOO_LARGE,
    }
)
_NO_SUCH_MODEL: Final = 404


def next_step(
    failure: AttemptFailed, attempt_no: int, budget: int, fallbacks_left: int, random_unit: float
) -> Step:
    """Whether to try again, to try another model, or to stop.

    One budget of attempts covers retries and fallbacks together, so they cannot multiply; as long as there
    are enough attempts for every fallback still in line, the same model is tried again first.

    Args:
        failure: what happened.
        attempt_no: the attempt that failed, from 1.
        budget: attempts in all.
        fallbacks_left: models still in line.
        random_unit: a number in [0, 1), for the jitter.
    """
    left = budget - attempt_no
    final = _why_final(failure)
    if final is None and left <= 0:
        final = f"all {budget} attempts are used"
    if final is not None:
        return GiveUp(final)
    wait_s = backoff_s(attempt_no, random_unit)
    asked_s = failure.retry_after_s or 0.0
    again = failure.kind not in _NOT_AGAIN and failure.kind is not FailureKind.BAD_REQUEST
    if again and asked_s <= PATIENCE_S and left > fallbacks_left:
        return Retry(max(wait_s, asked_s))
    if fallbacks_left:
        return Fallback()
    if again:
        return GiveUp(f"the provider asks to wait {asked_s:.0f} s, which is more than {PATIENCE_S:.0f} s")
    return GiveUp(f"{failure.kind}: the same model is not asked again")


def _why_final(failure: AttemptFailed) -> str | None:
    if failure.answered:
        return "part of an answer arrived, so sending it again could be charged twice"
    if failure.kind is FailureKind.BAD_REQUEST and failure.status != _NO_SUCH_MODEL:
        return "the request itself is refused"
    return None


def backoff_s(attempt_no: int, random_unit: float) -> float:
    """Full jitter: anything from 0 to the doubled and capped base, in seconds."""
    return random_unit * min(CAP_S, BASE_S * 2.0 ** min(attempt_no - 1, 16))
