"""Errors on the wire: OpenAI's body, our statuses, and whether a client should try again."""

from typing import Any

import msgspec

from router.errors import BudgetExceeded, NotAuthenticated, PennyrouteError, ProviderRefused
from router.pricing.money import usd

Headers = list[tuple[bytes, bytes]]
JSON: tuple[bytes, bytes] = (b"content-type", b"application/json")

_CLIENTS_WAIT_S = 60.0
"""The official clients wait no longer: told of more, they would ask again at once, in vain."""


def status_of(error: PennyrouteError) -> int:
    """The HTTP status an error is answered with."""
    return error.upstream_status if isinstance(error, ProviderRefused) else error.status


def error_object(error: PennyrouteError) -> dict[str, Any]:
    """OpenAI's `error` object."""
    said = {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}
    return said | _left(error) if isinstance(error, BudgetExceeded) else said


def _left(error: BudgetExceeded) -> dict[str, Any]:
    """What is left of the budget that was too small."""
    dollars = error.unit == "usd"
    return {
        "budget": error.budget_id,
        "left_usd": usd(error.left) if dollars else None,
        "left_tokens": None if dollars else error.left,
        "limit_usd": usd(error.limit) if dollars else None,
        "limit_tokens": None if dollars else error.limit,
    }


def error_body(error: PennyrouteError) -> bytes:
    """The body: the provider's own where the provider refused, else ours in OpenAI's shape."""
    if isinstance(error, ProviderRefused) and error.body and _is_error(error.body):
        return error.body
    return msgspec.json.encode({"error": error_object(error)})


def error_headers(error: PennyrouteError) -> Headers:
    """What goes with the body; a client that a retry cannot help is told so."""
    again = error.retryable and (error.retry_after_s or 0.0) <= _CLIENTS_WAIT_S
    headers: Headers = [JSON, (b"x-should-retry", b"true" if again else b"false")]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after_s))))
    if error.decision_id is not None:
        headers.append((b"x-pennyroute-decision-id", error.decision_id.encode()))
    if isinstance(error, NotAuthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="pennyroute"'))
    return headers


class _Wire(msgspec.Struct):
    error: msgspec.Raw


def _is_error(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=_Wire)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
