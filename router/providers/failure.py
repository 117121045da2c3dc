"""How an attempt fails: a closed list of kinds, and what each means for retrying and for the bill."""

from enum import StrEnum
from typing import Final, Literal


class FailureKind(StrEnum):
    """Why an attempt failed."""

    CONNECT = "connect"
    """No connection, or it was closed before anything was answered."""

    CONNECT_TIMEOUT = "connect_timeout"
    FIRST_BYTE_TIMEOUT = "first_byte_timeout"
    IDLE_TIMEOUT = "idle_timeout"
    TOTAL_TIMEOUT = "total_timeout"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_ERROR = "upstream_error"
    """The provider's own fault: 5xx, 408, 409, 425, or an error inside a 200."""

    BAD_REQUEST = "bad_request"
    """The caller's fault: the provider's body goes back to them."""

    AUTH = "auth"
    """The provider refuses our key or our account (401, 402, 403): the caller cannot mend it."""

    GARBAGE = "garbage"
    """An answer of success that is not the wire."""

    BROKEN_STREAM = "broken_stream"
    """An answer that began and did not end."""

    TOO_LARGE = "too_large"
    CIRCUIT_OPEN = "circuit_open"
    BUSY = "busy"


Billed = Literal["no", "maybe"]

_KEPT_BODY_BYTES: Final = 64 * 1024


class AttemptFailed(Exception):  # noqa: N818 - the name says what happened, as all of the house's errors do
    """One call to one provider failed.

    Attributes:
        kind: why.
        status: the provider's HTTP status, if it answered with one.
        body: what it said, shortened to 64 KiB; only for `bad_request`, whose body goes back to the caller.
        retry_after_s: how long it asked us to wait, in seconds.
        answered: whether any part of an answer arrived, its headers included where it then broke off; then it
            must not be sent again.
        billed: whether the provider may charge for it.
        message: one sentence, free of secrets.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        status: int | None = None,
        body: bytes | None = None,
        retry_after_s: float | None = None,
        answered: bool = False,
        billed: Billed = "no",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        self.body = body[:_KEPT_BODY_BYTES] if body is not None else None
        self.retry_after_s = retry_after_s
        self.answered = answered
        self.billed: Billed = billed

    def __repr__(self) -> str:
        return f"AttemptFailed({self.kind}, {self.message!r}, status={self.status}, billed={self.billed})"


_STATUS_KINDS: Final = {
    401: FailureKind.AUTH,
    402: FailureKind.AUTH,
    403: FailureKind.AUTH,
    408: FailureKind.UPSTREAM_ERROR,
    409: FailureKind.UPSTREAM_ERROR,
    425: FailureKind.UPSTREAM_ERROR,
    429: FailureKind.RATE_LIMITED,
}
# A gateway that lost its origin: the model behind it may have run, and been charged.
_GATEWAY_STATUSES: Final = frozenset({408, 502, 504, 520, 522, 523, 524})


def refused(
    endpoint: str, status: int, body: bytes, retry_after_s: float | None, request_id: str | None
) -> AttemptFailed:
    """The failure that an HTTP status other than 200 is.

    Args:
        endpoint: the configured model's name.
        status: anything but 200.
        body: what the provider said; kept only where it is the caller's fault.
        retry_after_s: the wait it asked for, seconds.
        request_id: the provider's own id of the request.
    """
    kind = _STATUS_KINDS.get(status)
    if kind is None:
        if status >= 500:
            kind = FailureKind.UPSTREAM_ERROR
        else:
            kind = FailureKind.BAD_REQUEST if 400 <= status < 500 else FailureKind.GARBAGE
    said = f"{endpoint} answered {status}" + (f" (request {request_id[:100]})" if request_id else "")
    return AttemptFailed(
        kind,
        said,
        status=status,
        body=body if kind is FailureKind.BAD_REQUEST else None,
        retry_after_s=retry_after_s,
        billed="maybe" if status in _GATEWAY_STATUSES else "no",
    )
