"""A call as litellm takes it: the caller's fields as arguments, none that reaches past the provider."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from router.providers.endpoint import Call
from router.providers.failure import AttemptFailed, FailureKind

# litellm takes the place, the key and the credentials as arguments beside the caller's: a caller who could
# set them would send our key elsewhere, or have files read.
_NEVER: Final = frozenset(
    {
        "api_base",
        "api_key",
        "api_version",
        "base_url",
        "client",
        "deployment_id",
        "extra_body",
        "extra_headers",
        "extra_query",
        "headers",
        "model_list",
        "organization",
        "project",
        "region_name",
        "shared_session",
        "timeout",
        "token",
    }
)
_NEVER_PREFIXES: Final = (
    "_",
    "anthropic_",
    "aws_",
    "azure_",
    "databricks_",
    "gcs_",
    "hf_",
    "litellm_",
    "mock_",
    "oci_",
    "openai_",
    "s3_",
    "sagemaker_",
    "sap_",
    "vertex_",
    "watsonx_",
)
# What litellm takes for itself under a name that the wire has; it is labels of ours, and not sent.
_KEPT_BACK: Final = frozenset({"metadata"})


def arguments(call: Call, fields: Mapping[str, msgspec.Raw], litellm: Any) -> dict[str, Any]:
    """Arguments of `litellm.acompletion`.

    Args:
        call: what is asked for.
        fields: the body as the endpoint wants it.
        litellm: the module; it knows which names are its own.

    Raises:
        AttemptFailed: the body has a field that would change where or how the call is made.
    """
    endpoint = call.endpoint
    given = {name: msgspec.json.decode(value) for name, value in fields.items() if name not in _KEPT_BACK}
    for name in given:
        if (
            name in _NEVER
            or name.startswith(_NEVER_PREFIXES)
            or litellm.types.utils.is_litellm_owned_kwarg(name)
        ):
            raise _not_taken(name, endpoint.name)
    prefix = endpoint.quirks.litellm_prefix
    timeouts = endpoint.timeouts
    given |= {
        "model": f"{prefix}/{endpoint.upstream_model}" if prefix else endpoint.upstream_model,
        "stream": call.stream,
        "num_retries": 0,
        "max_retries": 0,
        "no-log": True,
        "_skip_mcp_handler": True,  # it would run some tools itself, with its proxy
        "timeout": litellm.main.httpx.Timeout(timeouts.total_s, connect=timeouts.connect_s),
    }
    if endpoint.api_key is not None:
        given["api_key"] = endpoint.api_key.reveal()
    if endpoint.base_url is not None:
        base = endpoint.base_url.rstrip("/")
        # litellm puts /v1 before Anthropic's path itself.
        given["api_base"] = base.removesuffix("/v1") if prefix == "anthropic" else base
    if endpoint.extra_headers:
        given["extra_headers"] = dict(endpoint.extra_headers)
    return given


def _not_taken(name: str, endpoint: str) -> AttemptFailed:
    message = (
        f"field {name!r} is not taken for model {endpoint!r}: it would change how its provider is called"
    )
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": "unknown_parameter"}
    return AttemptFailed(
        FailureKind.BAD_REQUEST, message, status=400, body=msgspec.json.encode({"error": error})
    )
