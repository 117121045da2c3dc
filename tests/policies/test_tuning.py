"""Thresholds, budgets and worths tried on outcomes come to what serving would have made of the same rows."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies import Context, ModelLimits, Tier, Worth, choose
from policies.tuning import (
    Outcomes,
    by_worth,
    cost_upper_bound,
    frontier,
    mean_cost,
    mean_score,
    measure,
    splits,
    within_budget,
)

UNIT = st.floats(0, 1, allow_nan=False) | st.sampled_from([0.0, 0.25, 0.5, 1.0])
USD = st.floats(0, 0.5, allow_nan=False) | st.just(math.nan)
PRICED = st.floats(0, 0.5, allow_nan=False)
QUICK = settings(max_examples=40, deadline=None)


def rows(*, cost: st.SearchStrategy[float] = USD, least: int = 1) -> st.SearchStrategy[Outcomes]:
    one = st.tuples(UNIT, UNIT, UNIT, cost, cost, st.booleans(), st.floats(0.01, 100))
    return st.lists(one, min_size=least, max_size=60).map(_columns)


def _columns(made: list[tuple[Any, ...]]) -> Outcomes:
    difficulty, small, large, small_cost, large_cost, familiar, weight = zip(*made, strict=True)
    return Outcomes.of(
        difficulty,
        small,
        large,
        small_cost_usd=small_cost,
        large_cost_usd=large_cost,
        familiar=familiar,
        weight=weight,
    )


def some(count: int, seed: int = 0) -> Outcomes:
    """Traffic on which small fails the hard half, and large costs twenty times as much."""
    draw = np.random.default_rng(seed)
    difficulty = draw.beta(1, 4, count)
    return Outcomes.of(
        difficulty,
        (draw.random(count) > 2 * difficulty).astype(float),
        (draw.random(count) > 0.05).astype(float),
        small_cost_usd=draw.lognormal(-9, 0.5, count),
        large_cost_usd=draw.lognormal(-6, 0.5, count),
    )


def chosen(outcomes: Outcomes, threshold: float, worths: list[Worth] | None = None) -> list[bool]:
    """What the policy sends to large, asked query by query."""
    limits = ModelLimits()
    contexts = [
        Context(
            threshold=threshold,
            small=limits,
            large=limits,
            familiar=bool(near),
            worth=None if worths is None else worths[at],
        )
        for at, near in enumerate(outcomes.familiar)
    ]
    return [
        choose(difficulty, context).tier is Tier.LARGE
        for difficulty, context in zip(outcomes.difficulty.tolist(), contexts, strict=True)
    ]


@QUICK
@given(rows())
def test_each_threshold_of_the_frontier_sends_to_large_just_what_the_policy_would(outcomes: Outcomes):
    for point in frontier(outcomes).points:
        assert point.threshold is not None
        to_large = chosen(outcomes, point.threshold)
        assert to_large == outcomes.to_large(point.threshold).tolist()
        assert point.large_share == float(np.average(to_large, weights=outcomes.weight))


@QUICK
@given(rows())
def test_along_the_frontier_thresholds_rise_and_the_share_to_large_falls(outcomes: Outcomes):
    points = frontier(outcomes).points
    for before, after in pairwise(points):
        assert before.threshold < after.threshold  # type: ignore[operator]
        assert before.large_share > after.large_share
    assert points[0].threshold == 0.0
    assert points[0].large_share == 1.0


@QUICK
@given(rows(), st.integers(2, 30))
def test_there_are_no_more_thresholds_than_were_asked_for_and_the_ends_are_among_them(
    outcomes: Outcomes, most: int
):
    found = splits(outcomes, most)
    assert 1 <= len(found) <= most
    assert found == sorted(set(found))
    left_large = outcomes.to_large(found[-1])
    assert left_large.tolist() == (outcomes.difficulty >= 1).tolist() or len(found) == 1


def test_thresholds_are_short_numbers_where_the_rows_leave_room():
    outcomes = Outcomes.of([0.123456, 0.2987654, 0.41], [1, 1, 1], [1, 1, 1])
    assert splits(outcomes, 25) == [0.0, 0.2, 0.4, 1.0]


@QUICK
@given(rows())
def test_quality_lies_in_its_interval_and_between_worst_and_best(outcomes: Outcomes):
    for point in frontier(outcomes).points:
        quality = point.quality
        assert quality.low is not None
        assert quality.high is not None
        assert 0 <= quality.low <= quality.value <= quality.high <= 1 + 1e-12


@QUICK
@given(rows())
def test_money_rests_on_the_rows_with_both_costs_and_is_unknown_without_any(outcomes: Outcomes):
    for point in frontier(outcomes).points:
        assert point.priced == int(outcomes.priced.sum())
        assert (point.cost_per_1k_usd is None) == (point.priced == 0)
    if outcomes.priced.any():
        whole = frontier(outcomes).always_large.cost_per_1k_usd
        apart = frontier(outcomes.only(outcomes.priced)).always_large.cost_per_1k_usd
        assert whole == apart


@QUICK
@given(rows(cost=st.just(math.nan)))
def test_unknown_costs_are_never_nought(outcomes: Outcomes):
    for point in (*frontier(outcomes).points, frontier(outcomes).always_small):
        assert point.cost_per_1k_usd is None
        assert point.savings is None
        assert point.savings_on_best_single is None
    with pytest.raises(ValueError, match="costs"):
        by_worth(outcomes, 1.0)
    with pytest.raises(ValueError, match="costs"):
        within_budget(outcomes, monthly_usd=1, requests=1, confidence=0.95)


@QUICK
@given(rows())
def test_weights_of_one_factor_change_nothing(outcomes: Outcomes):
    doubled = Outcomes(
        outcomes.difficulty,
        outcomes.familiar,
        outcomes.small_score,
        outcomes.large_score,
        outcomes.small_cost_usd,
        outcomes.large_cost_usd,
        outcomes.weight * 2,
    )
    for once, twice in zip(frontier(outcomes).points, frontier(doubled).points, strict=True):
        assert once.threshold == twice.threshold
        assert once.quality.value == pytest.approx(twice.quality.value)
        assert once.large_share == pytest.approx(twice.large_share)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_few_rows_have_a_frontier_with_wide_intervals(count: int):
    found = frontier(some(count))
    assert found.points[0].large_share == 1.0
    quality = found.always_large.quality
    assert quality.low is not None
    assert quality.high is not None
    assert quality.high - quality.low > 0.4
    if count == 1:
        assert found.always_large.cost_per_1k_usd is not None
        assert found.always_large.cost_per_1k_usd.low is None


def test_where_everything_is_unfamiliar_all_goes_to_large_at_every_threshold():
    outcomes = Outcomes.of([0.1, 0.2, 0.3], [1, 1, 1], [1, 1, 1], familiar=[False] * 3)
    (point,) = frontier(outcomes).points
    assert (point.threshold, point.large_share) == (0.0, 1.0)
    assert frontier(outcomes).always_small.large_share == 0.0


def test_where_all_difficulties_are_equal_there_is_all_or_nothing():
    outcomes = Outcomes.of([0.2] * 4, [1, 0, 1, 0], [1, 1, 1, 1])
    assert [point.large_share for point in frontier(outcomes).points] == [1.0, 0.0]


def test_a_threshold_asked_for_beside_the_others_is_shown_as_it_is():
    outcomes = some(200)
    exact = float(outcomes.difficulty[17])
    assert exact in [point.threshold for point in frontier(outcomes, also=[exact]).points]
    with pytest.raises(ValueError, match=r"threshold is 1\.5"):
        frontier(outcomes, also=[1.5])


def test_savings_are_shares_of_what_always_large_and_the_best_single_model_cost():
    outcomes = Outcomes.of(
        [0.1, 0.1, 0.9, 0.9],
        [1, 1, 0, 0],
        [1, 1, 1, 1],
        small_cost_usd=[0.001] * 4,
        large_cost_usd=[0.01] * 4,
    )
    routed = measure(outcomes, outcomes.to_large(0.5), 0.5)
    assert routed.quality.value == 1.0
    assert routed.of_large == 1.0
    assert routed.cost_per_1k_usd is not None
    assert routed.cost_per_1k_usd.value == pytest.approx(5.5)
    assert routed.savings == pytest.approx(0.45)
    assert routed.best_single is Tier.LARGE
    assert routed.savings_on_best_single == pytest.approx(0.45)
    # Where small alone is as good as what is routed, it is small that routing is measured against.
    all_small = frontier(outcomes).points[-1]
    assert all_small.best_single is Tier.SMALL
    assert all_small.savings_on_best_single == pytest.approx(0.0)


def test_which_single_model_is_cheaper_is_not_guessed():
    equal = Outcomes.of([0.1, 0.9], [1, 1], [1, 1])
    assert frontier(equal).points[0].best_single is None
    better_than_both = Outcomes.of([0.1, 0.9], [1, 0], [0, 1])
    assert measure(better_than_both, np.array([False, True])).best_single is not None


@QUICK
@given(rows(cost=PRICED), st.floats(0.0001, 2))
def test_the_rule_of_worth_is_the_policy_s_own(outcomes: Outcomes, value_usd: float):
    nano = [
        (round(large * 1e9) - round(small * 1e9))
        for small, large in zip(
            outcomes.small_cost_usd.tolist(), outcomes.large_cost_usd.tolist(), strict=True
        )
    ]
    worths = [Worth(round(value_usd * 1e9), extra) for extra in nano]
    to_large = np.array(chosen(outcomes, 0.5, worths))
    rule = by_worth(outcomes, value_usd).rule
    assert rule.point == measure(outcomes, to_large)


@QUICK
@given(rows(cost=PRICED), st.floats(0.0001, 2))
def test_no_other_threshold_is_worth_more_than_the_best_fixed_one(outcomes: Outcomes, value_usd: float):
    plan = by_worth(outcomes, value_usd)
    best = plan.fixed.net_usd_per_1k

    def net(threshold: float) -> float:
        to_large = outcomes.to_large(threshold)
        worth = value_usd * outcomes.scores(to_large) - outcomes.costs_usd(to_large)
        return float(np.average(worth, weights=outcomes.weight)) * 1_000

    assert plan.fixed.point.threshold is not None
    assert net(plan.fixed.point.threshold) == pytest.approx(best)
    for threshold in splits(outcomes, 100):
        assert net(threshold) <= best + 1e-6


def test_the_rule_weighs_each_query_s_own_cost():
    outcomes = Outcomes.of(
        [0.2, 0.2],
        [0, 0],
        [1, 1],
        small_cost_usd=[0.0, 0.0],
        large_cost_usd=[0.01, 0.03],
    )
    rule = by_worth(outcomes, 0.1).rule
    assert rule.point.large_share == 0.5
    assert rule.point.cost_per_1k_usd is not None
    assert rule.point.cost_per_1k_usd.value == pytest.approx(5.0)
    assert rule.net_usd_per_1k == pytest.approx(1_000 * (0.1 * 0.5 - 0.005))


def test_a_budget_buys_the_lowest_threshold_whose_bound_it_covers():
    outcomes = some(2_000)
    plan = within_budget(outcomes, monthly_usd=90, requests=100_000, confidence=0.95)
    assert plan.point is not None
    assert plan.point.threshold is not None
    assert plan.month_usd < plan.month_at_most_usd <= 90
    lower = [each for each in splits(outcomes, 400) if each < plan.point.threshold]
    to_large = outcomes.to_large(lower[-1])
    over = cost_upper_bound(outcomes.costs_usd(to_large), outcomes.weight, 0.95)
    assert over is not None
    assert over * 100_000 > 90


@QUICK
@given(st.floats(1, 400), st.floats(1.0, 4.0), st.floats(0.55, 0.99))
def test_more_money_never_buys_less_and_more_confidence_never_more(
    monthly_usd: float, factor: float, confidence: float
):
    outcomes = some(300)

    def share(usd: float, sure: float) -> float:
        plan = within_budget(outcomes, monthly_usd=usd, requests=100_000, confidence=sure)
        return plan.point.large_share if plan.point else -1.0

    assert share(monthly_usd, confidence) <= share(monthly_usd * factor, confidence)
    assert share(monthly_usd, 0.999) <= share(monthly_usd, confidence)


def test_a_budget_that_does_not_pay_for_all_small_buys_nothing_and_says_what_would_do():
    plan = within_budget(some(500), monthly_usd=0.01, requests=1_000_000, confidence=0.95)
    assert plan.point is None
    assert plan.month_at_most_usd > plan.month_usd > 0.01


def test_a_budget_is_kept_as_often_as_its_confidence_says():
    """The expected month of the threshold chosen, over draws from a population with costs that lean right."""
    population = some(4_000, seed=1)
    draw = np.random.default_rng(2)
    missed = 0
    for _ in range(200):
        at = draw.integers(0, len(population), 200)
        sample = Outcomes.of(
            population.difficulty[at],
            population.small_score[at],
            population.large_score[at],
            small_cost_usd=population.small_cost_usd[at],
            large_cost_usd=population.large_cost_usd[at],
        )
        plan = within_budget(sample, monthly_usd=90, requests=100_000, confidence=0.9)
        if plan.point is not None and plan.point.threshold is not None:
            truth = population.costs_usd(population.to_large(plan.point.threshold)).mean() * 100_000
            missed += truth > 90
    assert missed / 200 < 0.16  # 10 % and 2.8 standard errors


@QUICK
@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_a_mean_cost_lies_in_its_interval_and_below_its_bound(costs: list[float]):
    values, ones = np.array(costs), np.ones(len(costs))
    found, bound = mean_cost(values, ones), cost_upper_bound(values, ones, 0.95)
    assert found.low is not None
    assert found.high is not None
    assert bound is not None
    assert found.low <= found.value <= found.high
    assert found.value <= bound <= found.high + 1e-12


def test_scores_that_are_all_right_do_not_prove_the_next_one_is():
    found = mean_score(np.ones(20), np.ones(20))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(20 / (20 + 1.959964**2))


def test_unequal_weights_count_for_fewer_rows():
    scores = np.array([1.0, 0.0] * 50)
    equal = mean_score(scores, np.ones(100))
    lopsided = mean_score(scores, np.array([1.0, 1.0, 20.0, 20.0] * 25))
    assert equal.low is not None
    assert lopsided.low is not None
    assert lopsided.low < equal.low


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"difficulty": [0.1, 1.5]}, "row 1: difficulty is 1.5"),
        ({"small_score": [math.nan, 1]}, "row 0: small_score is nan"),
        ({"large_score": [1, -0.1]}, "row 1: large_score is -0.1"),
        ({"large_cost_usd": [0.1, -1]}, "row 1: large_cost_usd is -1.0"),
        ({"small_cost_usd": [math.inf, 1]}, "row 0: small_cost_usd is inf"),
        ({"weight": [1, 0]}, "row 1: weight is 0.0"),
        ({"small_score": [1]}, "small_score has shape"),
        ({"difficulty": [[0.1, 0.2]]}, "one number a row"),
        ({"difficulty": [], "small_score": [], "large_score": []}, "no outcomes"),
    ],
)
def test_what_is_no_outcome_is_refused_with_its_row(changed: dict[str, Any], said: str):
    columns: dict[str, Any] = {"difficulty": [0.1, 0.2], "small_score": [0, 1], "large_score": [1, 1]}
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        Outcomes.of(**{**columns, **changed})


@pytest.mark.parametrize(
    "wrong",
    [{"monthly_usd": 0}, {"monthly_usd": math.nan}, {"requests": 0}, {"confidence": 1}, {"confidence": 0}],
)
def test_a_budget_out_of_range_is_refused(wrong: dict[str, Any]):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        within_budget(some(10), **{"monthly_usd": 1, "requests": 10, "confidence": 0.95, **wrong})


@pytest.mark.parametrize("value_usd", [0, -1, math.nan, math.inf])
def test_a_worth_out_of_range_is_refused(value_usd: float):
    with pytest.raises(ValueError, match="value_usd"):
        by_worth(some(10), value_usd)
