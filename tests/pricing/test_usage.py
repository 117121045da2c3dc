from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.pricing.errors import UsageError
from router.pricing.usage import MAX_TOKENS, Usage

from .examples import INPUT_PARTS, OUTPUT_PARTS, usages

NAMES = [field.name for field in fields(Usage)]


@given(usages())
def test_every_token_is_in_exactly_one_bucket(usage: Usage):
    assert usage.plain_input_tokens + sum(getattr(usage, name) for name in INPUT_PARTS) == usage.input_tokens
    assert (
        usage.plain_output_tokens + sum(getattr(usage, name) for name in OUTPUT_PARTS) == usage.output_tokens
    )
    assert min(usage.plain_input_tokens, usage.plain_output_tokens) >= 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("nonsense", [-1, MAX_TOKENS + 1, 1.0, "7", None, True])
def test_a_count_that_is_no_whole_number_in_range_is_refused_by_name(name: str, nonsense: object):
    counts = {"input_tokens": 10, "output_tokens": 10, name: nonsense}
    with pytest.raises(UsageError, match=name):
        Usage(**counts)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*INPUT_PARTS, *OUTPUT_PARTS])
def test_a_part_larger_than_its_whole_is_refused(name: str):
    with pytest.raises(UsageError, match="exceed"):
        Usage(10, 10, **{name: 11})


@given(st.integers(1, 1_000), st.integers(1, 1_000))
def test_parts_that_only_together_exceed_their_whole_are_refused(cached: int, written: int):
    with pytest.raises(UsageError, match="exceed"):
        Usage(cached + written - 1, 0, cached_input_tokens=cached, cache_write_5m_tokens=written)
