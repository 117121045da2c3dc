"""How good a ranking is, and which queries must not stand on both sides of a split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import QueryFacts
from classifiers.apgr import apgr, apgr_difference, curve
from classifiers.candidates import Rows, candidates
from classifiers.folds import category_folds, random_folds, source_folds
from classifiers.neighbours import groups

outcomes = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])),
    min_size=1,
    max_size=40,
)


def columns(some: list[tuple[int, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, small, large = (np.array(column, dtype=float) for column in zip(*some, strict=True))
    return scores, small, large


@given(outcomes)
def test_apgr_is_the_area_under_the_curve_of_recovered_gap(some: list[tuple[int, float, float]]):
    scores, small, large = columns(some)
    found = apgr(scores, small, large)
    if (large - small).sum() <= 0:
        assert found.value is None
        assert "no gap to recover" in found.reason
    else:
        drawn = curve(scores, small, large)
        area = np.trapezoid(drawn.recovered, drawn.large_share)
        assert found.value == pytest.approx(area)


@given(outcomes)
def test_scores_that_say_nothing_have_an_apgr_of_one_half(some: list[tuple[int, float, float]]):
    scores, small, large = columns(some)
    found = apgr(np.zeros_like(scores), small, large)
    assert found.value is None or found.value == pytest.approx(0.5)


@given(outcomes)
def test_turning_a_ranking_round_mirrors_it(some: list[tuple[int, float, float]]):
    scores, small, large = columns(some)
    there, back = apgr(scores, small, large).value, apgr(-scores, small, large).value
    if there is not None and back is not None:
        assert there + back == pytest.approx(1.0)
        assert apgr_difference(scores, -scores, small, large)[0] == pytest.approx(there - back)


def test_the_least_share_that_recovers_half_the_gap():
    drawn = curve(np.array([4.0, 3.0, 2.0, 1.0]), np.zeros(4), np.array([1.0, 1.0, 0.0, 0.0]))
    assert drawn.least_share(0.5) == pytest.approx(0.25)
    assert drawn.least_share(1.0) == pytest.approx(0.5)
    assert drawn.least_share(0.0) == 0.0


def test_copies_and_near_copies_share_a_group_and_others_do_not():
    long = " ".join(f"word{at}" for at in range(60))
    texts = [
        "Hello, world!",
        "hello   WORLD",
        "another thing",
        long,
        f"{long} and one more",
        "few-shot " * 900 + long,
    ]
    group = groups([QueryFacts(text) for text in texts])
    assert group[0] == group[1]
    assert group[3] == group[4] == group[5]
    assert len({int(group[0]), int(group[2]), int(group[3])}) == 3


@given(st.lists(st.integers(0, 8), min_size=4, max_size=60), st.integers(0, 9))
def test_no_split_has_a_near_copy_on_both_sides(numbers: list[int], seed: int):
    group = np.unique(np.array(numbers), return_inverse=True)[1].astype(np.int64)
    names = [f"c{number % 3}" for number in range(len(numbers))]
    kinds = [
        random_folds(group, folds=5, seed=seed),
        category_folds(names, group, folds=5),
        source_folds(names, group),
    ]
    for folds in kinds:
        assert folds is not None
        judged_once = np.zeros(len(numbers), dtype=int)
        for learned, judged in folds.splits():
            assert set(group[learned]).isdisjoint(group[judged])
            judged_once[judged] += 1
        assert (judged_once == 1).all()


def test_a_stack_is_judged_on_one_scale_in_all_folds():
    draw = np.random.default_rng(0)
    hardness = draw.random(600)
    large = np.ones(600)
    small = (draw.random(600) > hardness).astype(float)
    outputs = {
        "form": draw.random(600),
        "gap": hardness + 50,
        "small_ok": 90 - hardness,
        "large_ok": np.ones(600),
        "hand": draw.random(600),
    }
    folds = random_folds(np.arange(600), folds=5, seed=1)
    rows = Rows(outputs, np.ones(600), np.ones(600, dtype=bool), None, small, large, folds)
    found = {one.name: one.apgr.value for one in candidates(rows, (0.2, 0.4), 0.0)}
    assert found["stack"] == pytest.approx(found["gap"], abs=0.02)
