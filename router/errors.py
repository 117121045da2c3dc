"""The one tree of errors: each says what was wrong, what is right and where, and has one HTTP status."""

from typing import ClassVar


class PennyrouteError(Exception):
    """Base of every error a person may see.

    Attributes:
        status: HTTP status it is answered with.
        code: stable machine-readable name.
        kind: OpenAI's `error.type`.
        retryable: whether sending the same request again may help.
        param: the field that was wrong, when there is one.
        retry_after_s: seconds to wait before trying again, when known.
        decision_id: of the decision that failed so, when one was recorded.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    kind: ClassVar[str] = "api_error"
    retryable: bool = False

    def __init__(self, message: str, *, param: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.decision_id: str | None = None


class InvalidRequest(PennyrouteError):  # noqa: N818 - the name says who was wrong
    """The body, a header or a parameter is not what the endpoint takes."""

    status = 400
    code = "invalid_request"
    kind = "invalid_request_error"


class LabelRequired(InvalidRequest):
    """The route requires a label, and neither the call nor its key has it."""

    code = "label_required"


class NotAuthenticated(PennyrouteError):  # noqa: N818
    """No key, or a key that does not exist or was revoked."""

    status = 401
    code = "invalid_api_key"
    kind = "authentication_error"


class NotPermitted(PennyrouteError):  # noqa: N818
    """The key is good but its scope does not reach this."""

    status = 403
    code = "not_permitted"
    kind = "permission_error"


class HostNotAllowed(NotPermitted):
    """The Host header names something this service is not called."""

    code = "host_not_allowed"


class OriginNotAllowed(NotPermitted):
    """A web page of another origin calls from a browser."""

    code = "origin_not_allowed"


class NotFound(PennyrouteError):  # noqa: N818
    """A decision or a page that is not there."""

    status = 404
    code = "not_found"
    kind = "invalid_request_error"


class MethodNotAllowed(PennyrouteError):  # noqa: N818
    """The path is there, but not for this method."""

    status = 405
    code = "method_not_allowed"
    kind = "invalid_request_error"


class UnknownRoute(NotFound):
    """`route` names nothing that is configured."""

    code = "route_not_found"


class UnknownModel(NotFound):
    """`model` names neither a route nor a configured model."""

    code = "model_not_found"


class VersionConflict(PennyrouteError):  # noqa: N818
    """`If-Match` names another version than the one in force."""

    status = 412
    code = "version_conflict"
    kind = "invalid_request_error"


class VersionRequired(PennyrouteError):  # noqa: N818
    """A change was sent without saying which version it changes."""

    status = 428
    code = "if_match_required"
    kind = "invalid_request_error"


class TooLarge(PennyrouteError):  # noqa: N818
    """The body is larger than the service reads."""

    status = 413
    code = "request_too_large"
    kind = "invalid_request_error"


class HeadTooLarge(PennyrouteError):  # noqa: N818
    """The address and headers are larger than the service reads."""

    status = 431
    code = "headers_too_large"
    kind = "invalid_request_error"


class ContextTooLong(PennyrouteError):  # noqa: N818
    """The query does not fit a cap of its route, or no model's context."""

    status = 413
    code = "context_too_long"
    kind = "invalid_request_error"


class CostCapExceeded(PennyrouteError):  # noqa: N818
    """At worst the query costs more than its route lets one cost; nobody was called."""

    status = 413
    code = "cost_cap_exceeded"
    kind = "invalid_request_error"


class NotSupported(PennyrouteError):  # noqa: N818
    """The query has tools or images, and the model it must go to takes none."""

    status = 400
    code = "not_supported"
    kind = "invalid_request_error"


class WrongMediaType(PennyrouteError):  # noqa: N818
    """A write that is not `application/json`."""

    status = 415
    code = "unsupported_media_type"
    kind = "invalid_request_error"


class RequestTimeout(PennyrouteError):  # noqa: N818
    """The body did not arrive in time."""

    status = 408
    code = "request_timeout"
    kind = "invalid_request_error"
    retryable = True


class StoreUnavailable(PennyrouteError):  # noqa: N818
    """The store does not answer, so nothing may be promised about money."""

    status = 503
    code = "store_unavailable"
    retryable = True


class EnforcementUnavailable(PennyrouteError):  # noqa: N818
    """A hard budget applies, and whether the call fits it cannot be told: nobody was called."""

    status = 503
    code = "enforcement_unavailable"
    retryable = True


class BudgetExceeded(PennyrouteError):  # noqa: N818
    """A hard budget has less left than the call may cost; nobody was called, and nothing is charged.

    Attributes:
        budget_id: the budget.
        unit: `usd` or `tokens`.
        left: what is left, in nano-dollars or tokens.
        limit: the whole, in the same.
    """

    status = 429
    code = "budget_exceeded"
    kind = "insufficient_quota"
    budget_id: str = ""
    unit: str = "usd"
    left: int = 0
    limit: int = 0


class TrafficSpike(PennyrouteError):  # noqa: N818
    """The route's ladder answers no more while requests come so much faster than usual."""

    status = 429
    code = "traffic_spike"
    kind = "rate_limit_error"
    retryable = True


class ProvidersInTrouble(PennyrouteError):  # noqa: N818
    """The route's ladder answers no more while the calls of both its models fail."""

    status = 503
    code = "providers_in_trouble"
    retryable = True


class ServiceBusy(PennyrouteError):  # noqa: N818
    """A worker has as many connections as it takes."""

    status = 503
    code = "service_busy"
    retryable = True


class UpstreamFailed(PennyrouteError):  # noqa: N818
    """Every attempt failed; the last one's reason is in the message."""

    status = 502
    code = "upstream_failed"
    kind = "upstream_error"
    retryable = True


class UpstreamTimeout(UpstreamFailed):
    """The provider did not answer in time."""

    status = 504
    code = "upstream_timeout"


class UpstreamRateLimited(UpstreamFailed):
    """The provider refused for now."""

    status = 429
    code = "upstream_rate_limited"
    kind = "rate_limit_error"


class UpstreamBusy(UpstreamFailed):
    """The model's concurrency limit is full or its circuit is open."""

    status = 503
    code = "upstream_busy"


class UpstreamMisconfigured(UpstreamFailed):
    """The provider refuses our key or our account; only who runs the service can mend it."""

    code = "upstream_misconfigured"
    retryable = False


class ProviderRefused(PennyrouteError):  # noqa: N818
    """The provider says the request itself is wrong; its words go back as they came.

    Attributes:
        upstream_status: the provider's own 4xx status, which the caller gets too.
        body: the provider's own body, JSON or not.
    """

    status = 400
    code = "provider_refused"
    kind = "invalid_request_error"

    def __init__(self, message: str, *, status: int | None, body: bytes | None) -> None:
        super().__init__(message)
        self.upstream_status = status or self.status
        self.body = body


class InternalError(PennyrouteError):
    """Our own fault; the log has the details, the answer has none."""


class SetupError(PennyrouteError):
    """The service cannot start as it is set up."""

    code = "setup_error"
