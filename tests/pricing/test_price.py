from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pricing.errors import PriceError
from router.pricing.money import MAX_NANO, MAX_RATE, PicoDollarsPerToken
from router.pricing.price import OffPeak, Price, Rates, ServiceTier, Step, Window, cost_nano, worst_case_nano
from router.pricing.stated import BUCKETS
from router.pricing.usage import MAX_TOKENS, Usage
from tests.golden.prices import reference

from .examples import INPUT_PARTS, OUTPUT_PARTS, TIER_NAMES, flat, prices, rate, rates, usages

ANY_TIER = st.sampled_from([None, "default", "auto", "scale", *TIER_NAMES])
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def dollars(one: Rates) -> dict[str, str]:
    return {name: f"{getattr(one, name)}e-6" for name in BUCKETS}


@given(usages(), rates)
def test_the_cost_is_what_decimals_give(usage: Usage, one: Rates):
    buckets = {name.removesuffix("_tokens"): count for name, count in asdict(usage).items()}
    assert cost_nano(usage, flat(one)) == reference.cost_nano(buckets, dollars(one), None, NOON)


def test_a_cost_is_rounded_once_not_bucket_by_bucket():
    third = PicoDollarsPerToken(
        300
    )  # three buckets of 0.3 nano-dollars: 0.9 together, 0 if each were rounded
    usage = Usage(2, 1, cached_input_tokens=1)
    assert cost_nano(usage, flat(Rates.of(third, third, cached_input=third))) == 1


@pytest.mark.parametrize(("pico", "nano"), [(499, 0), (500, 1), (501, 1), (1_499, 1), (1_500, 2)])
def test_half_a_nano_dollar_rounds_up(pico: int, nano: int):
    assert cost_nano(Usage(1, 0), flat(Rates.of(PicoDollarsPerToken(pico), PicoDollarsPerToken(0)))) == nano


@given(usages(), prices(), ANY_TIER, st.integers(0, 3), st.integers(0, 3))
def test_the_worst_case_is_never_exceeded(
    usage: Usage, price: Price, tier: str | None, more_in: int, more_out: int
):
    worst = worst_case_nano(price, usage.input_tokens + more_in, usage.output_tokens + more_out)
    assert cost_nano(usage, price, tier) <= worst
    assert cost_nano(usage, price.at(NOON - timedelta(hours=6)), tier) <= worst


@given(prices(), st.integers(0, 2_000_000), st.integers(0, 500_000))
def test_the_worst_case_is_reached_by_some_usage(price: Price, input_tokens: int, output_tokens: int):
    """A bound of no more than needed: some split, step, tier or hour costs exactly as much."""
    inputs = [{}, *({name: 1} for name in INPUT_PARTS)]
    costs = set()
    bounds = {input_tokens, *(step.above_input_tokens for step in _all_steps(price))}
    for tokens in {min(bound, input_tokens) for bound in bounds}:
        for part_in in inputs:
            for part_out in [{}, *({name: 1} for name in OUTPUT_PARTS)]:
                whole = dict.fromkeys(part_in, tokens) | dict.fromkeys(part_out, output_tokens)
                usage = Usage(tokens, output_tokens, **whole)
                for at in (price, price.at(NOON - timedelta(hours=6))):
                    costs |= {cost_nano(usage, at, tier) for tier in (None, *TIER_NAMES)}
    worst = worst_case_nano(price, input_tokens, output_tokens)
    if not _all_steps(price):
        assert worst in costs
    assert worst >= max(costs)


@given(prices(), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_worst_case_grows_with_its_bounds(price: Price, tokens: int, output: int, more: int):
    worst = worst_case_nano(price, tokens, output)
    assert worst <= worst_case_nano(price, tokens + more, output)
    assert worst <= worst_case_nano(price, tokens, output + more)


@given(usages(), rates, st.sampled_from(["input_tokens", "output_tokens"]), st.integers(1, 10**6))
def test_more_tokens_never_cost_less(usage: Usage, one: Rates, whole: str, more: int):
    larger = replace(usage, **{whole: getattr(usage, whole) + more})
    assert cost_nano(usage, flat(one)) <= cost_nano(larger, flat(one))


@given(usages(10_000, 10_000), usages(10_000, 10_000), rates)
def test_two_costs_add_up_to_the_cost_of_both_but_for_one_rounding(a: Usage, b: Usage, one: Rates):
    both = Usage(**{name: value + asdict(b)[name] for name, value in asdict(a).items()})
    assert abs(cost_nano(a, flat(one)) + cost_nano(b, flat(one)) - cost_nano(both, flat(one))) <= 1


@given(st.integers(0, 10**6), st.data(), rate, rate, rate)
def test_a_cached_token_is_charged_once_and_at_its_own_rate(
    tokens: int, data: st.DataObject, a: int, b: int, c: int
):
    cached = data.draw(st.integers(0, tokens))
    one = Rates.of(PicoDollarsPerToken(a), PicoDollarsPerToken(b), cached_input=PicoDollarsPerToken(c))
    expected = ((tokens - cached) * a + cached * c + 500) // 1_000
    assert cost_nano(Usage(tokens, 0, cached_input_tokens=cached), flat(one)) == expected


@given(usages(), rate, rate)
def test_parts_without_rates_of_their_own_cost_what_their_whole_does(usage: Usage, a: int, b: int):
    price = flat(Rates.of(PicoDollarsPerToken(a), PicoDollarsPerToken(b)))
    assert cost_nano(usage, price) == cost_nano(Usage(usage.input_tokens, usage.output_tokens), price)


def test_a_one_hour_cache_write_without_a_rate_costs_what_the_shorter_one_does():
    one = Rates.of(PicoDollarsPerToken(10), PicoDollarsPerToken(20), cache_write_5m=PicoDollarsPerToken(12))
    assert (one.cache_write_1h, one.cached_input) == (12, 10)


@given(usages(MAX_TOKENS, MAX_TOKENS))
def test_no_true_usage_at_any_valid_price_overflows_a_counter(usage: Usage):
    dearest = replace(flat(Rates(*[MAX_RATE] * 9)), per_request_nano=10**12)
    assert cost_nano(usage, dearest) <= MAX_NANO


@given(prices(), usages())
def test_a_tier_that_is_not_stated_costs_the_standard_rates(price: Price, usage: Usage):
    assert cost_nano(usage, price, "scale") == cost_nano(usage, price)
    assert cost_nano(usage, price, "standard") == cost_nano(usage, price)


def test_the_served_tier_decides_the_rates_and_its_steps():
    low, high, top = (Rates(*[PicoDollarsPerToken(n * 1_000)] * 9) for n in (1, 2, 3))
    price = replace(flat(high), tiers=(ServiceTier("flex", low, (Step(100, top),)),))
    assert [
        cost_nano(Usage(n, 0), price, tier) for n, tier in ((100, None), (100, "flex"), (101, "flex"))
    ] == [
        200,
        100,
        303,
    ]


def test_an_off_peak_window_starts_with_its_first_minute_and_ends_before_its_last():
    low, high = (Rates(*[PicoDollarsPerToken(n)] * 9) for n in (1, 2))
    price = replace(flat(high), off_peak=OffPeak(low, (Window(frozenset({2}), 600, 660),)))
    tuesday = datetime(2026, 11, 24, tzinfo=UTC)
    moments = [tuesday + timedelta(minutes=m) for m in (599, 600, 659, 660)] + [
        tuesday + timedelta(days=1, hours=10)
    ]
    assert [price.at(moment).rates for moment in moments] == [high, low, low, high, high]
    assert price.at(datetime(2026, 11, 24, 18, 30, tzinfo=timezone(timedelta(hours=8)))).rates == low


def test_the_fee_of_a_request_is_added_once():
    price = replace(flat(Rates(*[PicoDollarsPerToken(0)] * 9)), per_request_nano=5_000)
    assert cost_nano(Usage(10, 10), price) == worst_case_nano(price, 10, 10) == 5_000


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _: Rates(*[PicoDollarsPerToken(-1)] * 9),
        lambda _: Rates(*[PicoDollarsPerToken(MAX_RATE + 1)] * 9),
        lambda one: replace(flat(one), steps=(Step(0, one),)),
        lambda one: replace(flat(one), steps=(Step(5, one), Step(5, one))),
        lambda one: replace(flat(one), tiers=(ServiceTier("flex", one), ServiceTier("flex", one))),
        lambda one: replace(flat(one), tiers=(ServiceTier("default", one),)),
        lambda one: replace(flat(one), per_request_nano=-1),
        lambda _: Window(frozenset({0}), 0, 10),
        lambda _: Window(frozenset({1}), 10, 10),
        lambda one: worst_case_nano(flat(one), -1, 0),
    ],
)
def test_a_price_that_contradicts_itself_is_refused(wrong: Callable[[Rates], object]):
    with pytest.raises(PriceError):
        wrong(Rates(*[PicoDollarsPerToken(1)] * 9))


def _all_steps(price: Price) -> list[Step]:
    return [*price.steps, *(step for tier in price.tiers for step in tier.steps)]
