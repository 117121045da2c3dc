"""Where the book and litellm's price map disagree, bucket by bucket.

The map comes in as an argument, in dollars a token:
`{name: {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06, …}}`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from router.pricing.book import PriceBook
from router.pricing.errors import PricingError
from router.pricing.money import exact_decimal, usd_per_million
from router.pricing.price import STANDARD_TIER, Price, Rates, Step
from router.pricing.stated import BUCKETS, OUTPUT_PARTS, price_from

PriceMap = Mapping[str, Mapping[str, Any]]

_Stated = tuple[Price, frozenset[str]]
"""A price of the map, and the rates of it that the map itself writes down."""

COMPARED_PROVIDERS: Final = (
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "deepseek",
    "openrouter",
    "volcengine",
    "dashscope",
)
"""Presets that litellm's map knows by the same name."""

_KEYS: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write_5m",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "input_cost_per_image_token": "image_input",
}
_TIERS: Final = {"flex": "flex", "priority": "priority", "batches": "batch", "ultrafast": "ultrafast"}
_KEY: Final = re.compile(
    rf"({'|'.join(sorted(_KEYS, key=len, reverse=True))})(?:_above_(\d+)k_tokens)?(?:_({'|'.join(_TIERS)}))?"
)
_CHAT_MODES: Final = frozenset({"chat", "responses"})
_TOKENS_PER_MILLION: Final = 1_000_000
_FINEST: Final = Decimal("0.000001")  # a pico-dollar a token; the map's floats carry noise below it


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the two sides state differently, in dollars per million tokens; None is not stated.

    `bucket` is a rate at a level, such as `flex cached_input`, or a whole level that one side lacks.
    """

    provider: str
    model: str
    bucket: str
    book: str | None
    other: str | None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a comparison found. Models are `(provider, model)`.

    Attributes:
        compared: how many models both sides price.
        disagreements: rates that differ.
        only_in_book: priced in the book, absent or unpriced in the map, of providers the map has.
        only_in_map: priced chat models of the compared providers that the book leaves out.
        unreadable: map entries that state no price we can read, each with the reason.
    """

    compared: int
    disagreements: tuple[Disagreement, ...]
    only_in_book: tuple[tuple[str, str], ...]
    only_in_map: tuple[tuple[str, str], ...]
    unreadable: tuple[tuple[str, str, str], ...]


def check(book: PriceBook, price_map: PriceMap) -> CheckReport:
    """Compare each model of the map with what the book finds for its name, by alias or snapshot too."""
    theirs, unreadable = _read_map(price_map)
    found = {at: book.price(*at) for at in sorted(theirs)}
    pairs = [(at, price, *theirs[at]) for at, price in found.items() if price is not None]
    known = {(price.provider, price.model) for _, price, _, _ in pairs}
    in_map = {provider for provider, _ in theirs}
    ours = {
        (entry.provider, entry.model) for entry in book.entries() if entry.price and entry.provider in in_map
    }
    return CheckReport(
        compared=len(pairs),
        disagreements=tuple(row for pair in pairs for row in _differences(*pair)),
        only_in_book=tuple(sorted(ours - known)),
        only_in_map=tuple(at for at, price in found.items() if price is None),
        unreadable=unreadable,
    )


def levels_of(price: Price) -> dict[str, Rates]:
    """The rates of a price by where they hold: `standard`, `flex`, `standard above 272000`, `off-peak`…."""
    levels = {STANDARD_TIER: price.rates} | _above(STANDARD_TIER, price.steps)
    for tier in price.tiers:
        levels |= {tier.name: tier.rates} | _above(tier.name, tier.steps)
    return levels if price.off_peak is None else levels | {"off-peak": price.off_peak.rates}


def _read_map(price_map: PriceMap) -> tuple[dict[tuple[str, str], _Stated], tuple[tuple[str, str, str], ...]]:
    prices: dict[tuple[str, str], _Stated] = {}
    unreadable: list[tuple[str, str, str]] = []
    for name, entry in price_map.items():
        provider = entry.get("litellm_provider")
        if provider not in COMPARED_PROVIDERS or entry.get("mode") not in _CHAT_MODES:
            continue
        model = name.removeprefix(f"{provider}/")
        stated = _stated(entry)
        if stated is None:
            unreadable.append((provider, model, "states no price"))
            continue
        if name == model and (provider, model) in prices:
            continue  # the name with its provider is the fuller entry
        try:
            price = price_from(provider, model, stated, source="litellm")
        except PricingError as error:
            unreadable.append((provider, model, str(error)))
        else:
            prices[provider, model] = price, _said(stated)
    return prices, tuple(unreadable)


def _differences(
    at: tuple[str, str], price: Price, other: Price, said: frozenset[str]
) -> Iterator[Disagreement]:
    ours, theirs = levels_of(price), levels_of(other)
    for level in sorted(ours.keys() | theirs.keys()):
        book, theirs_here = ours.get(level), theirs.get(level)
        if book is not None and theirs_here is not None:
            for bucket in BUCKETS:
                if _differs(bucket, book, theirs_here):
                    name = f"{level} {bucket}"
                    stated = usd_per_million(getattr(theirs_here, bucket)) if name in said else None
                    yield Disagreement(*at, name, usd_per_million(getattr(book, bucket)), stated)
        elif (
            book is None or book not in theirs.values()
        ):  # a level by two names, such as fast and priority, agrees
            yield Disagreement(*at, level, _summary(book), _summary(theirs_here))


def _differs(bucket: str, book: Rates, other: Rates) -> bool:
    """Whether a rate differs in its own right, not only because it follows its whole."""
    whole = "output" if bucket in OUTPUT_PARTS else "input"
    follows = bucket != whole and all(
        getattr(rates, bucket) == getattr(rates, whole) for rates in (book, other)
    )
    return not follows and getattr(book, bucket) != getattr(other, bucket)


def _said(stated: Mapping[str, Any]) -> frozenset[str]:
    """The rates that were written down, as against those that follow from others."""
    levels = [
        (STANDARD_TIER, stated),
        ("off-peak", stated.get("off_peak", {})),
        *stated.get("tiers", {}).items(),
    ]
    steps = [
        (f"{tier} above {step['above_input_tokens']}", step)
        for tier, level in levels
        for step in level.get("steps", ())
    ]
    return frozenset(
        f"{name} {bucket}" for name, level in (*levels, *steps) for bucket in BUCKETS if bucket in level
    )


def _summary(rates: Rates | None) -> str | None:
    if rates is None:
        return None
    return f"{usd_per_million(rates.input)} in, {usd_per_million(rates.output)} out"


def _above(tier: str, steps: tuple[Step, ...]) -> dict[str, Rates]:
    return {f"{tier} above {step.above_input_tokens}": step.rates for step in steps}


def _stated(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """A map entry in the form of the book's YAML, or None where no price above zero is stated."""
    if entry.get("tiered_pricing"):
        return _ranged(entry["tiered_pricing"])
    levels = _levels(entry)
    base = levels.pop((STANDARD_TIER, 0), {})
    if not base.get("input") and not base.get("output"):
        return None
    stated: dict[str, Any] = _plain(base)
    for (tier, above), level in sorted(levels.items()):
        if not {"input", "output"} <= level.keys():
            continue
        if tier == STANDARD_TIER:
            stated.setdefault("steps", []).append({"above_input_tokens": above, **_plain(level)})
        elif above == 0:
            stated.setdefault("tiers", {})[tier] = _plain(level)
        elif tier in stated.get("tiers", {}):
            stated["tiers"][tier].setdefault("steps", []).append(
                {"above_input_tokens": above, **_plain(level)}
            )
    faster = (entry.get("provider_specific_entry") or {}).get("fast")
    if faster:  # Anthropic's fast mode, stated as a multiple of the standard rates
        fast = {bucket: rate * exact_decimal(faster) for bucket, rate in _plain(base).items()}
        stated.setdefault("tiers", {})["fast"] = fast
    if entry.get("off_peak_pricing"):
        stated["off_peak"] = _off_peak(entry["off_peak_pricing"])
    return stated


def _levels(entry: Mapping[str, Any]) -> dict[tuple[str, int], dict[str, Decimal]]:
    """Rates by service tier and the input tokens above which they hold."""
    levels: dict[tuple[str, int], dict[str, Decimal]] = {}
    for key, value in entry.items():
        match = _KEY.fullmatch(key)
        if match and value is not None:
            at = _TIERS.get(match[3] or "", STANDARD_TIER), int(match[2] or 0) * 1_000
            levels.setdefault(at, {})[_KEYS[match[1]]] = _per_million(value)
    return levels


def _ranged(ranges: list[Mapping[str, Any]]) -> dict[str, Any] | None:
    levels = [
        (int(item["range"][0]), _plain({_KEYS[key]: _per_million(item[key]) for key in _KEYS if key in item}))
        for item in ranges
    ]
    first, *later = sorted(levels, key=lambda level: level[0])
    steps = [{"above_input_tokens": above, **level} for above, level in later]
    return {**first[1], "steps": steps} if steps else first[1]


def _off_peak(stated: Mapping[str, Any]) -> dict[str, Any]:
    windows = []
    for window in stated["windows"]:
        hours = window["hours_utc"]
        texts = [hours] if isinstance(hours, str) else hours
        ends = [text[:-5] + "24:00" if text.endswith("-00:00") else text for text in texts]
        windows.append({"weekdays": window["weekdays"], "hours_utc": ends})
    return {
        **_plain({_KEYS[key]: _per_million(stated[key]) for key in _KEYS if key in stated}),
        "windows": windows,
    }


def _plain(level: Mapping[str, Decimal]) -> dict[str, Any]:
    """Without a zero for writing a cache: the map writes 0 where a provider has no such charge of its own."""
    return {name: rate for name, rate in level.items() if rate or not name.startswith("cache_write")}


def _per_million(usd_per_token: Any) -> Decimal:
    return (exact_decimal(usd_per_token) * _TOKENS_PER_MILLION).quantize(_FINEST)
