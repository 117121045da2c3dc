"""What a model's tokens cost, and the one place where tokens become money."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Final, Self

from router.pricing.errors import PriceError
from router.pricing.money import MAX_RATE, NanoDollars, PicoDollarsPerToken, round_pico
from router.pricing.usage import Usage

STANDARD_TIER: Final = "standard"
_NAMES_OF_STANDARD: Final = frozenset({"", "auto", "default", STANDARD_TIER, "standard_only"})
_MINUTES_A_DAY: Final = 24 * 60
_NO_FEE: Final = NanoDollars(0)
_MAX_REQUEST_FEE: Final = 10**12  # 1,000 dollars a call, in nano-dollars


@dataclass(frozen=True, slots=True)
class Rates:
    """One rate for each bucket of `Usage`, in pico-dollars a token. `Rates.of` fills in the unstated."""

    input: PicoDollarsPerToken
    output: PicoDollarsPerToken
    cached_input: PicoDollarsPerToken
    cache_write_5m: PicoDollarsPerToken
    cache_write_1h: PicoDollarsPerToken
    reasoning: PicoDollarsPerToken
    audio_input: PicoDollarsPerToken
    audio_output: PicoDollarsPerToken
    image_input: PicoDollarsPerToken

    def __post_init__(self) -> None:
        for name in self.__slots__:
            rate = getattr(self, name)
            if type(rate) is not int or not 0 <= rate <= MAX_RATE:
                raise PriceError(
                    f"the {name} rate is {rate!r}; it must be whole pico-dollars from 0 to {MAX_RATE}"
                )

    @classmethod
    def of(
        cls,
        input: PicoDollarsPerToken,  # noqa: A002 - the bucket's name, everywhere
        output: PicoDollarsPerToken,
        *,
        cached_input: PicoDollarsPerToken | None = None,
        cache_write_5m: PicoDollarsPerToken | None = None,
        cache_write_1h: PicoDollarsPerToken | None = None,
        reasoning: PicoDollarsPerToken | None = None,
        audio_input: PicoDollarsPerToken | None = None,
        audio_output: PicoDollarsPerToken | None = None,
        image_input: PicoDollarsPerToken | None = None,
    ) -> Self:
        """Rates where a part with no rate of its own costs what its whole does: no discount nobody stated.

        A one-hour cache write with no rate costs what the shorter one does.
        """
        write = _first(cache_write_5m, input)
        return cls(
            input=input,
            output=output,
            cached_input=_first(cached_input, input),
            cache_write_5m=write,
            cache_write_1h=_first(cache_write_1h, write),
            reasoning=_first(reasoning, output),
            audio_input=_first(audio_input, input),
            audio_output=_first(audio_output, output),
            image_input=_first(image_input, input),
        )

    def dearer(self, other: "Rates") -> "Rates":
        """The higher of two rates in every bucket."""
        return Rates(*(max(getattr(self, name), getattr(other, name)) for name in self.__slots__))

    @property
    def dearest_input(self) -> int:
        """The highest rate an input token can have, whatever its bucket."""
        return max(
            self.input,
            self.cached_input,
            self.cache_write_5m,
            self.cache_write_1h,
            self.audio_input,
            self.image_input,
        )

    @property
    def dearest_output(self) -> int:
        """The highest rate an output token can have, whatever its bucket."""
        return max(self.output, self.reasoning, self.audio_output)


@dataclass(frozen=True, slots=True)
class Step:
    """Long context: with more input tokens than this, the whole request has these rates."""

    above_input_tokens: int
    rates: Rates


@dataclass(frozen=True, slots=True)
class ServiceTier:
    """Rates of a service tier by the name the provider's response gives it, such as `flex`."""

    name: str
    rates: Rates
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A daily stretch of UTC time.

    Attributes:
        weekdays: ISO numbers, Monday is 1 and Sunday 7, of the day (in UTC) the minute lies in.
        from_minute: first minute of the day, 0 … 1439.
        to_minute: the minute after the last one, 1 … 1440.
    """

    weekdays: frozenset[int]
    from_minute: int
    to_minute: int

    def __post_init__(self) -> None:
        if not self.weekdays <= frozenset(range(1, 8)):
            raise PriceError(f"weekdays are 1 (Monday) to 7 (Sunday), not {sorted(self.weekdays)}")
        if not 0 <= self.from_minute < self.to_minute <= _MINUTES_A_DAY:
            raise PriceError("a window runs forward within one day; split one that passes midnight UTC")

    def holds(self, moment: datetime) -> bool:
        """Whether a moment with a time zone lies in the window."""
        utc = moment.astimezone(UTC)
        return (
            utc.isoweekday() in self.weekdays
            and self.from_minute <= utc.hour * 60 + utc.minute < self.to_minute
        )


@dataclass(frozen=True, slots=True)
class OffPeak:
    """Other rates at certain hours."""

    rates: Rates
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What one model of one provider costs.

    Attributes:
        provider: preset name, such as `openai`.
        model: the provider's own name of the model.
        rates: standard rates.
        source: where they were read: a page, or a package and its version.
        source_date: the date of that source; None where the config states the price.
        steps: long-context rates, lowest first.
        tiers: service tiers other than standard.
        off_peak: cheaper hours. Only `at` looks at them: who does not ask pays the peak rates.
        per_request_nano: nano-dollars for each billed attempt, whatever its tokens.
        note: what a reader must know, such as how the price was derived.
        example: no real price; made for the offline upstream.
    """

    provider: str
    model: str
    rates: Rates
    source: str
    source_date: date | None = None
    steps: tuple[Step, ...] = ()
    tiers: tuple[ServiceTier, ...] = ()
    off_peak: OffPeak | None = None
    per_request_nano: NanoDollars = _NO_FEE
    note: str = ""
    example: bool = False

    def __post_init__(self) -> None:
        names = [tier.name for tier in self.tiers]
        if len(set(names)) < len(names) or _NAMES_OF_STANDARD & set(names):
            raise PriceError(
                f"{self.provider} {self.model}: tier names must differ and not be standard's: {names}"
            )
        for steps in (self.steps, *(tier.steps for tier in self.tiers)):
            bounds = [0, *(step.above_input_tokens for step in steps)]
            if any(low >= high for low, high in pairwise(bounds)):
                raise PriceError(f"{self.provider} {self.model}: steps must rise from above 0: {bounds[1:]}")
        if not 0 <= self.per_request_nano <= _MAX_REQUEST_FEE:
            raise PriceError(
                f"{self.provider} {self.model}: per_request_nano {self.per_request_nano} is out of range"
            )

    def at(self, moment: datetime) -> "Price":
        """The price in force at a moment with a time zone: with off-peak rates where that moment has them."""
        if self.off_peak is None or not any(window.holds(moment) for window in self.off_peak.windows):
            return self
        return replace(
            self, rates=self.off_peak.rates, off_peak=None, note=f"{self.note} Off-peak rates.".lstrip()
        )


def cost_nano(usage: Usage, price: Price, service_tier: str | None = None) -> NanoDollars:
    """The cost of one attempt in nano-dollars: exact, rounded once, half up, at the end.

    Args:
        usage: its tokens.
        price: the price of the model that served it.
        service_tier: the tier named in the response. One that the price does not state costs the standard
            rates.
    """
    rates = _rates_for(price, service_tier, usage.input_tokens)
    pico = (
        usage.plain_input_tokens * rates.input
        + usage.cached_input_tokens * rates.cached_input
        + usage.cache_write_5m_tokens * rates.cache_write_5m
        + usage.cache_write_1h_tokens * rates.cache_write_1h
        + usage.audio_input_tokens * rates.audio_input
        + usage.image_input_tokens * rates.image_input
        + usage.plain_output_tokens * rates.output
        + usage.reasoning_tokens * rates.reasoning
        + usage.audio_output_tokens * rates.audio_output
    )
    return NanoDollars(round_pico(pico) + price.per_request_nano)


def worst_case_nano(price: Price, input_tokens_bound: int, output_tokens_cap: int) -> NanoDollars:
    """An amount that `cost_nano` cannot exceed with at most these tokens.

    It holds for every split of them into buckets, every step they can reach, every service tier and hour.

    Raises:
        PriceError: a negative bound.
    """
    if input_tokens_bound < 0 or output_tokens_cap < 0:
        raise PriceError(f"bounds cannot be negative: {input_tokens_bound} in, {output_tokens_cap} out")
    pico = max(
        input_tokens_bound * rates.dearest_input + output_tokens_cap * rates.dearest_output
        for rates in _rates_reachable(price, input_tokens_bound)
    )
    return NanoDollars(round_pico(pico) + price.per_request_nano)


def _rates_for(price: Price, service_tier: str | None, input_tokens: int) -> Rates:
    rates, steps = price.rates, price.steps
    if service_tier is not None:
        for tier in price.tiers:
            if tier.name == service_tier:
                rates, steps = tier.rates, tier.steps
    for step in steps:
        if input_tokens > step.above_input_tokens:
            rates = step.rates
    return rates


def _rates_reachable(price: Price, input_tokens_bound: int) -> Iterator[Rates]:
    if price.off_peak is not None:
        yield price.off_peak.rates
    yield price.rates
    for steps in (price.steps, *(tier.steps for tier in price.tiers)):
        yield from (step.rates for step in steps if input_tokens_bound > step.above_input_tokens)
    yield from (tier.rates for tier in price.tiers)


def _first(stated: PicoDollarsPerToken | None, otherwise: PicoDollarsPerToken) -> PicoDollarsPerToken:
    return otherwise if stated is None else stated
