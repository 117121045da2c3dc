"""A call as litellm takes it: the caller's fields as arguments, none that reaches past the provider."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from router.providers.endpoint import Call
from router.providers.failure import AttemptFailed, FailureKind

# What a chat body of OpenAI's has: a provider that does not take one of these says so itself.
_CHAT_FIELDS: Final = frozenset(
    {
        "audio",
        "frequency_penalty",
        "function_call",
        "functions",
        "include_server_side_tool_invocations",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "modalities",
        "model",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
        "web_search_options",
    }
)
# litellm takes the place, the key, the credentials and its own settings as arguments beside the caller's: a
# caller who could set them would send our key elsewhere, have files read, or have fields dropped unsaid. It
# knows most of them itself; these it reads from what was given all the same.
_NEVER: Final = frozenset(
    {
        "account_id",
        "acreate_batch",
        "acreate_fine_tuning_job",
        "additional_drop_params",
        "amoderation",
        "anthropic-workspace-id",
        "api_type",
        "apikey",
        "arerank",
        "aresponses",
        "aspeech",
        "atranscription",
        "cache_control_injection_points",
        "call_type",
        "callbacks",
        "client",
        "custom_endpoint",
        "default_headers",
        "default_query",
        "deployment_id",
        "deployment_url",
        "disable_fallbacks",
        "drop_params",
        "enable_json_schema_validation",
        "engine",
        "extra_body",
        "extra_headers",
        "extra_query",
        "fake_stream",
        "follow_redirects",
        "http_client",
        "initial_prompt_value",
        "is_async",
        "is_vertex_request",
        "json_mode",
        "kwargs",
        "logging_obj",
        "model_id",
        "model_list",
        "model_resource_id_mapping",
        "model_response",
        "optional_params",
        "organization",
        "original_function",
        "project",
        "provider_config",
        "region_name",
        "request_timeout",
        "shared_session",
        "standard_logging_object",
        "timeout",
        "token",
        "url",
        "use_psc_endpoint_format",
        "user_agent",
        "workspace_id",
    }
)
_NEVER_PREFIXES: Final = (
    "_",
    "anthropic_",
    "aws_",
    "azure_",
    "databricks_",
    "gcs_",
    "gigachat_",
    "hf_",
    "litellm_",
    "mock_",
    "oci_",
    "openai_",
    "predibase_",
    "s3_",
    "sagemaker_",
    "sap_",
    "vertex_",
    "watsonx_",
)
_NEVER_SUFFIXES: Final = (
    "_access_token",
    "_callback",
    "_callbacks",
    "_credentials",
    "_fallbacks",
    "api_base",
    "api_key",
    "api_version",
    "base_url",
    "headers",
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
        if _is_control(name, litellm):
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


def _is_control(name: str, litellm: Any) -> bool:
    """Whether litellm takes a field for itself; what it knows nothing of goes to the provider."""
    if name in _CHAT_FIELDS:
        return False
    return (
        name in _NEVER
        or name.startswith(_NEVER_PREFIXES)
        or name.endswith(_NEVER_SUFFIXES)
        or litellm.types.utils.is_litellm_owned_kwarg(name)
    )


def _not_taken(name: str, endpoint: str) -> AttemptFailed:
    message = (
        f"field {name!r} is not taken for model {endpoint!r}: it would change how its provider is called"
    )
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": "unknown_parameter"}
    return AttemptFailed(
        FailureKind.BAD_REQUEST, message, status=400, body=msgspec.json.encode({"error": error})
    )
