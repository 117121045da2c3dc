"""The OpenAPI description of the two endpoints that FastAPI does not serve."""

from typing import Any

import msgspec

from router.http.complete_body import CompleteBody
from router.http.edge import OPEN_PATHS

_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_STATUSES = {
    400: "What was wrong, what would be right, and where.",
    401: "No key, or none that is good.",
    403: "The key's scope does not reach this, or the Host or Origin is not allowed.",
    404: "No such route or model.",
    408: "The body did not arrive in time.",
    409: "The request with this Idempotency-Key runs still, or left no answer that can be sent again.",
    412: "Somebody changed it since: read it again.",
    413: "The body, or the query, is too large.",
    415: "Not application/json.",
    422: "The Idempotency-Key was sent before with another request.",
    428: "Say which version this changes: If-Match.",
    429: "A hard budget has too little left, or the provider limits the rate.",
    502: "Every attempt failed.",
    503: "The store or the model is not available now, or a hard budget cannot be enforced.",
    504: "The provider did not answer in time.",
}
_CHAT_BODY = {
    "type": "object",
    "required": ["model", "messages"],
    "additionalProperties": True,
    "properties": {
        "model": {"type": "string", "description": "A route, `auto`, or a configured model's own name."},
        "messages": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "stream": {"type": "boolean", "default": False},
        "metadata": {
            "type": "object",
            "description": "`team`, `feature`, `user`, `session`, `experiment`, `variant`, `tier` are read; "
            "all is passed on.",
        },
    },
    "example": {"model": "auto", "messages": [{"role": "user", "content": "What is the capital of France?"}]},
}
_WITH_PARAMETERS = ("/v1/reports/routes",)
_COMPLETIONS = tuple(status for status in _STATUSES if status not in (412, 428))
_LABELS = ("team", "feature", "user", "session", "tier")
_IDEMPOTENCY = {
    "Idempotency-Key": {"type": "string", "minLength": 1, "maxLength": 255},
    "Idempotency-Retry": {"type": "string", "enum": ["allow"]},
}


def with_completions(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with `/complete` and `/v1/chat/completions` among its paths."""
    if "/complete" in schema["paths"]:
        return schema
    (body,), parts = msgspec.json.schema_components(
        [CompleteBody], ref_template="#/components/schemas/{name}"
    )
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    components.update(parts)
    components["Error"] = _ERROR
    _state_errors(schema)
    schema["paths"] = {
        "/complete": {"post": _complete(body)},
        "/v1/chat/completions": {"post": _chat()},
        **schema["paths"],
    }
    return schema


def _state_errors(schema: dict[str, Any]) -> None:
    """FastAPI states a 422 that is never answered; what is answered is ours."""
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    bearer = {"type": "http", "scheme": "bearer", "description": "Needed once a key exists."}
    schema["components"]["securitySchemes"] = {"key": bearer}
    schema["components"]["schemas"].pop("HTTPValidationError", None)
    schema["components"]["schemas"].pop("ValidationError", None)
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            answers.pop("422", None)
            if path in OPEN_PATHS:
                continue
            operation["security"] = [{"key": []}, {}]
            statuses = [401, 403, 503] + [400, 404] * ("{" in path) + [400] * (path in _WITH_PARAMETERS)
            statuses += [412, 413, 415, 428] * (method == "put")
            for status in sorted(set(statuses)):
                answers.setdefault(str(status), {"description": _STATUSES[status], "content": error})


def _complete(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["completions"],
        "summary": "Answer a query at the least cost",
        "description": "Give one of `query` and `messages`. With `stream`: server-sent events `delta`, then "
        "one `completion` with the same body as without; `error` if it breaks.",
        "requestBody": _json(body | {"example": {"query": "What is the capital of France?"}}),
        "parameters": _parameters(),
        "responses": _responses("The answer, the decision and its cost."),
    }


def _chat() -> dict[str, Any]:
    return {
        "tags": ["completions"],
        "summary": "The OpenAI wire: swap the base URL",
        "description": "What is not described here passes through both ways. Decision and cost ride in "
        "`x-pennyroute-*` headers and, when streaming, in a comment line before `[DONE]`.",
        "requestBody": _json(_CHAT_BODY),
        "parameters": _parameters(),
        "responses": _responses("The provider's answer."),
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _parameters() -> list[dict[str, Any]]:
    headers: dict[str, dict[str, Any]] = {f"x-pennyroute-{label}": {"type": "string"} for label in _LABELS}
    return [
        {"name": name, "in": "header", "required": False, "schema": schema}
        for name, schema in (headers | _IDEMPOTENCY).items()
    ]


def _responses(said: str) -> dict[str, Any]:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    good = {
        "application/json": {"schema": {"type": "object"}},
        "text/event-stream": {"schema": {"type": "string"}},
    }
    found: dict[str, Any] = {"200": {"description": said, "content": good}}
    return found | {
        str(status): {"description": _STATUSES[status], "content": error} for status in _COMPLETIONS
    }
