"""What a model does not take, and where a call that names its model counts."""

import httpx
import pytest

from tests.http.config import EASY, chat
from tests.http.wire import error_of
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
PICTURE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]


@pytest.mark.parametrize("named", [{"metadata": {"tier": "small"}}, {"model": "tiny"}])
def test_tools_are_refused_where_the_call_must_go_to_a_model_that_takes_none(
    client: httpx.Client, upstream: OpenAIWire, named: dict[str, object]
) -> None:
    error = error_of(client.post(CHAT, json=chat(tools=TOOLS) | named), 400, "not_supported")
    assert "'tiny' does not take tools" in error["message"]
    picture = chat(messages=[{"role": "user", "content": PICTURE}]) | named
    error = error_of(client.post(CHAT, json=picture), 400, "not_supported")
    assert "'tiny' does not take images" in error["message"]
    assert not upstream.seen


def test_a_small_model_named_directly_counts_as_small(client: httpx.Client) -> None:
    message = {"role": "user", "content": EASY}
    tiers = {
        name: client.post(CHAT, json={"model": name, "messages": [message]}).headers["x-pennyroute-tier"]
        for name in ("tiny", "big")
    }
    assert tiers == {"tiny": "small", "big": "large"}


def test_head_is_answered_as_get_without_a_body(client: httpx.Client) -> None:
    for path in ("/healthz", "/readyz", "/"):
        response = client.head(path)
        assert (response.status_code, response.content) == (200, b"")


def test_the_schema_states_our_errors_and_the_key(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()
    change = schema["paths"]["/v1/routes/{route}/threshold"]["put"]
    assert {"400", "401", "403", "404", "412", "413", "415", "428"} <= set(change["responses"])
    assert "HTTPValidationError" not in str(schema)
    assert "422" not in str(
        {path: schema["paths"][path] for path in schema["paths"] if path.startswith("/v1/routes")}
    )
    assert schema["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_a_reason_takes_no_control_characters(client: httpx.Client) -> None:
    body = {"threshold": 0.3, "reason": "a\0b"}
    response = client.put("/v1/routes/once/threshold", json=body, headers={"If-Match": "*"})
    assert "control characters" in error_of(response, 400)["message"]
