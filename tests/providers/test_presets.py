"""Providers a user names in one word."""

import pytest

from router.pricing.book import load_book
from router.providers.presets import PRESETS, Lane, Preset

OF_THE_ISSUE = [
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "deepseek",
    "openrouter",
    "ollama",
    "vllm",
    "llama.cpp",
    "volcengine",
    "dashscope",
    "qianfan",
    "hunyuan",
]
BUNDLED = {"offline", "local"}
ANYWHERE = {"openai-compatible", "litellm"}
HERE = "http://127.0.0.1"
EACH = pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))


@pytest.mark.parametrize("name", [*OF_THE_ISSUE, "offline", "openai-compatible", "litellm"])
def test_each_provider_has_its_word(name: str) -> None:
    assert PRESETS[name].name == name


@EACH
def test_a_pair_is_whole_and_priced(preset: Preset) -> None:
    assert (preset.small is None) == (preset.large is None)
    if preset.small is None or preset.large is None:
        return
    book = load_book()
    small = book.price(preset.price_provider, preset.small)
    large = book.price(preset.price_provider, preset.large)
    assert small is not None
    assert large is not None
    if preset.small != preset.large:
        assert small.rates.input < large.rates.input
        assert small.rates.output < large.rates.output


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "mistral", "deepseek", "openrouter"])
def test_a_provider_found_by_its_key_has_a_pair(name: str) -> None:
    assert PRESETS[name].key_env is not None
    assert PRESETS[name].small is not None


@EACH
def test_a_place_is_known_or_asked_for(preset: Preset) -> None:
    if preset.base_url is not None:
        assert preset.base_url.startswith(("https://", HERE))
        assert not preset.base_url.endswith("/")
        assert "/chat/completions" not in preset.base_url
    else:
        assert preset.lane is Lane.WIDE or preset.name in BUNDLED | ANYWHERE


@EACH
def test_a_key_is_asked_for_where_a_provider_is_not_of_this_machine(preset: Preset) -> None:
    needs_key = preset.name not in BUNDLED | ANYWHERE and not (preset.base_url or "").startswith(HERE)
    assert (preset.key_env is not None) == needs_key


def test_keys_and_places_are_each_ones_own() -> None:
    for values in (
        [preset.key_env for preset in PRESETS.values() if preset.key_env],
        [preset.base_url for preset in PRESETS.values() if preset.base_url],
    ):
        assert len(set(values)) == len(values)
