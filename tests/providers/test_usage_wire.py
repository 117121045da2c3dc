"""Usage as the wire's dialects state it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pricing.usage import Usage
from router.providers.usage_wire import MOST_PLAUSIBLE_TOKENS, better, read_cost_nano, read_usage


def read(**stated: Any) -> Usage | None:
    return read_usage(json.dumps(stated).encode())


PLAIN: dict[str, Any] = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


@pytest.mark.parametrize(
    ("stated", "usage"),
    [
        pytest.param({}, Usage(100, 20), id="plain"),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": 60}},
            Usage(100, 20, cached_input_tokens=60),
            id="OpenAI cache",
        ),
        pytest.param(
            {"prompt_cache_hit_tokens": 60}, Usage(100, 20, cached_input_tokens=60), id="DeepSeek cache"
        ),
        pytest.param({"cached_tokens": 60}, Usage(100, 20, cached_input_tokens=60), id="Moonshot cache"),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": 10, "cache_creation_tokens": 30}},
            Usage(100, 20, cached_input_tokens=10, cache_write_5m_tokens=30),
            id="cache writes of no said lifetime live five minutes",
        ),
        pytest.param(
            {
                "prompt_tokens_details": {
                    "cache_creation_tokens": 30,
                    "cache_creation_token_details": {
                        "ephemeral_5m_input_tokens": 10,
                        "ephemeral_1h_input_tokens": 20,
                    },
                }
            },
            Usage(100, 20, cache_write_5m_tokens=10, cache_write_1h_tokens=20),
            id="cache writes by lifetime",
        ),
        pytest.param(
            {"completion_tokens_details": {"reasoning_tokens": 15}},
            Usage(100, 20, reasoning_tokens=15),
            id="reasoning is part of the output",
        ),
        pytest.param(
            {"completion_tokens_details": {"reasoning_tokens": 50}, "total_tokens": 170},
            Usage(100, 70, reasoning_tokens=50),
            id="reasoning left out of the output, as the total says",
        ),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": 80, "audio_tokens": 50}},
            Usage(100, 20, cached_input_tokens=80, audio_input_tokens=20),
            id="cached audio is counted once",
        ),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": 101}},
            Usage(100, 20),
            id="a part beyond its whole is dropped",
        ),
        pytest.param(
            {"prompt_tokens_details": "many"}, Usage(100, 20), id="details of another type are dropped"
        ),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": -5}}, Usage(100, 20), id="a negative part is dropped"
        ),
        pytest.param({"prompt_tokens_details": None}, Usage(100, 20), id="details that are null"),
    ],
)
def test_dialects_come_to_one_form(stated: dict[str, Any], usage: Usage) -> None:
    assert read(**(PLAIN | stated)) == usage


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -1, "completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": MOST_PLAUSIBLE_TOKENS + 1},
        {"prompt_tokens": "5", "completion_tokens": 5},
        {"prompt_tokens": 5.5, "completion_tokens": 5},
    ],
)
def test_what_cannot_be_true_is_not_stated(stated: dict[str, Any]) -> None:
    assert read(**stated) is None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        b"",
        b"null",
        b"[]",
        b"7",
        b"{",
        b'{"prompt_tokens": "\xff", "cost": "\xff"}',
        b'{"x":' + b"[" * 100_000,
    ],
)
def test_what_is_no_usage_is_none(raw: bytes | None) -> None:
    assert read_usage(raw) is None
    assert read_cost_nano(raw) is None


COUNTS = st.one_of(st.none(), st.integers(-5, 2000), st.text(max_size=2), st.just(10**15))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": COUNTS,
            "completion_tokens": COUNTS,
            "total_tokens": COUNTS,
            "cached_tokens": COUNTS,
            "prompt_cache_hit_tokens": COUNTS,
            "prompt_tokens_details": st.none()
            | st.dictionaries(
                st.sampled_from(["cached_tokens", "audio_tokens", "image_tokens", "cache_write_tokens"]),
                COUNTS,
            ),
            "completion_tokens_details": st.none()
            | st.dictionaries(st.sampled_from(["reasoning_tokens", "audio_tokens"]), COUNTS),
        },
    )
)
def test_whatever_is_stated_is_a_usage_or_nothing_and_never_less_than_its_wholes(
    stated: dict[str, Any],
) -> None:
    usage = read(**stated)
    if usage is not None:
        assert usage.input_tokens == (stated.get("prompt_tokens") or 0)
        assert usage.output_tokens >= (stated.get("completion_tokens") or 0)
        assert usage.plain_input_tokens >= 0
        assert usage.plain_output_tokens >= 0


@pytest.mark.parametrize(
    ("stated", "nano"),
    [
        ('{"cost": 0.00014325}', 143_250),
        ('{"cost": 0}', 0),
        ('{"cost": 1e-9}', 1),
        ('{"cost": 4.9e-10}', 0),
        ('{"cost": 5e-10}', 1),
        ('{"cost": 0.0000000004999999999999999999999999999999}', 0),
        ('{"cost": "0.25"}', 250_000_000),
        ('{"cost": 0.01, "is_byok": true, "cost_details": {"upstream_inference_cost": 0.2}}', 210_000_000),
        ('{"cost": 0.01, "is_byok": false, "cost_details": {"upstream_inference_cost": 0.2}}', 10_000_000),
        ('{"cost": -1}', None),
        ('{"cost": 1e9}', None),
        ('{"cost": "NaN"}', None),
        ('{"cost": 1e999999999}', None),
        ('{"cost": 1e-999999999}', 0),
        ('{"cost": "\udc80"}', None),
        ('{"cost": 1, "is_byok": true, "cost_details": {"upstream_inference_cost": "sNaN"}}', None),
        ('{"cost": 1, "is_byok": true, "cost_details": {"upstream_inference_cost": 1e999999999}}', None),
        ('{"cost": null}', None),
        ('{"cost": {"total_cost": 1}}', None),
    ],
)
def test_dollars_are_read_exactly(stated: str, nano: int | None) -> None:
    assert read_cost_nano(stated.encode("utf-8", "surrogateescape")) == nano


def test_of_two_statements_the_later_is_believed_unless_it_states_less() -> None:
    early, late, zero = Usage(10, 1), Usage(10, 9), None
    assert better(early, late) == late
    assert better(late, early) == late
    assert better(late, zero) == late
    assert better(None, early) == early
    assert better(None, None) is None
