"""The outermost layer: who may come in, the two hot endpoints, and FastAPI for the rest."""

from typing import Final

from router.errors import MethodNotAllowed, PennyrouteError
from router.http.completions import Completions
from router.http.failure import Headers, error_body, error_headers, status_of
from router.http.guard import Guard
from router.http.parts import Parts, bearer
from router.http.request import (
    App,
    ClientGone,
    Message,
    Receive,
    Scope,
    Send,
    header_text,
    headers_of,
    read_body,
    send_whole,
)

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""Answered without a key, whatever keys exist."""

ASKS_FOR_KEY: Final = frozenset({"/"})
"""Pages that hold no data and ask for a key themselves; without one they come with status 401."""

_LARGEST_SMALL_BODY: Final = 64 * 1024
_LARGER: Final = {"/v1/outcomes": 1024 * 1024}
"""Bodies that are lists may have more."""
_SAFE: Final[Headers] = [(b"x-content-type-options", b"nosniff")]


class Edge:
    """An ASGI application: guard, then route."""

    def __init__(self, api: App, parts: Parts, completions: Completions) -> None:
        self._api = api
        self._parts = parts
        self._guard = Guard(parts.settings.server)
        self._hot = {"/complete": completions.complete, "/v1/chat/completions": completions.chat}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        headers = headers_of(scope)
        method, path = scope["method"], scope["path"]
        more = _SAFE if b"origin" not in headers else [*_SAFE, *self._guard.answers_origin(headers)]
        refusal = self._guard.refusal(method, headers)
        if refusal is not None:
            await _refuse(refusal, send, more)
        elif method == "OPTIONS" and b"access-control-request-method" in headers:
            await send_whole(send, 204, self._guard.preflight(headers), b"")
        elif method == "POST" and path in self._hot:
            await self._hot[path](scope, headers, receive, send, more)
        else:
            await self._rest(scope, headers, receive, send, more)

    async def _rest(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, more: Headers
    ) -> None:
        path = scope["path"]
        try:
            if path not in OPEN_PATHS and path not in ASKS_FOR_KEY:
                await self._parts.live.confirmed_caller(bearer(header_text(headers.get(b"authorization"))))
            if path in self._hot:
                more = [*more, (b"allow", b"POST")]
                raise MethodNotAllowed(f"{path} does not take {scope['method'][:20]}; it takes POST")
            patience_s = self._parts.settings.server.request_timeout_s
            body = await read_body(receive, headers, _LARGER.get(path, _LARGEST_SMALL_BODY), patience_s)
        except ClientGone:
            return
        except PennyrouteError as error:
            await _refuse(error, send, more)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def with_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *more]
            await send(message)

        if scope["method"] == "HEAD":  # the server leaves the body out
            scope = {**scope, "method": "GET"}
        await self._api(scope, replay, with_more)


async def _refuse(error: PennyrouteError, send: Send, more: Headers) -> None:
    await send_whole(send, status_of(error), [*error_headers(error), *more], error_body(error))
