"""Measures of a ranking and of routing, by hand and by properties that hold for any rows."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifiers.apgr import apgr, curve
from classifiers.evaluation.contenders import ALWAYS_LARGE, baselines, large_is_best, sharing
from classifiers.evaluation.measured import (
    NO_GAP,
    NO_RANKING,
    NO_ROWS,
    RANKING,
    Measured,
    difference,
    measure,
)
from classifiers.evaluation.rows import Contender, Floats, Judged
from classifiers.evaluation.samples import CPT

FEW = 40
"""Resamples: enough to see that they are drawn."""


def judge(rows: Judged, scores: Floats, *, threshold: float = 0.5, seed: int = 0) -> Measured:
    one = Contender("one", scores, (scores >= threshold).astype(np.float64))
    return measure(rows, [one], resamples=FEW, seed=seed)[0]


@st.composite
def ranked_rows(draw: st.DrawFn) -> tuple[Judged, Floats]:
    n = draw(st.integers(1, 30))
    tier = arrays(np.float64, n, elements=st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    small, large = draw(tier), draw(tier)
    scores = draw(arrays(np.float64, n, elements=st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])))
    return Judged.of(small, large), scores


def test_four_rows_by_hand():
    rows = Judged.of(np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0, 0.0]))
    found = judge(rows, np.array([0.9, 0.8, 0.6, 0.1]))
    # small .5, large .75; quality at 0, 1/4 … 4/4 to large: .5 .75 .75 1 .75; PGR 0 1 1 2 1
    assert found.point("small") == 0.5
    assert found.point("large") == 0.75
    assert found.point("apgr") == pytest.approx((0.5 + 1 + 1.5 + 1.5) / 4)
    assert [found.point(name) for name in CPT] == pytest.approx([0.125, 0.2, 0.2375])
    # 95 % of always-large is .7125, of the way from .5 to .75 the part .85
    assert found.point("share_at_95pct_quality") == pytest.approx(0.85 / 4)
    assert found.point("large_share") == 0.75
    assert found.point("quality") == 1.0
    assert found.point("quality_of_large") == pytest.approx(1 / 0.75)
    assert found.point("false_cheap_rate") == 0.0
    assert found.point("unnecessary_large_rate") == 0.25
    assert found.point("unnecessary_large_of_large") == pytest.approx(1 / 3)


def test_ties_are_shared_evenly():
    rows = Judged.of(np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4))
    found = judge(rows, np.array([0.9, 0.9, 0.2, 0.2]))
    # both levels win half of the gap, so the curve is the diagonal
    assert found.point("apgr") == pytest.approx(0.5)
    assert found.point("cpt80") == pytest.approx(0.8)
    constant = judge(rows, np.zeros(4))
    assert [constant.point(name) for name in ("apgr", *CPT)] == pytest.approx([0.5, 0.5, 0.8, 0.95])


def test_a_perfect_ranking_wins_all_at_once_and_its_reverse_wins_last():
    small = np.array([0.0] * 2 + [1.0] * 8)
    rows = Judged.of(small, np.ones(10))
    best, worst = judge(rows, 1 - small), judge(rows, small)
    assert best.point("apgr") == pytest.approx(1 - 0.2 / 2)
    assert best.point("cpt95") == pytest.approx(0.95 * 0.2)
    assert worst.point("apgr") == pytest.approx(0.2 / 2)
    assert worst.point("cpt50") == pytest.approx(0.9)
    assert worst.point("share_at_95pct_quality") == pytest.approx(0.8 + 0.2 * 0.75)


@pytest.mark.parametrize("large", [0.5, 0.25])
def test_where_large_is_no_better_there_is_no_apgr_and_a_reason(large: float):
    found = judge(Judged.of(np.full(5, 0.5), np.full(5, large)), np.arange(5.0))
    shown = found.as_json()
    assert [shown[name] for name in ("apgr", *CPT)] == [None] * 4
    assert shown["reason"] == NO_GAP
    assert shown["share_at_95pct_quality"] == 0.0
    assert shown["intervals"]["apgr"] is None


def test_no_rows_and_one_row():
    none = measure(Judged.of(np.zeros(0), np.zeros(0)), [Contender("one", np.zeros(0), np.zeros(0))])[0]
    shown = none.as_json()
    assert (shown["n"], shown["apgr"], shown["reason"]) == (0, None, NO_ROWS)
    one = judge(Judged.of(np.zeros(1), np.ones(1)), np.ones(1)).as_json()
    assert (one["n"], one["apgr"], one["cpt80"]) == (1, 0.5, pytest.approx(0.8))
    assert one["intervals"]["apgr"] == [0.5, 0.5]


@given(ranked_rows())
def test_it_agrees_with_the_measures_that_training_chooses_by(given_: tuple[Judged, Floats]):
    rows, scores = given_
    found, theirs = judge(rows, scores), apgr(scores, rows.small, rows.large)
    if theirs.value is None:
        assert found.point("apgr") is None
        return
    assert found.point("apgr") == pytest.approx(theirs.value)
    whole = curve(scores, rows.small, rows.large)
    for name, recovered in CPT.items():
        assert found.point(name) == pytest.approx(whole.least_share(recovered))


@given(ranked_rows())
def test_a_higher_aim_never_takes_a_smaller_share(given_: tuple[Judged, Floats]):
    found = judge(*given_)
    if found.point("apgr") is not None:
        shares = [found.point(name) for name in CPT]
        assert shares == sorted(shares)
        assert shares[0] >= 0
        assert shares[-1] <= 1


@given(ranked_rows(), st.randoms(use_true_random=False))
def test_shuffling_the_rows_changes_nothing(given_: tuple[Judged, Floats], draw: Random):
    rows, scores = given_
    order = list(range(len(rows)))
    draw.shuffle(order)
    shuffled = rows.take(np.array(order)), scores[order]
    assert judge(rows, scores).as_json() == judge(*shuffled).as_json()


@given(ranked_rows())
def test_a_weight_of_two_is_the_row_twice(given_: tuple[Judged, Floats]):
    rows, scores = given_
    weight = np.where(np.arange(len(rows)) % 2, 2.0, 1.0)
    twice = np.repeat(np.arange(len(rows)), weight.astype(int))
    weighted = judge(replace(rows, weight=weight), scores)
    repeated = judge(rows.take(twice), scores[twice])
    for name in (*RANKING, "quality", "false_cheap_rate"):
        assert weighted.point(name) == pytest.approx(repeated.point(name))


def test_equal_weights_change_nothing():
    draw = np.random.default_rng(0)
    rows = Judged.of(draw.integers(0, 2, 90).astype(float), np.ones(90))
    scores = draw.random(90)
    heavy = judge(replace(rows, weight=np.full(90, 4.0)), scores)
    assert heavy.as_json() == judge(rows, scores).as_json()


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    draw = np.random.default_rng(7)
    difficulty = draw.random(20_000)
    small, large = (draw.random(20_000) > difficulty).astype(float), np.ones(20_000)
    truth = apgr(difficulty, small, large).value
    held = 0
    for _ in range(100):
        some = draw.integers(0, 20_000, 300)
        one = Contender("one", difficulty[some], np.zeros(300))
        low, high = measure(Judged.of(small[some], large[some]), [one], resamples=400, money=False)[
            0
        ].interval("apgr")
        held += low <= truth <= high
    assert held >= 88


def test_the_seed_decides_the_resamples():
    draw = np.random.default_rng(1)
    rows, scores = Judged.of(draw.integers(0, 2, 99).astype(float), np.ones(99)), draw.random(99)
    assert judge(rows, scores, seed=3).as_json() == judge(rows, scores, seed=3).as_json()
    assert judge(rows, scores, seed=3).as_json() != judge(rows, scores, seed=4).as_json()


def test_a_difference_is_paired():
    draw = np.random.default_rng(2)
    rows, scores = Judged.of(draw.integers(0, 2, 200).astype(float), np.ones(200)), draw.random(200)
    same = [Contender("a", scores, scores), Contender("b", scores * 2, scores)]
    shown = difference(*measure(rows, same, resamples=FEW))
    assert (shown["of"], shown["minus"]) == ("a", "b")
    assert shown["apgr"] == {"value": 0.0, "interval": [0.0, 0.0]}


def test_baselines_send_the_same_share_and_the_oracle_is_beaten_by_none():
    draw = np.random.default_rng(3)
    rows = Judged.of(draw.integers(0, 2, 300).astype(float), draw.integers(0, 2, 300) * 0.5 + 0.5)
    lengths = draw.integers(1, 9, 300).astype(float)
    found = {one.name: one for one in measure(rows, baselines(rows, lengths, large_share=0.3), resamples=FEW)}
    assert found["random"].point("large_share") == pytest.approx(0.3)
    assert found["length"].point("large_share") == pytest.approx(0.3)
    assert found["random"].point("apgr") == pytest.approx(0.5)
    assert found["always_small"].point("quality") == pytest.approx(float(rows.small.mean()))
    assert found["best_single"].point("quality") == pytest.approx(float(rows.large.mean()))
    assert found[ALWAYS_LARGE].as_json()["reason"] == NO_RANKING
    assert found["oracle"].point("quality") == pytest.approx(float(np.maximum(rows.small, rows.large).mean()))
    assert found["oracle"].point("apgr") > found["length"].point("apgr")
    assert found["oracle"].point("false_cheap_rate") == 0.0
    assert not large_is_best(Judged.of(np.ones(3), np.ones(3)))


@given(ranked_rows(), st.floats(0, 1))
def test_a_share_is_met_exactly_and_ties_share_it(given_: tuple[Judged, Floats], share: float):
    rows, scores = given_
    to_large = sharing(scores, rows.weight, share)
    assert to_large.mean() == pytest.approx(share)
    for level in np.unique(scores):
        assert len(set(to_large[scores == level].tolist())) == 1
    assert sharing(np.zeros(0), np.zeros(0), 0.5).shape == (0,)


@pytest.mark.parametrize(
    ("small", "weight", "says"),
    [
        ([0.5, np.nan], None, "small of row 1 is nan"),
        ([0.5, 1.5], None, "small of row 1 is 1.5"),
        ([0.5, 0.5], [0.0, 1.0], "weight of row 0 is 0"),
        ([0.5, 0.5], [1.0, np.inf], "weight of row 1 is inf"),
    ],
)
def test_what_is_no_score_is_refused_with_its_row(small: list[float], weight: list[float] | None, says: str):
    with pytest.raises(ValueError, match=says):
        Judged.of(np.array(small), np.ones(2), weight=None if weight is None else np.array(weight))
