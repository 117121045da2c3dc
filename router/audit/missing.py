"""Why a query that was drawn has no score, or not both."""

from enum import StrEnum


class Missing(StrEnum):
    """The list is closed; docs/audit.md explains each."""

    AWAITING_SCORES = "awaiting_scores"  # both answered; feedback or an import brings the scores
    BUDGET_EXCEEDED = "budget_exceeded"
    BUSY = "busy"
    CLIENT_GONE = "client_gone"
    FAILED = "failed"
    FALLBACK = "fallback"
    INTERNAL_ERROR = "internal_error"
    JUDGE_CANNOT_SEE = "judge_cannot_see"
    JUDGE_FAILED = "judge_failed"
    JUDGE_TIMEOUT = "judge_timeout"
    JUDGE_UNCLEAR = "judge_unclear"
    NO_TEXT = "no_text"
    OTHER_CANNOT_TAKE = "other_cannot_take"
    OTHER_FAILED = "other_failed"
    OTHER_NO_TEXT = "other_no_text"
    SHUTDOWN = "shutdown"
    STORE_UNAVAILABLE = "store_unavailable"
    TOO_DEEP = "too_deep"
    TOO_LONG = "too_long"
    WORKER_DIED = "worker_died"
