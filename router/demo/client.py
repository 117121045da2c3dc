"""A small HTTP client of the standard library: one kept-alive connection, used from a thread."""

import http.client
import json
import urllib.parse
from dataclasses import dataclass
from typing import Any, Final, Self

from router.errors import SetupError

TIMEOUT_S: Final = 120.0
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_BROKEN: Final = (OSError, http.client.HTTPException)


class Unreachable(SetupError):  # noqa: N818 - the name says what was wrong
    """Nothing answers at the service's address."""

    code = "service_unreachable"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the service answered.

    Attributes:
        body: the JSON object, or an empty one when the answer was none.
    """

    status: int
    body: dict[str, Any]

    @property
    def error_code(self) -> str:
        """The machine-readable name of the error; empty when there is none."""
        return str(self._error().get("code") or "")

    @property
    def error_message(self) -> str:
        """The error in words."""
        return str(self._error().get("message") or f"HTTP {self.status}")

    def _error(self) -> dict[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}


class Connection:
    """One connection to the service, opened when first used and again when it was closed."""

    def __init__(self, base_url: str, api_key: str | None) -> None:
        """Takes the service's address, such as `http://127.0.0.1:8080`, and a key where one is needed."""
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable(f"{base_url} is no address; write it as http://127.0.0.1:8080")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._address = base_url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def check(self) -> None:
        """Asks whether the service is up.

        Raises:
            Unreachable: it is not.
        """
        status = self._send("GET", "/healthz", None).status
        if status != http.client.OK:
            raise Unreachable(f"{self._address}/healthz answers {status}; is this Pennyroute?")

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        """Sends one request.

        Raises:
            Unreachable: the connection cannot be opened, or breaks before the answer is whole.
        """
        return self._send("POST", path, json.dumps(body).encode())

    def get(self, path: str) -> Reply:
        """Asks for a page; raises as `post` does."""
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, content: bytes | None) -> Reply:
        try:
            self._http.request(method, self._prefix + path, content, self._headers)
            response = self._http.getresponse()
            text = response.read(_LARGEST_ANSWER)
        except _BROKEN as error:
            # Not sent again: the service may have answered, and an answer costs money.
            self._http.close()
            raise Unreachable(
                f"{self._address} does not answer: {error}; start it with `make run`"
            ) from error
        return Reply(response.status, _json_object(text))


def _json_object(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
