"""Hypothesis strategies for usages and prices of every shape."""

from hypothesis import strategies as st

from router.pricing.money import MAX_RATE
from router.pricing.price import OffPeak, Price, Rates, ServiceTier, Step, Window
from router.pricing.stated import BUCKETS
from router.pricing.usage import Usage

INPUT_PARTS = (
    "cached_input_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "audio_input_tokens",
    "image_input_tokens",
)
OUTPUT_PARTS = ("reasoning_tokens", "audio_output_tokens")
TIER_NAMES = ("flex", "priority", "batch")

rate = st.integers(0, 200_000_000) | st.sampled_from([0, 1, 499, 500, 501, MAX_RATE])
rates = st.builds(Rates, **dict.fromkeys(BUCKETS, rate))


@st.composite
def usages(draw: st.DrawFn, most_input: int = 2_000_000, most_output: int = 500_000) -> Usage:
    """Any true usage with at most these tokens."""
    parts = {}
    totals = {}
    for whole, names, most in (
        ("input_tokens", INPUT_PARTS, most_input),
        ("output_tokens", OUTPUT_PARTS, most_output),
    ):
        left = totals[whole] = draw(st.integers(0, most))
        for name in names:
            parts[name] = draw(st.integers(0, left) | st.just(0) | st.just(left))
            left -= parts[name]
    return Usage(**totals, **parts)


@st.composite
def stepped(draw: st.DrawFn) -> tuple[Step, ...]:
    bounds = draw(st.lists(st.integers(1, 1_000_000), max_size=3, unique=True))
    return tuple(Step(bound, draw(rates)) for bound in sorted(bounds))


@st.composite
def prices(draw: st.DrawFn) -> Price:
    """Any price: steps, tiers with steps of their own, off-peak hours, a fee."""
    names = draw(st.lists(st.sampled_from(TIER_NAMES), unique=True))
    off_peak = (
        OffPeak(draw(rates), (Window(frozenset(range(1, 8)), 0, 720),)) if draw(st.booleans()) else None
    )
    return Price(
        provider="p",
        model="m",
        rates=draw(rates),
        source="made up",
        steps=draw(stepped()),
        tiers=tuple(ServiceTier(name, draw(rates), draw(stepped())) for name in names),
        off_peak=off_peak,
        per_request_nano=draw(st.integers(0, 10**9)),
    )


def flat(one: Rates) -> Price:
    """A price of nothing but these rates."""
    return Price(provider="p", model="m", rates=one, source="made up")
