"""Writes the fixtures; `--sources` first copies the prices again, word for word, from the litellm that is installed."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tests.golden.prices import reference, shapes
from tests.golden.prices.shapes import Shape

HERE: Final = Path(__file__).parent
SOURCES: Final = HERE / "sources.json"
FIXTURES: Final = HERE / "fixtures"
NOON: Final = "2026-11-24T12:00:00+00:00"
WIRES: Final = {"anthropic": "anthropic", "gemini": "gemini"}
COST_STATED_BY: Final = frozenset({"openrouter"})
NAMES_OF_STANDARD: Final = frozenset({"default", "standard", "auto"})

CHEAP: Final = {"input": 0.3, "cached_input": 0.075, "output": 1.2}
ODD: Final = {
    "input": 0.123457,
    "cached_input": 0.012345,
    "cache_write_5m": 0.2,
    "output": 0.654321,
    "reasoning": 0.9,
}
SOUND: Final = {"input": 1, "output": 3, "audio_input": 7.5, "audio_output": 20, "image_input": 2.5}
FEE: Final = {"input": 0.05, "output": 0.05, "per_request_usd": 0.0001}
NOTHING: Final = {"input": 0, "output": 0}
RENTED: Final = {"usd_per_hour": 2.4, "tokens_per_second": 900, "utilisation": 0.5}
OWNED: Final = {"watts": 360, "usd_per_kwh": 0.25, "tokens_per_second": 50, "input_tokens_per_second": 1000}
BUSY: Final = {"usd_per_hour": 1.1, "tokens_per_second": 37}

Wanted = tuple[str, str, Mapping[str, Any], Iterable[Shape]]
"""Preset, model, what else its fixtures say (a stated price, a moment, the model served), and its shapes."""


def wanted() -> Iterator[Wanted]:
    """Every preset, its models and the shapes they are tried on."""
    yield from _openai()
    yield "anthropic", "claude-opus-5-5", {}, (*shapes.CLAUDE, *shapes.CLAUDE_FAST)
    yield "anthropic", "claude-haiku-5-5", {}, (*shapes.CLAUDE, *shapes.CLAUDE_LONG)
    yield "anthropic", "claude-sonnet-4-5", {"served": "claude-sonnet-4-5-20250929"}, shapes.CLAUDE[:10]
    yield "gemini", "gemini-4-argon", {}, (*shapes.GEMINI, *shapes.GEMINI_TIERS)
    yield "gemini", "gemini-2.5-flash", {}, (*shapes.GEMINI[:7], *shapes.GEMINI_HEARD)
    yield "gemini", "gemini-2.5-pro", {}, shapes.GEMINI_LONG
    yield from _dialects()
    yield from _without_a_book()


def _openai() -> Iterator[Wanted]:
    s = shapes
    everything = (
        *s.COMMON, s.FULL, s.ALL_CACHED, s.WRITTEN, s.ALL_REASONED, s.CACHED_REASONED, s.PREDICTED, s.ONLY_OUT,
        s.ONE, s.STREAMED_CACHED, s.STREAMED_NULL, *s.NOT_STATED[:2], *s.NOT_STATED[3:],
    )  # fmt: skip
    yield "openai", "gpt-6-sol", {}, everything
    tiered = (s.PLAIN, s.CACHED, s.CACHED_REASONED, s.WRITTEN)
    for tier in ("default", "flex", "priority", "batch"):
        yield "openai", "gpt-6-sol", {}, [s.with_tier(tier, shape) for shape in tiered]
    yield "openai", "gpt-6-sol", {}, s.at_step(272_000)
    for tier in ("flex", "priority", "batch"):
        yield "openai", "gpt-6-sol", {}, [s.with_tier(tier, shape) for shape in s.at_step(272_000)[1:]]
    yield "openai", "gpt-5.4", {}, (s.PLAIN, s.CACHED, *s.at_step(272_000))
    yield "openai", "gpt-4o", {}, (s.PLAIN, s.CACHED, s.SEEN, s.SEEN_CACHED, s.PREDICTED)
    yield "openai", "gpt-4o", {"served": "gpt-4o-2024-08-06"}, (s.FULL,)
    yield "openai", "gpt-4o", {"served": "gpt-4o-2024-05-13"}, (s.PLAIN, s.CACHED)
    yield "openai", "gpt-4o-mini", {"served": "gpt-4o"}, (s.PLAIN,)
    yield "openai", "gpt-audio", {}, (s.HEARD, s.SPOKE, s.TALKED, s.HEARD_CACHED, s.PLAIN)
    yield "openai", "o4-mini", {}, (s.REASONED, s.ALL_REASONED, s.with_tier("flex", s.CACHED_REASONED))
    yield "openai", "gpt-4o-mini", {"price": CHEAP}, (s.CACHED, s.REASONED)


def _dialects() -> Iterator[Wanted]:
    s = shapes
    yield "mistral", "mistral-small-2603", {}, (*s.COMMON, s.MISTRAL_CACHED, s.MISTRAL_BOTH)
    yield "mistral", "voxtral-small-2507", {}, (s.MISTRAL_AUDIO,)
    deep = (s.DEEPSEEK, s.DEEPSEEK_OLD, s.DEEPSEEK_MISSED, s.DEEPSEEK_THOUGHT)
    yield "deepseek", "deepseek-v4-pro", {"at": "2026-11-24T08:00:00+00:00"}, (*s.COMMON, *deep)
    for at in (
        "2026-11-24T00:59:59+00:00",
        "2026-11-24T01:00:00+00:00",
        "2026-11-24T05:30:00+00:00",
        "2026-11-24T23:59:59+00:00",
        "2026-11-22T08:00:00+00:00",
    ):
        yield "deepseek", "deepseek-v4-pro", {"at": at}, (s.DEEPSEEK, s.DEEPSEEK_THOUGHT)
    yield "openrouter", "openai/gpt-6-sol", {}, (*s.COMMON, *s.at_step(272_000), s.ROUTER_NO_COST)
    yield "openrouter", "openai/gpt-6-sol", {}, (
        s.ROUTER_COST, s.ROUTER_CHEAP, s.ROUTER_HALF, s.ROUTER_FREE, s.ROUTER_BYOK, s.ROUTER_STREAMED,
    )  # fmt: skip
    yield "volcengine", "doubao-seed-2-1-pro-260915", {}, (*s.COMMON, s.ARK_SCALE)
    yield "volcengine", "doubao-seed-2-1-lite-260915", {}, (s.HEARD, s.SEEN)
    yield "volcengine", "doubao-seed-2-0-pro-260215", {}, (*s.at_step(32_000), *s.at_step(128_000))
    qwen = (s.QWEN_EXPLICIT, s.QWEN_EXPLICIT_READ, s.QWEN_MODAL, s.QWEN_THOUGHT)
    yield "dashscope", "qwen3.8-flash", {}, (*s.COMMON, *qwen)
    yield "dashscope", "qwen3-max", {}, (*s.at_step(32_000), *s.at_step(128_000))
    yield "dashscope", "qwen-plus-latest", {}, (s.QWEN_THOUGHT, *s.at_step(256_000)[1:])


def _without_a_book() -> Iterator[Wanted]:
    """Providers whose prices nobody states in dollars, and machines of one's own."""
    s = shapes
    yield "qianfan", "ernie-5.0", {"price": CHEAP}, (*s.COMMON, s.QIANFAN_SEARCH)
    yield "hunyuan", "hunyuan-turbos", {"price": CHEAP}, (*s.COMMON, s.CACHED_REASONED)
    everyone = (*s.COMMON, s.LEFT_OUT, s.WRITTEN)
    yield "openai-compatible", "some-model", {"price": ODD}, (*everyone, s.MOONSHOT, s.GROQ)
    yield "openai-compatible", "some-model", {"price": SOUND}, (s.TALKED, s.SEEN, s.HEARD)
    yield "openai-compatible", "some-model", {"price": FEE}, (s.PLAIN, s.STREAMED, s.ONE)
    yield "litellm", "openai/some-model", {"price": ODD}, (
        s.PLAIN, s.FULL, s.CACHED, s.REASONED, s.CACHED_REASONED, s.NULL_DETAILS, s.STREAMED,
    )  # fmt: skip
    yield "vllm", "llama-3.3-70b", {"price": RENTED}, (*s.COMMON, s.GROQ)
    yield "ollama", "qwen3:8b", {"price": OWNED}, s.COMMON
    yield "llama.cpp", "gpt-oss-20b", {"price": BUSY}, (*s.COMMON, s.LLAMA_CPP)
    yield "ollama", "qwen3:8b", {"price": NOTHING}, (s.PLAIN, s.REASONED)
    yield "offline", "offline/small", {"price": CHEAP}, (s.PLAIN, s.CACHED, s.STREAMED)
    yield "local", "local/smollm2-135m", {"price": BUSY}, (s.PLAIN, s.ONE, s.STREAMED)


def fixtures() -> Iterator[dict[str, Any]]:
    """Every fixture, with what the reference expects of it."""
    sources = json.loads(SOURCES.read_text(encoding="utf-8"))
    for number, (preset, model, more, tried) in enumerate(wanted()):
        asked = {"preset": preset, "model": model, "wire": WIRES.get(preset, "openai"), **more}
        for place, shape in enumerate(tried):
            scale = 1 if shape.fixed else 1 + (number * 7 + place) % 23
            yield _fixture(sources, asked, shape, scale)


def _fixture(
    sources: Mapping[str, Any], asked: Mapping[str, Any], shape: Shape, scale: int
) -> dict[str, Any]:
    made: dict[str, Any] = {"what": shape.what, **asked}
    if shape.stream is not None:
        made["stream"] = [_scaled(usage, scale) for usage in shape.stream]
    elif not shape.missing:
        made["usage"] = _scaled(shape.usage, scale)
    if shape.tier:
        made["service_tier"] = shape.tier
    if shape.headers:
        made["headers"] = shape.headers
    priced = asked.get("price")
    if priced is None:
        found = sources["models"][f"{asked['preset']}/{asked.get('served', asked['model'])}"]
        made["source"], priced = found["source"], found["price"]
    return made | _expected(made, priced)


def _expected(made: Mapping[str, Any], price: Mapping[str, Any]) -> dict[str, Any]:
    usages = made.get("stream", [made.get("usage")])
    if "stream" in made:
        buckets = reference.streamed_buckets_of(made["wire"], usages)
    else:
        buckets = reference.buckets_of(made["wire"], usages[0])
    if buckets is None:
        return {"buckets": None, "nano": None}  # nothing that can be true is stated: it is counted
    stated = [usage for usage in usages if made["preset"] in COST_STATED_BY and usage and "cost" in usage]
    if stated:
        return {"buckets": buckets, "nano": reference.stated_cost_nano(stated[-1])}
    tier = None if (named := _tier(made, usages)) in NAMES_OF_STANDARD else named
    at = datetime.fromisoformat(made.get("at", NOON))
    return {"buckets": buckets, "nano": reference.cost_nano(buckets, price, tier, at)}


def _tier(made: Mapping[str, Any], usages: list[Any]) -> str | None:
    """Where each wire says what served it."""
    for usage in usages:
        if isinstance(usage, Mapping) and usage.get("speed") == "fast":
            return "fast"
    in_usage = next(
        (u["service_tier"] for u in usages if isinstance(u, Mapping) and "service_tier" in u), None
    )
    header: str | None = made.get("headers", {}).get("x-gemini-service-tier")
    return made.get("service_tier") or in_usage or header


def _scaled(value: Any, by: int) -> Any:
    if type(value) is int:
        return value * by
    if isinstance(value, dict):
        return {name: _scaled(one, by) for name, one in value.items()}
    return [_scaled(one, by) for one in value] if isinstance(value, list) else value


def pages() -> dict[str, str]:
    """The text of each file of fixtures, by its name: one file a preset, one fixture a line."""
    lines: dict[str, list[str]] = {}
    for fixture in fixtures():
        lines.setdefault(f"{fixture['preset']}.jsonl", []).append(json.dumps(fixture))
    return {name: "\n".join(page) + "\n" for name, page in lines.items()}


def installed_prices(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What the price map of the installed litellm says of some models, numbers as they are written there."""
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    page = Path(spec.origin).parent / "model_prices_and_context_window_backup.json"
    everything = json.loads(page.read_text(encoding="utf-8"), parse_float=str)
    return {
        name: {
            field: value
            for field, value in everything[name].items()
            if field in ("off_peak_pricing", "tiered_pricing", "provider_specific_entry")
            or (field.startswith(("input_cost", "output_cost", "cache_")) and isinstance(value, str))
        }
        for name in names
    }


def _copy_sources() -> None:
    sources = json.loads(SOURCES.read_text(encoding="utf-8"))
    found = sources["models"]
    prices = installed_prices(one["name"] for one in found.values() if one["source"].startswith("litellm"))
    for one in found.values():
        if one["source"].startswith("litellm"):
            one["source"] = f"litellm {version('litellm')}"
            one["price"] = prices[one["name"]] | one.get("also", {})
    SOURCES.write_text(json.dumps(sources, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sources", action="store_true", help="copy the prices from the installed litellm first"
    )
    if parser.parse_args().sources:
        _copy_sources()
    FIXTURES.mkdir(exist_ok=True)
    for name, page in pages().items():
        (FIXTURES / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
