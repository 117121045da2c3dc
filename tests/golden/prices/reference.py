"""What a usage costs, worked out a second time by other means: Decimal, dollars, no code of the product.

A usage is read here as each provider documents it (OpenAI's, Anthropic's and Gemini's wire), and a price as its source
writes it (litellm's map in dollars a token, genai-prices in dollars a million). Buckets have the names the ledger uses.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, getcontext
from typing import Any

getcontext().prec = 60

Buckets = dict[str, int]
NANO = Decimal(10) ** 9
MOST_TOKENS = 100_000_000
INPUT_PARTS = ("cached_input", "cache_write_5m", "cache_write_1h", "audio_input", "image_input")
OUTPUT_PARTS = ("reasoning", "audio_output")
SUFFIXES = {"flex": "_flex", "priority": "_priority", "batch": "_batches"}
FIELDS = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached_input": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "audio_input": "input_cost_per_audio_token",
    "image_input": "input_cost_per_image_token",
    "reasoning": "output_cost_per_reasoning_token",
    "audio_output": "output_cost_per_audio_token",
}
PER_MILLION = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cached_input": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


# --- usage: from the wire to buckets ---


def buckets_of(wire: str, usage: Any) -> Buckets | None:
    """The buckets of a whole answer's usage, zeros left out; `None` where it states none that can be true."""
    if not isinstance(usage, Mapping):
        return None
    return {"openai": _openai, "anthropic": _anthropic, "gemini": _gemini}[wire](usage)


def streamed_buckets_of(wire: str, usages: list[Any]) -> Buckets | None:
    """The same for the statements of a stream, in their order."""
    if wire == "anthropic":  # each event states what it knows, and the last count of a field holds
        merged: dict[str, Any] = {}
        for usage in usages:
            merged |= {name: value for name, value in (usage or {}).items() if value is not None}
        return _anthropic(merged)
    best: Buckets | None = None
    for usage in usages:  # running totals: the later, unless it states less
        found = buckets_of(wire, usage)
        if found is not None and (best is None or _all(found) >= _all(best)):
            best = found
    return best


def _all(buckets: Buckets) -> int:
    return buckets["input"] + buckets["output"]


def _openai(usage: Mapping[str, Any]) -> Buckets | None:
    """prompt_tokens has cached, written, audio and image tokens in it; completion_tokens has reasoning and audio."""
    given, made = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    if not (_is_count(given) and _is_count(made)) or given + made == 0:
        return None
    sent = _details(usage, "prompt_tokens_details")
    got = _details(usage, "completion_tokens_details")
    if sent is None or got is None:  # details that are no details: the whole stands
        return _plain(given, made)
    reasoning = _count(got.get("reasoning_tokens"))
    if reasoning and (reasoning > made or usage.get("total_tokens") == given + made + reasoning):
        made += reasoning  # a dialect that leaves it out and says so by its total
    lifetimes = sent.get("cache_creation") or sent.get("cache_creation_token_details") or {}
    written = next(
        (
            _count(sent[name])
            for name in ("cache_write_tokens", "cache_creation_tokens", "cache_creation_input_tokens")
            if sent.get(name)
        ),
        0,
    )
    hour = _count(lifetimes.get("ephemeral_1h_input_tokens"))
    cached = next(
        (
            _count(count)
            for count in (
                sent.get("cached_tokens"),
                usage.get("prompt_cache_hit_tokens"),
                usage.get("cached_tokens"),
                usage.get("num_cached_tokens"),
            )
            if count
        ),
        0,
    )
    return _checked(
        input=given,
        output=made,
        cached_input=cached,
        cache_write_5m=max(_count(lifetimes.get("ephemeral_5m_input_tokens")), written - hour),
        cache_write_1h=hour,
        audio_input=_count(sent.get("audio_tokens")),
        image_input=_count(sent.get("image_tokens")),
        reasoning=reasoning,
        audio_output=_count(got.get("audio_tokens")),
    )


def _anthropic(usage: Mapping[str, Any]) -> Buckets | None:
    """input_tokens is what was neither read from a cache nor written to one."""
    fresh, made = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
    read, written = (_count(usage.get(f"cache_{what}_input_tokens")) for what in ("read", "creation"))
    hour = _count((usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens"))
    if fresh + read + written + made == 0:
        return None
    return _checked(
        input=fresh + read + written,
        output=made,
        cached_input=read,
        cache_write_5m=written - hour,
        cache_write_1h=hour,
    )


def _gemini(usage: Mapping[str, Any]) -> Buckets | None:
    """The promptTokenCount has the cached in it, not what tools were given; thoughts are beside the candidates."""
    given = _count(usage.get("promptTokenCount")) + _count(usage.get("toolUsePromptTokenCount"))
    thought = _count(usage.get("thoughtsTokenCount"))
    made = _count(usage.get("candidatesTokenCount")) + thought
    if given + made == 0:
        return None
    sent, cached = _modalities(usage, "promptTokensDetails"), _modalities(usage, "cacheTokensDetails")
    return _checked(
        input=given,
        output=made,
        cached_input=_count(usage.get("cachedContentTokenCount")),
        audio_input=sent.get("AUDIO", 0) - cached.get("AUDIO", 0),
        image_input=sent.get("IMAGE", 0) - cached.get("IMAGE", 0),
        reasoning=thought,
    )


def _modalities(usage: Mapping[str, Any], name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for detail in usage.get(name) or ():
        found[detail["modality"]] = found.get(detail["modality"], 0) + detail["tokenCount"]
    return found


def _details(usage: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    found = usage.get(name)
    if found is None:
        return {}
    return found if isinstance(found, Mapping) else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_TOKENS


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def _plain(given: int, made: int) -> Buckets:
    return {"input": given, "output": made}


def _checked(**buckets: int) -> Buckets:
    """Parts that are more than their whole are dropped; a cached picture or sound is counted as cached."""
    cached = buckets["cached_input"] + buckets.get("cache_write_5m", 0) + buckets.get("cache_write_1h", 0)
    over = cached + buckets.get("image_input", 0) + buckets.get("audio_input", 0) - buckets["input"]
    if cached <= buckets["input"]:
        for part in ("image_input", "audio_input"):
            taken = max(0, min(over, buckets.get(part, 0)))
            buckets[part] = buckets.get(part, 0) - taken
            over -= taken
    made = sum(buckets.get(part, 0) for part in OUTPUT_PARTS)
    if cached > buckets["input"] or made > buckets["output"]:
        return _plain(buckets["input"], buckets["output"])
    return _plain(buckets["input"], buckets["output"]) | {
        part: buckets[part] for part in (*INPUT_PARTS, *OUTPUT_PARTS) if buckets.get(part)
    }


# --- price: from its source to dollars ---


def cost_nano(buckets: Buckets, price: Mapping[str, Any], tier: str | None, at: datetime) -> int:
    """Nano-dollars of one call, rounded once, half up."""
    counts = {**buckets}
    counts["input"] -= sum(buckets.get(part, 0) for part in INPUT_PARTS)
    counts["output"] -= sum(buckets.get(part, 0) for part in OUTPUT_PARTS)
    dollars = Decimal(0)
    for bucket, tokens in counts.items():
        dollars += tokens * _dollars_a_token(bucket, price, tier, buckets["input"], at)
    dollars += Decimal(str(price.get("per_request_usd", 0)))
    return int((dollars * NANO).to_integral_value(ROUND_HALF_UP))


def stated_cost_nano(usage: Mapping[str, Any]) -> int:
    """Nano-dollars of the dollars a provider says it charged; with the user's own key the upstream's are beside."""
    dollars = Decimal(str(usage["cost"]))
    if usage.get("is_byok"):
        dollars += Decimal(str(usage["cost_details"]["upstream_inference_cost"]))
    return int((dollars * NANO).to_integral_value(ROUND_HALF_UP))


def _dollars_a_token(
    bucket: str, price: Mapping[str, Any], tier: str | None, input_tokens: int, at: datetime
) -> Decimal:
    for mark, stated in (("tokens_per_second", _of_a_machine), ("input", _as_configured)):
        if mark in price:
            return stated(price, bucket)
    if "input_mtok" in price:
        return _of_genai(price, bucket, input_tokens)
    if "tiered_pricing" in price:
        chosen = [band for band in price["tiered_pricing"] if input_tokens > Decimal(band["range"][0])]
        return _of_litellm((chosen or price["tiered_pricing"])[-1 if chosen else 0], bucket, None, None)
    if "off_peak_pricing" in price and _is_off_peak(price["off_peak_pricing"]["windows"], at):
        price = price["off_peak_pricing"]
    if tier == "fast" and "fast" in price.get("provider_specific_entry", {}):
        return _of_litellm(price, bucket, None, None) * Decimal(price["provider_specific_entry"]["fast"])
    step = None
    for field in price:
        found = re.match(r"input_cost_per_token_above_(\d+)k_tokens$", field)
        if found and input_tokens > int(found[1]) * 1000:
            step = f"_above_{found[1]}k_tokens"
    return _of_litellm(price, bucket, SUFFIXES.get(tier or ""), step)


def _of_litellm(price: Mapping[str, Any], bucket: str, suffix: str | None, step: str | None) -> Decimal:
    """A rate that is not stated: a write of an hour costs what a shorter one does, a part what its whole does."""
    if suffix and f"{FIELDS['input']}{suffix}" not in price:
        suffix = None  # no such tier: standard
    if suffix and step and f"{FIELDS['input']}{step}{suffix}" not in price:
        # The tier states no long-context rate: standard's, where that is dearer.
        return max(_of_litellm(price, bucket, None, step), _of_litellm(price, bucket, suffix, None))
    ends = (step or "") + (suffix or "")
    stated = price.get(FIELDS[bucket] + ends)
    if stated is not None:
        return Decimal(stated)
    if bucket == "cache_write_1h":
        return _of_litellm(price, "cache_write_5m", suffix, step)
    whole = "output" if bucket in OUTPUT_PARTS else "input"
    now = Decimal(price[FIELDS[whole] + ends])
    if not ends or bucket == whole:
        return now
    usual = _of_litellm(price, bucket, suffix if step else None, None)
    plain = _of_litellm(price, whole, suffix if step else None, None)
    return max(usual, now) if usual > plain else now  # silence of a tier makes nothing cheap that was dear


def _of_genai(price: Mapping[str, Any], bucket: str, input_tokens: int) -> Decimal:
    stated = price
    for bound, above in price.get("above", {}).items():
        stated = above if input_tokens > int(bound) else stated
    for name in (bucket, "cache_write_5m" if bucket == "cache_write_1h" else bucket):
        if PER_MILLION.get(name) in stated:
            return Decimal(stated[PER_MILLION[name]]) / 10**6
    return Decimal(stated["output_mtok" if bucket in OUTPUT_PARTS else "input_mtok"]) / 10**6


def _as_configured(price: Mapping[str, Any], bucket: str) -> Decimal:
    """Dollars a million tokens by bucket, as a configuration states them."""
    for name in (bucket, "cache_write_5m" if bucket == "cache_write_1h" else bucket):
        if name in price:
            return Decimal(str(price[name])) / 10**6
    return Decimal(str(price["output" if bucket in OUTPUT_PARTS else "input"])) / 10**6


def _of_a_machine(price: Mapping[str, Any], bucket: str) -> Decimal:
    """An hour's dollars over the tokens of an hour, rounded up to a pico-dollar a token."""
    number = {name: Decimal(str(value)) for name, value in price.items()}
    hour = number.get("usd_per_hour")
    if hour is None:
        hour = number["watts"] / 1000 * number["usd_per_kwh"]
    speed = number["tokens_per_second"]
    if bucket == "input" or bucket in INPUT_PARTS:
        speed = number.get("input_tokens_per_second", speed)
    dollars = hour / (speed * 3600 * number.get("utilisation", Decimal(1)))
    return dollars.quantize(Decimal("1e-12"), ROUND_CEILING)


def _is_off_peak(windows: list[dict[str, Any]], at: datetime) -> bool:
    minute = at.hour * 60 + at.minute
    for window in windows:
        hours = [window["hours_utc"]] if isinstance(window["hours_utc"], str) else window["hours_utc"]
        for text in hours:
            start, end = ((int(clock[:2]) * 60 + int(clock[3:])) for clock in text.split("-"))
            if at.isoweekday() in window["weekdays"] and start <= minute < (end or 24 * 60):
                return True
    return False
