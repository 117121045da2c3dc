"""Reading what comes back."""

import json
from decimal import Decimal
from typing import Any

import httpx

Event = tuple[str, Any]


def events_of(text: str) -> list[Event]:
    """Server-sent events: name (`message` where it has none, `comment` for a comment) and data."""
    found: list[Event] = []
    for block in text.split("\n\n"):
        name, data = "message", ""
        for line in block.split("\n"):
            if line.startswith(":"):
                found.append(("comment", line[1:].strip()))
            elif line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data += line.removeprefix("data: ")
        if data:
            found.append((name, json.loads(data) if data.startswith("{") else data))
    return found


def error_of(response: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The error object, in OpenAI's body and with the status that is expected."""
    assert response.status_code == status, (response.status_code, response.text[:500])
    assert response.headers["content-type"] == "application/json"
    assert set(response.json()) == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    if code is not None:
        assert error["code"] == code, error
    return error


def nano(dollars: str) -> int:
    """Nano-dollars of a decimal string, which must be exact."""
    exact = Decimal(dollars) * 10**9
    assert exact == exact.to_integral_value(), dollars
    return int(exact)
