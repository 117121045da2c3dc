"""AIQ, and what equal quality costs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifiers.evaluation.contenders import baselines
from classifiers.evaluation.measured import NO_RANGE, Measured, measure
from classifiers.evaluation.rows import Contender, Floats, Judged


def priced(small: Floats, large: Floats, small_cost: Floats, large_cost: Floats) -> Judged:
    return replace(Judged.of(small, large), small_cost_usd=small_cost, large_cost_usd=large_cost)


def judge(rows: Judged, scores: Floats, to_large: Floats | None = None) -> Measured:
    routed = (scores >= 0.5).astype(np.float64) if to_large is None else to_large
    return measure(rows, [Contender("one", scores, routed)], resamples=30)[0]


FOUR = priced(
    np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 0.0]), np.full(4, 0.001), np.full(4, 0.009)
)


def test_aiq_by_hand():
    aiq = judge(FOUR, np.array([0.9, 0.8, 0.6, 0.1])).as_json()["aiq"]
    # mean costs .001 .003 .005 .007 .009 give quality .5 .75 .75 1 .75; the hull: .5 → .75 → 1 → flat
    assert aiq["value"] == pytest.approx((0.625 + 0.8125 + 0.9375 + 1.0) / 4)
    assert aiq["no_router"] == pytest.approx((0.5 + 0.75) / 2)
    assert aiq["gain"] == pytest.approx(aiq["value"] - aiq["no_router"])
    assert (aiq["axis"], aiq["n"], aiq["reason"]) == ("usd", 4, "")


def test_cost_at_equal_quality_by_hand():
    at_95, at_all = judge(FOUR, np.array([0.9, 0.8, 0.6, 0.1])).as_json()["cost_at_equal_quality"]
    assert at_all["quality_of_large"] == 1.0
    assert at_all["cost_per_1k_usd"]["value"] == pytest.approx(
        3.0
    )  # one row of four, which wins the whole gap
    assert at_all["saved_of_always_large"]["value"] == pytest.approx(1 - 3 / 9)
    assert at_95["cost_per_1k_usd"]["value"] == pytest.approx(1 + 2 * 0.85)


def test_routed_cost_and_its_baselines():
    scores = np.array([0.9, 0.8, 0.6, 0.1])
    one = Contender("one", scores, np.array([1.0, 0.0, 0.0, 0.0]))
    found = {
        each.name: each
        for each in measure(FOUR, [one, *baselines(FOUR, scores, large_share=0.25)], resamples=9)
    }
    assert found["one"].point("cost_per_1k_usd") == pytest.approx(3.0)
    assert found["random"].point("cost_per_1k_usd") == pytest.approx(3.0)
    assert found["always_small"].point("cost_per_1k_usd") == pytest.approx(1.0)
    assert found["always_large"].point("cost_per_1k_usd") == pytest.approx(9.0)
    assert found["oracle"].as_json()["aiq"]["value"] > found["one"].as_json()["aiq"]["value"]
    assert found["random"].as_json()["aiq"]["gain"] == pytest.approx(0.0)


def test_unknown_costs_are_unknown_and_aiq_is_then_of_the_share():
    shown = judge(Judged.of(FOUR.small, FOUR.large), np.array([0.9, 0.8, 0.6, 0.1])).as_json()
    assert (shown["aiq"]["axis"], shown["aiq"]["n"]) == ("large_share", 4)
    assert shown["aiq"]["value"] == pytest.approx((0.625 + 0.8125 + 0.9375 + 1.0) / 4)
    assert "cost_at_equal_quality" not in shown
    assert shown["routed"]["cost_per_1k_usd"] == {"value": None, "interval": None}


def test_money_is_of_the_rows_whose_costs_are_known():
    some = np.array([0.009, np.nan, 0.009, 0.009])
    shown = judge(replace(FOUR, large_cost_usd=some), np.array([0.9, 0.8, 0.6, 0.1])).as_json()
    assert (shown["n"], shown["aiq"]["n"], shown["aiq"]["axis"]) == (4, 3, "usd")
    assert shown["routed"]["cost_per_1k_usd"]["value"] is None
    # nobody asked large for that row, so what it would have cost need not be known
    away = judge(replace(FOUR, large_cost_usd=some), np.zeros(4), np.array([1.0, 0.0, 1.0, 0.0]))
    assert away.point("cost_per_1k_usd") == pytest.approx(5.0)


def test_where_large_costs_no_more_there_is_no_aiq_and_a_reason():
    same = replace(FOUR, large_cost_usd=FOUR.small_cost_usd)
    assert judge(same, np.arange(4.0)).as_json()["aiq"]["reason"] == NO_RANGE


@given(
    arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.5, 1.0])),
    arrays(np.float64, 12, elements=st.sampled_from([0.0, 0.5, 1.0])),
    arrays(np.float64, 12, elements=st.floats(0, 1)),
    arrays(np.float64, 12, elements=st.floats(0.001, 0.1)),
)
def test_a_router_is_never_under_the_hull_of_no_router(
    small: Floats, large: Floats, scores: Floats, cost: Floats
):
    rows = priced(small, large, cost / 10, cost)
    aiq = judge(rows, scores).as_json()["aiq"]
    assert aiq["gain"] >= -1e-9
    assert aiq["value"] <= max(1.0, aiq["no_router"])
