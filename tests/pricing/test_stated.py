from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pricing.errors import PriceError
from router.pricing.money import usd_per_million
from router.pricing.price import cost_nano
from router.pricing.self_hosted import self_hosted_price
from router.pricing.stated import price_from
from router.pricing.usage import Usage


def test_the_smallest_price_is_two_numbers():
    price = price_from("openai-compatible", "tiny-1", {"input": 0.10, "output": 0.40})
    assert (price.rates.input, price.rates.output, price.rates.cached_input) == (100_000, 400_000, 100_000)
    assert (price.source, price.source_date) == ("config", None)


def test_zero_is_a_price_when_someone_says_so():
    price = price_from("vllm", "qwen", {"input": 0, "output": 0})
    assert cost_nano(Usage(10**6, 10**6), price) == 0


def test_every_part_of_the_long_form_is_read():
    stated = {
        "input": "2.5",
        "cached_input": Decimal("0.25"),
        "output": 15,
        "steps": [{"above_input_tokens": 272_000, "input": 5, "output": 22.5}],
        "tiers": {
            "flex": {
                "input": 1.25,
                "output": 7.5,
                "steps": [{"above_input_tokens": 9, "input": 2, "output": 8}],
            },
            "priority": {"input": 5, "output": 30},
            "fast": "priority",
        },
        "off_peak": {
            "input": 1,
            "output": 7,
            "windows": [{"weekdays": [6, 7], "hours_utc": ["16:30-24:00"]}],
        },
        "per_request_usd": "0.001",
        "note": "negotiated",
    }
    price = price_from("openai", "gpt", stated)
    flex, priority, fast = price.tiers
    assert price.steps[0].above_input_tokens == 272_000
    assert flex.steps[0].rates.output == 8_000_000
    assert (priority.rates, "fast") == (fast.rates, fast.name)
    assert price.off_peak is not None
    assert (price.off_peak.windows[0].from_minute, price.off_peak.windows[0].to_minute) == (990, 1_440)
    assert (price.per_request_nano, price.note) == (1_000_000, "negotiated")


def test_a_tier_silent_about_sound_keeps_what_sound_costs_above_text():
    stated = {
        "input": 0.3,
        "audio_input": 1,
        "output": 2.5,
        "tiers": {"flex": {"input": 0.15, "output": 1.25}},
    }
    flex = price_from("gemini", "flash", stated).tiers[0].rates
    assert (flex.audio_input, flex.image_input, flex.reasoning) == (1_000_000, 150_000, 1_250_000)


def test_a_tier_silent_about_long_context_is_no_discount_there():
    stated = {
        "input": 2,
        "output": 8,
        "steps": [{"above_input_tokens": 100, "input": 4, "output": 12}],
        "tiers": {"flex": {"input": 1, "output": 4}, "priority": {"input": 5, "output": 20}},
    }
    price = price_from("openai", "gpt", stated)
    above = Usage(10**6, 0)
    costs = [cost_nano(above, price, tier) for tier in (None, "flex", "priority")]
    assert costs == [4 * 10**9, 4 * 10**9, 5 * 10**9]


@pytest.mark.parametrize(
    ("stated", "says"),
    [
        ({"input": 1}, "output: missing"),
        ({"output": 1}, "input: missing"),
        ({"input": 1, "outputs": 1}, "unknown outputs"),
        ({"input": "cheap", "output": 1}, "input: 'cheap' is not an amount"),
        ({"input": -1, "output": 1}, "input: a price cannot be negative"),
        ({"input": 1, "output": 1, "steps": {}}, "steps: a list"),
        ({"input": 1, "output": 1, "steps": [{"input": 1, "output": 1}]}, r"steps\[0\].above_input_tokens"),
        (
            {"input": 1, "output": 1, "steps": [{"above_input_tokens": 9, "output": 1}]},
            r"steps\[0\].input: missing",
        ),
        ({"input": 1, "output": 1, "tiers": []}, "tiers: a mapping"),
        ({"input": 1, "output": 1, "tiers": {"flex": 3}}, "tiers.flex: a mapping"),
        ({"input": 1, "output": 1, "tiers": {"fast": "priority"}}, "'priority' is no tier stated above"),
        ({"input": 1, "output": 1, "off_peak": {"input": 1, "output": 1}}, "off_peak.windows: missing"),
        (
            {
                "input": 1,
                "output": 1,
                "off_peak": {"input": 1, "output": 1, "windows": [{"hours_utc": ["4-5"]}]},
            },
            r"off_peak.windows\[0\].hours_utc",
        ),
        ({"input": 1, "output": 1, "usd_per_hour": 1}, "self-hosted price: unknown input, output"),
        ({"usd_per_hour": 1}, "tokens_per_second: missing"),
        ({"usd_per_hour": 1, "watts": 5, "tokens_per_second": 9}, "either usd_per_hour, or both watts"),
        ({"watts": 5, "tokens_per_second": 9}, "either usd_per_hour, or both watts"),
        ({"usd_per_hour": 1, "tokens_per_second": 0}, "tokens_per_second is 0"),
        ({"usd_per_hour": 1, "tokens_per_second": 9, "utilisation": 1.5}, "utilisation is 1.5"),
        ({"usd_per_hour": 100, "tokens_per_second": "0.001"}, "makes a million tokens cost"),
        (7, "a price is a mapping"),
    ],
)
def test_a_wrong_statement_is_refused_with_its_path(stated: object, says: str):
    with pytest.raises(PriceError, match=says):
        price_from("p", "m", stated)  # type: ignore[arg-type]


def test_an_hour_of_a_machine_becomes_a_price_with_its_sum_shown():
    price = price_from("vllm", "llama", {"usd_per_hour": 2.4, "tokens_per_second": 900, "utilisation": 0.5})
    assert price.note == "2.4 USD/h / (3600 s * 900 tokens/s * 0.5 busy) = 1.481482 USD per million tokens"
    assert usd_per_million(price.rates.input) == usd_per_million(price.rates.output) == "1.481482"


def test_watts_become_a_price_and_reading_may_be_faster_than_writing():
    price = self_hosted_price(
        "ollama", "qwen", tokens_per_second=50, input_tokens_per_second=1_000, watts=360, usd_per_kwh="0.25"
    )
    assert (usd_per_million(price.rates.output), usd_per_million(price.rates.input)) == ("0.5", "0.025")
    assert "360 W / 1000 * 0.25 USD/kWh" in price.note
    assert "1000 tokens/s) = 0.025" in price.note


@given(
    hour=st.decimals("0.01", 5, places=2),
    speed=st.integers(10, 100_000),
    share=st.decimals("0.05", 1, places=2),
    hours=st.integers(1, 1_000),
)
def test_a_busy_machine_is_paid_for_by_its_tokens_never_less(
    hour: Decimal, speed: int, share: Decimal, hours: int
):
    price = self_hosted_price("vllm", "m", usd_per_hour=hour, tokens_per_second=speed, utilisation=share)
    tokens = Fraction(hours * 3_600 * speed) * Fraction(share)
    paid = tokens * price.rates.output
    owed = Fraction(hour) * hours * 10**12
    assert owed <= paid < owed + tokens
