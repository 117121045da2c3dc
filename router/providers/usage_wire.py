"""Usage as the OpenAI wire and its dialects state it, brought to the one normal form."""

from decimal import Decimal
from typing import Any, Final

import msgspec

from router.pricing.errors import UsageError
from router.pricing.money import NanoDollars, round_usd
from router.pricing.usage import Usage
from router.providers.chunks import UNREADABLE

MOST_PLAUSIBLE_TOKENS: Final = 100_000_000
"""More than this in one call is a mistake of the provider's: taken as not stated."""

_MOST_PLAUSIBLE_DOLLARS: Final = 10_000


class _WriteDetails(msgspec.Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_creation_tokens: int | None = None
    cache_creation_token_details: _WriteDetails | None = None  # litellm, for Anthropic
    cache_creation_input_tokens: int | None = None  # DashScope
    cache_creation: _WriteDetails | None = None  # DashScope


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _CostDetails(msgspec.Struct):
    upstream_inference_cost: Decimal | None = None


class _Totals(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


class _Wire(msgspec.Struct):
    """The wire with every dialect we know; a field of another type makes the whole fall back to `_Totals`."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek
    cached_tokens: int | None = None  # Moonshot
    num_cached_tokens: int | None = None  # Mistral


class _Cost(msgspec.Struct):
    cost: Decimal | None = None
    is_byok: bool | None = None
    cost_details: _CostDetails | None = None


_CACHE_PARTS: Final = ("cached_input_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_wire: Final = msgspec.json.Decoder(_Wire)
_totals: Final = msgspec.json.Decoder(_Totals)
_cost: Final = msgspec.json.Decoder(_Cost)


def read_usage(raw: msgspec.Raw | bytes | None) -> Usage | None:
    """The usage that a provider states, or `None` if it states none that can be true.

    Counts that are missing, all zero, negative, no numbers, or beyond 100 million are not believed: then
    the caller counts. Details that contradict their whole are dropped, and the whole is kept, so that a
    mistake in a detail can make a call dearer than it was, never cheaper.
    """
    if raw is None:
        return None
    try:
        wire = _wire.decode(raw)
    except UNREADABLE:
        try:
            wire = _Wire(**msgspec.structs.asdict(_totals.decode(raw)))
        except UNREADABLE:
            return None
    given, made = wire.prompt_tokens or 0, wire.completion_tokens or 0
    if not 0 <= given <= MOST_PLAUSIBLE_TOKENS or not 0 <= made <= MOST_PLAUSIBLE_TOKENS or not given + made:
        return None
    return _normal(wire, given, made)


def _normal(wire: _Wire, given: int, made: int) -> Usage:
    sent = wire.prompt_tokens_details or _InputDetails()
    got = wire.completion_tokens_details or _OutputDetails()
    reasoning = max(0, got.reasoning_tokens or 0)
    # xAI and some gateways leave reasoning out of completion_tokens and say so by their total.
    left_out = reasoning and (reasoning > made or (wire.total_tokens or 0) == given + made + reasoning)
    if left_out and made + reasoning <= MOST_PLAUSIBLE_TOKENS:
        made += reasoning
    details: dict[str, Any] = {
        "cached_input_tokens": _first(
            sent.cached_tokens, wire.prompt_cache_hit_tokens, wire.cached_tokens, wire.num_cached_tokens
        ),
        **_writes(sent),
        "audio_input_tokens": _first(sent.audio_tokens),
        "image_input_tokens": _first(sent.image_tokens),
        "reasoning_tokens": reasoning,
        "audio_output_tokens": _first(got.audio_tokens),
    }
    if not any(details.values()):
        return Usage(given, made)
    details |= _disjoint_input(details, given)
    try:
        return Usage(given, made, **details)
    except UsageError:
        return Usage(given, made)


def _writes(sent: _InputDetails) -> dict[str, int]:
    """Cache writes by lifetime; what is not said to live an hour is taken to live five minutes."""
    written = _first(sent.cache_write_tokens, sent.cache_creation_tokens, sent.cache_creation_input_tokens)
    lifetimes = sent.cache_creation_token_details or sent.cache_creation or _WriteDetails()
    short, long = _first(lifetimes.ephemeral_5m_input_tokens), _first(lifetimes.ephemeral_1h_input_tokens)
    return {"cache_write_5m_tokens": max(short, written - long), "cache_write_1h_tokens": long}


def _first(*counts: int | None) -> int:
    return next((max(0, count) for count in counts if count), 0)


def _disjoint_input(details: dict[str, int], given: int) -> dict[str, int]:
    """Cached audio and pictures are stated twice, as cached and as what they are: count them as cached only.

    The wire does not say how much of the cached part is audio; where the parts exceed the whole by so much,
    that much is.
    """
    cached = sum(details[part] for part in _CACHE_PARTS)
    excess = cached + details["audio_input_tokens"] + details["image_input_tokens"] - given
    if excess <= 0 or cached > given:
        return {}
    pictures = max(0, details["image_input_tokens"] - excess)
    excess -= details["image_input_tokens"] - pictures
    return {
        "image_input_tokens": pictures,
        "audio_input_tokens": max(0, details["audio_input_tokens"] - excess),
    }


def read_cost_nano(raw: msgspec.Raw | bytes | None) -> NanoDollars | None:
    """The dollars a provider states it charged, in nano-dollars rounded half up; `None` if it states none.

    With a key of the user's own at the upstream provider (OpenRouter's `is_byok`), `cost` is the gateway's
    fee only and the upstream's bill is added.
    """
    if raw is None:
        return None
    try:
        wire = _cost.decode(raw)
    except UNREADABLE:
        return None
    dollars = wire.cost
    if dollars is None or not _is_plausible(dollars):
        return None
    details = wire.cost_details
    if wire.is_byok and details is not None and details.upstream_inference_cost is not None:
        if not _is_plausible(details.upstream_inference_cost):
            return None
        dollars += details.upstream_inference_cost
    return round_usd(dollars)


def _is_plausible(dollars: Decimal) -> bool:
    """Asked before anything is computed with them: beyond it, arithmetic overflows."""
    return dollars.is_finite() and 0 <= dollars <= _MOST_PLAUSIBLE_DOLLARS


def better(old: Usage | None, new: Usage | None) -> Usage | None:
    """Of two statements about one call, the one to believe: the later, unless it states less.

    Some providers repeat a growing usage with every chunk; some end with zeros after the true one.
    """
    if old is None or new is None:
        return old or new
    grown = new.input_tokens + new.output_tokens >= old.input_tokens + old.output_tokens
    return new if grown else old
