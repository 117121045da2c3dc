"""Who may talk to the service from where: against web pages that call loopback, and against rebinding."""

import ipaddress
from typing import Final

from router.errors import HostNotAllowed, OriginNotAllowed, PennyrouteError, WrongMediaType
from router.http.request import header_text
from router.settings import ServerSettings

_WRITES: Final = frozenset({"POST", "PUT", "PATCH"})
_LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]", "::1")
_PREFLIGHT_HEADERS: Final = (
    b"authorization, content-type, if-match, idempotency-key, idempotency-retry, x-pennyroute-feature, "
    b"x-pennyroute-session, x-pennyroute-team, x-pennyroute-tier, x-pennyroute-user"
)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Checks Host, Origin and the content type of writes."""

    def __init__(self, server: ServerSettings) -> None:
        self._any_host = not is_loopback(server.host) and not server.allowed_hosts
        self._hosts = {name.lower() for name in (*_LOOPBACK_NAMES, server.host, *server.allowed_hosts)}
        self._origins = {origin.rstrip("/").lower() for origin in server.allowed_origins}

    def refusal(self, method: str, headers: dict[bytes, bytes]) -> PennyrouteError | None:
        """Why a request may not come in, if it may not."""
        host = (header_text(headers.get(b"host")) or "").lower()
        if not self._any_host and _name_of(host) not in self._hosts:
            return HostNotAllowed(
                f"this service is not called {_short(host)!r}; should it be, add it to server.allowed_hosts",
                param="Host",
            )
        origin = headers.get(b"origin")
        if origin is not None and not self._may_come(header_text(origin) or "", host):
            return OriginNotAllowed(
                f"web pages of {_short(header_text(origin) or '')!r} may not call this service; "
                "add the origin to server.allowed_origins if they should",
                param="Origin",
            )
        if method in _WRITES and not _is_json(headers.get(b"content-type", b"")):
            sent = header_text(headers.get(b"content-type")) or "no content type"
            return WrongMediaType(
                f"the body must be sent as application/json, not {_short(sent)}", param="Content-Type"
            )
        return None

    def answers_origin(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """Headers that let a page of an allowed origin read the answer."""
        origin = headers.get(b"origin")
        if origin is None or (header_text(origin) or "").lower() not in self._origins:
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"vary", b"Origin"),
            (b"access-control-expose-headers", b"*"),
        ]

    def preflight(self, headers: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
        """The answer to a browser that asks whether it may send something."""
        allowed = self.answers_origin(headers)
        if allowed:
            allowed += [
                (b"access-control-allow-methods", b"GET, POST, PUT, DELETE"),
                (b"access-control-allow-headers", _PREFLIGHT_HEADERS),
                (b"access-control-max-age", b"600"),
            ]
        return allowed

    def _may_come(self, origin: str, host: str) -> bool:
        origin = origin.lower()
        return origin in self._origins or origin in (f"http://{host}", f"https://{host}")


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:100]}…"
