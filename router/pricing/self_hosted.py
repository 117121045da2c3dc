"""What a token costs on a machine of one's own: hours or watts, spread over the tokens it gets through."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

from router.pricing.errors import PriceError
from router.pricing.money import MAX_RATE, PicoDollarsPerToken, exact_decimal, usd_per_million
from router.pricing.price import Price, Rates

Amount = str | float | Decimal

_PICO_PER_USD: Final = 10**12
_SECONDS_AN_HOUR: Final = 3_600
_WATTS_A_KILOWATT: Final = 1_000


def self_hosted_price(
    provider: str,
    model: str,
    *,
    tokens_per_second: Amount,
    usd_per_hour: Amount | None = None,
    watts: Amount | None = None,
    usd_per_kwh: Amount | None = None,
    utilisation: Amount = 1,
    input_tokens_per_second: Amount | None = None,
) -> Price:
    """A price per token from the cost of an hour, rounded up to a pico-dollar; `note` shows the sum.

    Args:
        provider: preset name, such as `vllm`.
        model: the name the server knows it by.
        tokens_per_second: what the machine gets through when busy, all requests together; input counts like
            output unless it has a speed of its own.
        usd_per_hour: rent or depreciation; or else watts and usd_per_kwh.
        watts: power drawn when busy.
        usd_per_kwh: the price of electricity.
        utilisation: share of the paid hours it is busy, above 0 and up to 1.
        input_tokens_per_second: speed of reading the prompt, where it was measured.

    Raises:
        PriceError: both or neither way to pay for an hour, a number out of range, or too dear a token.
    """
    hour, hour_text = _hour(usd_per_hour, watts, usd_per_kwh)
    busy = _share(utilisation)
    output_rate, output_text = _rate(hour, busy, "tokens_per_second", tokens_per_second)
    input_rate, input_text = output_rate, ""
    if input_tokens_per_second is not None:
        input_rate, input_text = _rate(hour, busy, "input_tokens_per_second", input_tokens_per_second)
    return Price(
        provider=provider,
        model=model,
        rates=Rates.of(input_rate, output_rate),
        source="config",
        note=f"{hour_text}{output_text}" + (f"; input:{input_text}" if input_text else ""),
    )


def _hour(
    usd_per_hour: Amount | None, watts: Amount | None, usd_per_kwh: Amount | None
) -> tuple[Fraction, str]:
    if usd_per_hour is not None and watts is None and usd_per_kwh is None:
        return _positive("usd_per_hour", usd_per_hour), f"{usd_per_hour} USD/h"
    if usd_per_hour is None and watts is not None and usd_per_kwh is not None:
        hour = _positive("watts", watts) / _WATTS_A_KILOWATT * _positive("usd_per_kwh", usd_per_kwh)
        return hour, f"{watts} W / 1000 * {usd_per_kwh} USD/kWh"
    raise PriceError("a self-hosted price needs either usd_per_hour, or both watts and usd_per_kwh")


def _share(utilisation: Amount) -> Fraction:
    busy = _positive("utilisation", utilisation)
    if busy > 1:
        raise PriceError(f"utilisation is {utilisation}; it is a share of the time, above 0 and up to 1")
    return busy


def _rate(
    hour: Fraction, busy: Fraction, name: str, tokens_per_second: Amount
) -> tuple[PicoDollarsPerToken, str]:
    tokens_an_hour = _SECONDS_AN_HOUR * _positive(name, tokens_per_second) * busy
    pico = -(-hour * _PICO_PER_USD // tokens_an_hour)
    if pico > MAX_RATE:
        raise PriceError(
            f"{name} {tokens_per_second} makes a million tokens cost {usd_per_million(pico)} USD"
        )
    rate = PicoDollarsPerToken(pico)
    share = "" if busy == 1 else f" * {float(busy):.4g} busy"
    return (
        rate,
        f" / (3600 s * {tokens_per_second} tokens/s{share}) = {usd_per_million(rate)} USD per million tokens",
    )


def _positive(name: str, value: Amount) -> Fraction:
    number = exact_decimal(value)
    if number <= 0:
        raise PriceError(f"{name} is {value}; it must be above 0")
    return Fraction(number)
