"""What a request with an Idempotency-Key may be told."""

from router.errors import PennyrouteError


class KeyReused(PennyrouteError):  # noqa: N818
    """The Idempotency-Key was sent before with another request."""

    status = 422
    code = "idempotency_key_reused"
    kind = "invalid_request_error"


class StillRunning(PennyrouteError):  # noqa: N818
    """The request that has the Idempotency-Key runs still, and was waited for."""

    status = 409
    code = "idempotency_key_in_use"
    kind = "invalid_request_error"
    retryable = True


class OutcomeUnknown(PennyrouteError):  # noqa: N818
    """The worker that had the request died: nobody knows whether the model answered."""

    status = 409
    code = "outcome_unknown"
    kind = "invalid_request_error"


class AnswerNotKept(PennyrouteError):  # noqa: N818
    """The request was answered, and its answer is not there to be sent again: too large, or unreadable."""

    status = 409
    code = "answer_not_kept"
    kind = "invalid_request_error"
