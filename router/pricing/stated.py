"""Prices as people state them, in the book's YAML and under `models.NAME.price` of the config, to `Price`.

{input: 2.5, cached_input: 0.25, output: 15,            USD per million tokens
 steps: [{above_input_tokens: 272000, input: 5, output: 22.5}],
 tiers: {flex: {input: 1.25, output: 7.5}},
 off_peak: {input: 1, output: 7, windows: [{weekdays: [1, 2], hours_utc: ["00:00-01:00"]}]},
 per_request_usd: 0.001}
{usd_per_hour: 2.4, tokens_per_second: 900, utilisation: 0.5}
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any, Final

from router.pricing.errors import PriceError, PricingError
from router.pricing.money import NanoDollars, PicoDollarsPerToken, parse_usd, parse_usd_per_million
from router.pricing.price import OffPeak, Price, Rates, ServiceTier, Step, Window
from router.pricing.self_hosted import self_hosted_price

BUCKETS: Final = tuple(field.name for field in fields(Rates))
_WHOLES: Final = ("input", "output")
OUTPUT_PARTS: Final = frozenset({"output", "reasoning", "audio_output"})
_SELF_HOSTED: Final = frozenset(
    {"usd_per_hour", "watts", "usd_per_kwh", "tokens_per_second", "utilisation", "input_tokens_per_second"}
)
_CLOCK: Final = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_MINUTES_A_DAY: Final = 24 * 60


def price_from(
    provider: str,
    model: str,
    stated: Mapping[str, Any],
    *,
    source: str = "config",
    source_date: date | None = None,
    example: bool = False,
) -> Price:
    """The price that a mapping states; see the forms above.

    Raises:
        PriceError: an unknown or missing key, or a value out of range; the message starts with its path.
    """
    if not isinstance(stated, Mapping):
        raise PriceError(f"a price is a mapping such as {{input: 0.10, output: 0.40}}, not {stated!r}")
    if _SELF_HOSTED & stated.keys():
        _refuse_unknown(stated, _SELF_HOSTED, "a self-hosted price")
        if "tokens_per_second" not in stated:
            raise PriceError("tokens_per_second: missing; a self-hosted price needs it")
        worked_out = self_hosted_price(provider, model, **stated)
        return replace(worked_out, source=source, source_date=source_date, example=example)
    known = {*BUCKETS, "steps", "tiers", "off_peak", "per_request_usd", "note"}
    _refuse_unknown(stated, known, "a price")
    rates = _rates(stated, None, "")
    steps = _steps(stated.get("steps", ()), rates, "steps")
    fee = _at("per_request_usd", parse_usd, stated["per_request_usd"]) if "per_request_usd" in stated else 0
    return Price(
        provider=provider,
        model=model,
        rates=rates,
        source=source,
        source_date=source_date,
        steps=steps,
        tiers=_tiers(stated.get("tiers", {}), rates, steps),
        off_peak=_off_peak(stated["off_peak"], rates) if "off_peak" in stated else None,
        per_request_nano=NanoDollars(fee),
        note=str(stated.get("note", "")),
        example=example,
    )


def _rates(stated: Mapping[str, Any], standard: Rates | None, path: str) -> Rates:
    for name in _WHOLES:
        if name not in stated:
            raise PriceError(f"{path}{name}: missing; state USD per million tokens, such as {name}: 0.15")
    given = {
        name: _at(f"{path}{name}", parse_usd_per_million, stated[name])
        for name in BUCKETS
        if stated.get(name) is not None
    }
    rates = Rates.of(**given)
    return rates if standard is None else _with_premiums(rates, given, standard)


def _with_premiums(rates: Rates, given: Mapping[str, int], standard: Rates) -> Rates:
    """Keep what a part costs above its whole: a tier that does not mention audio has not made audio cheap."""
    premiums: dict[str, PicoDollarsPerToken] = {}
    for part in BUCKETS:
        whole = "output" if part in OUTPUT_PARTS else "input"
        usual = getattr(standard, part)
        if part not in given and part not in _WHOLES and usual > getattr(standard, whole):
            premiums[part] = max(usual, getattr(rates, part))
    return replace(rates, **premiums)


def _steps(stated: Any, standard: Rates, path: str) -> tuple[Step, ...]:
    if not isinstance(stated, Sequence) or isinstance(stated, str):
        raise PriceError(f"{path}: a list such as [{{above_input_tokens: 200000, input: 2.5, output: 15}}]")
    steps = []
    for i, item in enumerate(stated):
        where = f"{path}[{i}]"
        _refuse_unknown(item, {*BUCKETS, "above_input_tokens"}, where)
        above = item.get("above_input_tokens")
        if type(above) is not int or above <= 0:
            raise PriceError(f"{where}.above_input_tokens: a whole number above 0, not {above!r}")
        steps.append(Step(above, _rates(item, standard, f"{where}.")))
    return tuple(steps)


def _tiers(stated: Any, standard: Rates, standard_steps: tuple[Step, ...]) -> tuple[ServiceTier, ...]:
    """A tier that states no steps keeps the standard ones where they are dearer: silence is no discount."""
    if not isinstance(stated, Mapping):
        raise PriceError("tiers: a mapping such as {flex: {input: 1.25, output: 7.5}}")
    tiers: list[ServiceTier] = []
    for name, item in stated.items():
        where = f"tiers.{name}"
        if isinstance(item, str):
            tiers.append(_namesake(str(name), item, tiers))
            continue
        _refuse_unknown(item, {*BUCKETS, "steps"}, where)
        rates = _rates(item, standard, f"{where}.")
        if "steps" in item:
            steps = _steps(item["steps"], rates, f"{where}.steps")
        else:
            steps = tuple(Step(step.above_input_tokens, step.rates.dearer(rates)) for step in standard_steps)
        tiers.append(ServiceTier(str(name), rates, steps))
    return tuple(tiers)


def _namesake(name: str, other: str, tiers: Sequence[ServiceTier]) -> ServiceTier:
    for tier in tiers:
        if tier.name == other:
            return replace(tier, name=name)
    raise PriceError(f"tiers.{name}: {other!r} is no tier stated above it")


def _off_peak(stated: Any, standard: Rates) -> OffPeak:
    _refuse_unknown(stated, {*BUCKETS, "windows"}, "off_peak")
    windows = []
    for i, item in enumerate(stated.get("windows", ())):
        where = f"off_peak.windows[{i}]"
        _refuse_unknown(item, {"weekdays", "hours_utc"}, where)
        weekdays = frozenset(item.get("weekdays", range(1, 8)))
        windows += [
            Window(weekdays, *_minutes(hours, where)) for hours in item.get("hours_utc", ["00:00-24:00"])
        ]
    if not windows:
        raise PriceError("off_peak.windows: missing; say when, such as [{hours_utc: ['16:00-24:00']}]")
    return OffPeak(_rates(stated, standard, "off_peak."), tuple(windows))


def _minutes(hours: Any, where: str) -> tuple[int, int]:
    match = _CLOCK.fullmatch(hours) if isinstance(hours, str) else None
    if match is None:
        raise PriceError(f"{where}.hours_utc: times such as '16:00-24:00', not {hours!r}")
    start_h, start_m, end_h, end_m = map(int, match.groups())
    return start_h * 60 + start_m, min(end_h * 60 + end_m, _MINUTES_A_DAY)


def _refuse_unknown(stated: Any, known: set[str] | frozenset[str], where: str) -> None:
    if not isinstance(stated, Mapping):
        raise PriceError(f"{where}: a mapping, not {stated!r}")
    unknown = sorted(str(key) for key in stated if key not in known)
    if unknown:
        raise PriceError(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _at(path: str, parse: Any, value: Any) -> Any:
    try:
        return parse(value)
    except PricingError as error:
        raise PriceError(f"{path}: {error}") from error
