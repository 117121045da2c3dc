"""What litellm raises, named: it wraps everything in its own errors and gives a status to what had none."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from router.clock import World
from router.providers.endpoint import Endpoint
from router.providers.failure import AttemptFailed, FailureKind, refused
from router.providers.redact import redacted, shown
from router.providers.session import retry_after_s

_NO_CONNECTION: Final = frozenset({"ConnectError", "ClientConnectorError", "ClientConnectorDNSError"})
_CONNECT_LATE: Final = frozenset({"ConnectTimeout", "PoolTimeout", "ConnectionTimeoutError"})
_LATE: Final = frozenset({"ReadTimeout", "WriteTimeout", "SocketTimeoutError", "Timeout", "TimeoutException"})
_BROKEN: Final = frozenset(
    {
        "ReadError",
        "WriteError",
        "RemoteProtocolError",
        "ServerDisconnectedError",
        "ClientOSError",
        "ConnectionResetError",
    }
)
_UNSUPPORTED: Final = "UnsupportedParamsError"
_ITS_OWN: Final = frozenset({"APIConnectionError", _UNSUPPORTED})
_BODY_BROKEN: Final = "ClientPayloadError"
_OBJECT: Final = re.compile(r"\{.*\}", re.DOTALL)
_NOT_TAKEN: Final = re.compile(r"does not support parameters: \[(.*?)\]")
_QUOTED: Final = re.compile(r"['\"]([^'\"]+)['\"]")
# `litellm.BadRequestError: BadRequestError: OpenAIException - `, in whatever number it wrapped them.
_CLASSES: Final = re.compile(
    r"^(?:(?:litellm\.\w+|\w*(?:Error|Exception)|\w+ Exception)(?: \w+Error)?(?:: ?| - ))+"
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")
_ITS_SETTINGS: Final = re.compile(r"litellm|drop_params|modify_params|allowed_openai_params")
_TRACEBACK: Final = "Traceback (most recent call last)"
_STATUS_FROM: Final = 300


def failure_of(error: Exception, endpoint: Endpoint, world: World, *, answered: bool) -> AttemptFailed:
    """The failure that an exception of litellm's is.

    Args:
        error: what it raised.
        endpoint: whom it called.
        world: for a `Retry-After` that is a date.
        answered: whether part of an answer came before.
    """
    if isinstance(error, AttemptFailed):
        return error
    names = {type(link).__name__ for link in _chain(error)}
    if answered:
        kind = FailureKind.IDLE_TIMEOUT if names & _LATE else FailureKind.BROKEN_STREAM
        said = f"{endpoint.name}: the stream broke off{_shown(error, endpoint)}"
        return AttemptFailed(kind, said, answered=True, billed="maybe")
    headers = _headers(error)
    status = _status(error)
    if not headers:
        transport = _transport(names, endpoint)
        if transport is not None:
            return transport
        if type(error).__name__ == "MidStreamFallbackError":
            said = f"{endpoint.name}: the stream begins with an error{_shown(error, endpoint)}"
            return AttemptFailed(FailureKind.UPSTREAM_ERROR, said, status=200)
    if type(error).__name__ in _ITS_OWN or status is None:
        return _untranslated(error, endpoint, came=bool(headers))
    return refused(
        endpoint.name,
        status,
        _body(error, endpoint),
        retry_after_s(headers.get("retry-after"), lambda: world.now_ms() / 1000),
        headers.get("request-id") or headers.get("x-request-id"),
    )


def _transport(names: set[str], endpoint: Endpoint) -> AttemptFailed | None:
    timeouts = endpoint.timeouts
    if names & _CONNECT_LATE:
        said = f"{endpoint.name}: no connection within {timeouts.connect_s:g} s"
        return AttemptFailed(FailureKind.CONNECT_TIMEOUT, said)
    if names & _NO_CONNECTION:
        return AttemptFailed(FailureKind.CONNECT, f"{endpoint.name}: no connection")
    if names & _LATE:
        said = f"{endpoint.name}: no answer within {timeouts.total_s:g} s"
        return AttemptFailed(FailureKind.TOTAL_TIMEOUT, said, billed="maybe")
    if _BODY_BROKEN in names:
        said = f"{endpoint.name}: the answer broke off"
        return AttemptFailed(FailureKind.BROKEN_STREAM, said, answered=True, billed="maybe")
    if names & _BROKEN:
        said = f"{endpoint.name}: the connection was closed before an answer"
        return AttemptFailed(FailureKind.CONNECT, said, billed="maybe")
    return None


def _unsupported(error: Exception, endpoint: Endpoint) -> AttemptFailed:
    """What litellm knows the provider does not take; it sent nothing."""
    model = f'model "{endpoint.name}" (provider {endpoint.provider})'
    listed = _NOT_TAKEN.search(str(error))
    fields = _QUOTED.findall(listed[1]) if listed is not None else []
    if fields:
        message = (
            f"{model} does not take: {', '.join(fields)}; leave "
            f"{'it' if len(fields) == 1 else 'them'} out or choose a model that does"
        )
    else:
        message = f"{model} does not take this request{_shown(error, endpoint)}"
    body = _wire_error(message, fields[0] if fields else None, "unsupported_parameter")
    return AttemptFailed(FailureKind.BAD_REQUEST, message, status=400, body=body)


def _untranslated(error: Exception, endpoint: Endpoint, *, came: bool) -> AttemptFailed:
    if type(error).__name__ == _UNSUPPORTED:
        return _unsupported(error, endpoint)
    if came:
        said = f"{endpoint.name} answered with what cannot be read{_shown(error, endpoint)}"
        return AttemptFailed(FailureKind.GARBAGE, said, billed="maybe")
    message = f"the request cannot be translated for {endpoint.name}{_shown(error, endpoint)}"
    return AttemptFailed(FailureKind.BAD_REQUEST, message, status=400, body=_wire_error(message))


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _status(error: Exception) -> int | None:
    """The provider's own status, which litellm's own error may round."""
    found = [getattr(link, "status_code", None) for link in _chain(error)]
    statuses = [status for status in found if isinstance(status, int) and status >= _STATUS_FROM]
    return statuses[-1] if statuses else None


def _headers(error: Exception) -> Mapping[str, str]:
    for link in _chain(error):
        for headers in (
            getattr(link, "litellm_response_headers", None),
            getattr(getattr(link, "response", None), "headers", None),
        ):
            if headers:
                return {str(name).lower(): str(value) for name, value in headers.items()}
    return {}


def _body(error: Exception, endpoint: Endpoint) -> bytes:
    said = redacted(_message(error), endpoint)
    return _wire_error(said or f"{endpoint.name} does not take this request")


def _wire_error(message: str, param: str | None = None, code: str | None = None) -> bytes:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return msgspec.json.encode({"error": error})


def _message(error: Exception) -> str:
    """What the provider said, out of what litellm wrapped around it."""
    text = str(getattr(error, "message", error)).partition(_TRACEBACK)[0]
    found = _OBJECT.search(text)
    if found is None:
        return _unwrapped(text)
    try:
        said = json.loads(found[0])
    except ValueError:
        return _unwrapped(text)
    inner = said.get("error", said) if isinstance(said, dict) else said
    message = inner.get("message") if isinstance(inner, dict) else inner
    return message if isinstance(message, str) else _unwrapped(text)


def _unwrapped(text: str) -> str:
    """Without the names of litellm's classes, and without its advice: nobody here can set what it names."""
    sentences = _SENTENCE_END.split(_CLASSES.sub("", text.strip()))
    kept = itertools.takewhile(lambda sentence: not _ITS_SETTINGS.search(sentence), sentences)
    return " ".join(kept)


def _shown(error: Exception, endpoint: Endpoint) -> str:
    return shown(_message(error), endpoint)
