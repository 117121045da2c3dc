"""The providers a user names in one word: where they are, how they are spoken to, what is a sensible pair."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Lane(StrEnum):
    """How a provider is reached."""

    FAST = "fast"
    """Speaks the OpenAI wire: bytes go through."""

    WIDE = "wide"
    """Is translated by litellm."""


@dataclass(frozen=True, slots=True)
class Quirks:
    """What a provider does differently from the OpenAI wire as it is written down.

    Attributes:
        output_cap_field: the name it wants the output cap by; `None` leaves the caller's choice alone.
        takes_stream_options: whether `stream_options` may be sent; those that refuse it state usage unasked.
        states_cost: whether `usage.cost` is dollars charged.
        litellm_prefix: what litellm calls it; wide lane only.
    """

    output_cap_field: str | None = None
    takes_stream_options: bool = True
    states_cost: bool = False
    litellm_prefix: str | None = None


PLAIN: Final = Quirks()
"""The OpenAI wire as it is written down."""


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider by name.

    Attributes:
        base_url: up to and without `/chat/completions`; `None`: the user states it, or litellm knows it.
        key_env: the environment variable its key is usually in; `None` if it needs none.
        price_provider: whose prices apply in the price book.
        small: the small model of a pair that is chosen when only a key is found; upstream's name.
        large: the large one.
    """

    name: str
    title: str
    lane: Lane
    base_url: str | None = None
    key_env: str | None = None
    price_provider: str = ""
    small: str | None = None
    large: str | None = None
    quirks: Quirks = PLAIN

    @property
    def is_bundled(self) -> bool:
        """Whether it ships with Pennyroute, which starts it and so knows its address."""
        return self.name in BUNDLED

    @property
    def only_model(self) -> str | None:
        """The model it has, if it has just one; a configuration need not name it."""
        return self.small if self.small == self.large else None


BUNDLED: Final = frozenset({"offline", "local"})


_OLD_CAP: Final = Quirks(output_cap_field="max_tokens")

_ALL: Final = (
    Preset(
        "openai",
        "OpenAI",
        Lane.FAST,
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "openai",
        "gpt-6-luna",
        "gpt-6-sol",
        Quirks(output_cap_field="max_completion_tokens"),
    ),
    Preset(
        "anthropic",
        "Anthropic",
        Lane.WIDE,
        None,
        "ANTHROPIC_API_KEY",
        "anthropic",
        "claude-haiku-5-5",
        "claude-opus-5-5",
        Quirks(litellm_prefix="anthropic"),
    ),
    # Gemini's own OpenAI endpoint leaves thinking tokens out of completion_tokens: its bill would be short.
    Preset(
        "gemini",
        "Google Gemini",
        Lane.WIDE,
        None,
        "GEMINI_API_KEY",
        "gemini",
        "gemini-3.5-flash-lite",
        "gemini-4-argon",
        Quirks(litellm_prefix="gemini"),
    ),
    Preset(
        "mistral",
        "Mistral",
        Lane.FAST,
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "mistral",
        "mistral-small-2603",
        "mistral-large-4-0",
        Quirks(output_cap_field="max_tokens", takes_stream_options=False),
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        Lane.FAST,
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "deepseek",
        "deepseek-v4-flash",
        "deepseek-v4-pro",
        _OLD_CAP,
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        Lane.FAST,
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "openrouter",
        "openai/gpt-6-luna",
        "openai/gpt-6-sol",
        Quirks(output_cap_field="max_tokens", states_cost=True),
    ),
    Preset("ollama", "Ollama", Lane.FAST, "http://127.0.0.1:11434/v1", None, "ollama", quirks=_OLD_CAP),
    Preset("vllm", "vLLM", Lane.FAST, "http://127.0.0.1:8000/v1", None, "vllm"),
    Preset(
        "llama.cpp",
        "llama.cpp server",
        Lane.FAST,
        "http://127.0.0.1:8081/v1",
        None,
        "llama.cpp",
        quirks=_OLD_CAP,
    ),
    Preset(
        "volcengine",
        "ByteDance Volcengine Ark",
        Lane.FAST,
        "https://ark.cn-beijing.volces.com/api/v3",
        "ARK_API_KEY",
        "volcengine",
        "doubao-seed-2-1-lite-260915",
        "doubao-seed-2-1-pro-260915",
        _OLD_CAP,
    ),
    Preset(
        "dashscope",
        "Alibaba Cloud DashScope",
        Lane.FAST,
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "DASHSCOPE_API_KEY",
        "dashscope",
        "qwen3.8-flash",
        "qwen3.8-max",
        _OLD_CAP,
    ),
    Preset(
        "qianfan",
        "Baidu Qianfan",
        Lane.FAST,
        "https://qianfan.baidubce.com/v2",
        "QIANFAN_API_KEY",
        "qianfan",
        quirks=_OLD_CAP,
    ),
    Preset(
        "hunyuan",
        "Tencent Hunyuan",
        Lane.FAST,
        "https://api.hunyuan.cloud.tencent.com/v1",
        "HUNYUAN_API_KEY",
        "hunyuan",
        quirks=_OLD_CAP,
    ),
    Preset("openai-compatible", "any OpenAI-compatible endpoint", Lane.FAST, None, None, "openai-compatible"),
    Preset("litellm", "any provider litellm knows", Lane.WIDE, None, None, "litellm"),
    Preset(
        "offline",
        "the bundled offline upstream (no model)",
        Lane.FAST,
        None,
        None,
        "offline",
        "offline/small",
        "offline/large",
    ),
    Preset(
        "local",
        "the bundled local model (SmolLM2-135M)",
        Lane.FAST,
        None,
        None,
        "local",
        "local/smollm2-135m",
        "local/smollm2-135m",
    ),
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType({preset.name: preset for preset in _ALL})
"""Every provider that can be named, by its name."""
