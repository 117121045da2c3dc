"""What an entry adds to the counters, and the histograms that percentiles are read from."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ledger.entry import Entry, Kind, Labels, Tokens, decode, encode, increments
from router.ledger.histogram import bucket, middle, percentile
from tests.ledger.examples import HOUR_MS, a_hold, a_void, an_entry


def test_an_entry_comes_back_as_it_was_written():
    assumed = a_hold().worst
    for entry in (an_entry(), a_void(), assumed, an_entry(kind=Kind.ADJUST, replaces=assumed)):
        assert decode(encode(entry)) == entry


def test_an_entry_with_fields_of_a_newer_version_is_still_read():
    assert decode(encode(an_entry())[:-1] + b',"something new"]') == an_entry()


def test_what_an_answered_attempt_adds():
    assert increments(an_entry()) == {
        "attempts": 1,
        "requests": 1,
        f"latency.{bucket(41)}": 1,
        "input_tokens": 100,
        "output_tokens": 20,
        "cached_input_tokens": 10,
        f"input.{bucket(100)}": 1,
        f"output.{bucket(20)}": 1,
        f"cached.{bucket(10)}": 1,
        "cost_nano": 1_000,
        "cost_nano.provider": 1_000,
        "baseline_nano": 4_000,
        "savings_nano": 3_000,
    }


def test_an_attempt_that_is_not_final_counts_no_request():
    added = increments(an_entry(final=False, outcome="rate_limited", baseline_nano=0))
    assert "requests" not in added
    assert "errors" not in added
    assert added["savings_nano"] == -1_000


@pytest.mark.parametrize("kind", [Kind.ASSUME, Kind.SETTLE])
def test_an_assumed_usage_costs_its_bound_and_counts_no_tokens(kind: Kind):
    added = increments(an_entry(kind=kind, usage_source="assumed", tokens=Tokens(900, 400, 7, reasoning=5)))
    assert (added["cost_nano"], added["cost_nano.assumed"], added["requests"]) == (1_000, 1_000, 1)
    assert [name for name in added if name.split(".")[0] in ("input", "output", "cached")] == []
    assert [name for name in added if name.endswith("_tokens")] == []


def test_an_unknown_cost_has_no_savings():
    added = increments(an_entry(cost_nano=None))
    assert added["unknown_cost"] == 1
    assert not {"cost_nano", "savings_nano"} & added.keys()


def test_a_group_is_six_names_whatever_is_in_them():
    assert an_entry().group.split("\x1f") == ["support", "small", "tiny", "legal", "triage", "offline"]
    odd = an_entry(labels=Labels(team="a\x1fb", feature="c d\n"))
    assert odd.group.split("\x1f") == ["support", "small", "tiny", "a b", "c d\n", "offline"]


def test_the_hour_is_of_the_moment_it_was_held_at():
    assert [an_entry(at_ms=ms).hour for ms in (0, HOUR_MS - 1, HOUR_MS)] == [0, 0, 1]


costs = st.none() | st.integers(0, 10**15)


@given(assumed_cost=costs, cost=costs, baseline=costs, final=st.booleans(), tokens=st.integers(0, 10**9))
def test_an_assumed_entry_and_its_adjustment_add_up_to_the_truth(
    *, assumed_cost: int | None, cost: int | None, baseline: int | None, final: bool, tokens: int
):
    assumed = an_entry(
        kind=Kind.ASSUME, cost_nano=assumed_cost, baseline_nano=0, usage_source="assumed", tokens=Tokens(9, 9)
    )
    truth = an_entry(cost_nano=cost, baseline_nano=baseline, final=final, tokens=Tokens(tokens, tokens // 2))
    summed = increments(assumed)
    for metric, amount in increments(an_adjustment(truth, assumed)).items():
        summed[metric] = summed.get(metric, 0) + amount
    assert {metric: amount for metric, amount in summed.items() if amount} == increments(truth)


def an_adjustment(truth: Entry, assumed: Entry):
    fields = {name: getattr(truth, name) for name in truth.__struct_fields__}
    return type(truth)(**(fields | {"kind": Kind.ADJUST, "replaces": assumed}))


@given(st.integers(1, 10**12))
def test_a_buckets_middle_is_within_the_stated_share_of_every_number_in_it(number: int):
    error = abs(middle(bucket(number)) - number)
    assert error <= math.ceil(number * 0.045)


@given(st.lists(st.integers(0, 10**6), min_size=1), st.floats(0.01, 1.0))
def test_a_percentile_is_the_bucket_of_the_exact_one(numbers: list[int], share: float):
    counts: dict[int, int] = {}
    for number in numbers:
        counts[bucket(number)] = counts.get(bucket(number), 0) + 1
    exact = sorted(numbers)[math.ceil(len(numbers) * share) - 1]
    assert percentile(counts, share) == middle(bucket(exact))


def test_nothing_counted_has_no_percentile():
    assert percentile({}, 0.5) is None
    assert percentile({3: 0}, 0.5) is None
