"""Which queries a cache may answer: those whose answer depends on nothing but what they say."""

from typing import Final

import msgspec

from router.query import Query

_SAID: Final = frozenset(
    {
        "frequency_penalty",
        "function_call",
        "functions",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "min_p",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "prompt_cache_key",
        "reasoning_effort",
        "response_format",
        "safety_identifier",
        "seed",
        "service_tier",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_k",
        "top_logprobs",
        "top_p",
        "user",
        "verbosity",
    }
)
"""Fields of a body that ask for nothing outside it. Another may: it may search the web, or store."""


class _Tool(msgspec.Struct):
    type: str = ""


_tools = msgspec.json.Decoder(list[_Tool] | None)


def is_repeatable(query: Query) -> bool:
    """Whether the same query may be given the same answer.

    Not with images, which may lie behind an address and change there; not with a field that is not known to
    be about the text alone; not with a tool that the provider runs itself.
    """
    if query.images or query.body.keys() - _SAID:
        return False
    tools = query.body.get("tools")
    return tools is None or _are_functions(tools)


def _are_functions(tools: msgspec.Raw) -> bool:
    try:
        return all(tool.type == "function" for tool in _tools.decode(tools) or ())
    except msgspec.DecodeError:
        return False
