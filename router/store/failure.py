"""What goes wrong at a store, in our own words."""

from redis.exceptions import (
    AskError,
    ClusterCrossSlotError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)

from router.errors import PennyrouteError, StoreUnavailable

_ELSEWHERE = (MovedError, ReadOnlyError, MasterDownError)
_PASSES = (
    AskError,
    ClusterCrossSlotError,
    ClusterDownError,
    NoPermissionError,
    NoScriptError,
    OutOfMemoryError,
    TryAgainError,
)  # says something of the server, not of what was asked: asking again later may work
_PASSES_BY_WORD = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE", "NOAUTH")


class StoreRefused(PennyrouteError):  # noqa: N818 - the name says who was wrong
    """What was asked does not fit what the store holds: a key of another type, or an amount out of range.

    Nothing was written. Asking again changes nothing until somebody has looked.
    """

    code = "store_refused"


class Elsewhere(StoreUnavailable):
    """Another server is the primary now; this one did nothing of what was asked."""


def in_words(error: Exception) -> PennyrouteError:
    """The error as callers of the store know it."""
    if isinstance(error, PennyrouteError):
        return error
    said = str(error)[:300]
    refuses = f"the store refuses for now ({type(error).__name__}): {said}"
    if isinstance(error, _ELSEWHERE):
        return Elsewhere(refuses)
    if isinstance(error, _PASSES) or said.startswith(_PASSES_BY_WORD) or "OOM command not allowed" in said:
        return StoreUnavailable(refuses)
    if isinstance(error, ResponseError):
        return StoreRefused(f"the store refused: {said}")
    return StoreUnavailable(
        f"the store does not answer ({type(error).__name__}); "
        "check that Redis or Valkey is running: `pennyroute doctor`"
    )
