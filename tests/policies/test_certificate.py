"""Certificates: what they say, what they refuse, and what may not change them."""

import datetime as dt
import random
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.certificate import Certificate, certify

Floats = npt.NDArray[np.float64]
Columns = tuple[Floats, Floats, Floats]

scores = st.sampled_from([0.0, 0.25, 0.5, 1.0])
difficulties = st.sampled_from([0.0, 0.05, 0.1, 0.1 + 1e-12, 0.2, 0.3, 0.7, 1.0]) | st.floats(0, 1)
shares = st.floats(0.01, 1.0)


@st.composite
def columns(draw: st.DrawFn, least: int = 0, most: int = 60) -> Columns:
    """Outcomes of any kind, mostly ties; some repeated, so that something can be certified."""
    rows = draw(st.lists(st.tuples(difficulties, scores, scores), min_size=least, max_size=most))
    times = draw(st.sampled_from([1, 1, 7, 40]))
    found = np.array(rows * times, dtype=np.float64).reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2]


def good_ranking(rows: int, *, seed: int = 1) -> Columns:
    """Small loses more the more difficult a query is, and now and then gains."""
    chance = np.random.default_rng(seed)
    difficulty = chance.random(rows) * 0.5
    large = (chance.random(rows) < 0.85).astype(np.float64)
    small = np.where(chance.random(rows) < difficulty, 0.0, large)
    return difficulty, np.where(chance.random(rows) < 0.03, 1.0, small), large


def made(rows: Columns, floor: float = 0.95, confidence: float = 0.95) -> Certificate:
    return certify(*rows, floor=floor, confidence=confidence)


def threshold_of(certificate: Certificate) -> float:
    """With none, all goes to large: lower than any."""
    return -1.0 if certificate.threshold is None else certificate.threshold


@given(columns(least=1), shares, shares, st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]), shares)
def test_a_higher_floor_or_a_higher_confidence_never_gives_a_higher_threshold(
    rows: Columns, floor: float, other_floor: float, confidence: float, other_confidence: float
):
    low, high = sorted((floor, other_floor))
    assert threshold_of(made(rows, low, confidence)) >= threshold_of(made(rows, high, confidence))
    low, high = sorted((confidence, other_confidence))
    assert threshold_of(made(rows, floor, low)) >= threshold_of(made(rows, floor, high))


@given(st.integers(0, 1000), st.integers(30, 3000), shares, shares, shares)
@settings(max_examples=60)
def test_nor_does_it_on_outcomes_like_real_ones(
    seed: int, count: int, floor: float, confidence: float, other: float
):
    rows = good_ranking(count, seed=seed)
    low, high = sorted((0.8 + 0.2 * floor, 0.8 + 0.2 * other))
    assert threshold_of(made(rows, low, confidence)) >= threshold_of(made(rows, high, confidence))
    low, high = sorted((confidence, other))
    assert threshold_of(made(rows, floor, low)) >= threshold_of(made(rows, floor, high))


@given(columns(), shares, shares, st.randoms(use_true_random=False))
def test_shuffling_rows_changes_nothing(
    rows: Columns, floor: float, confidence: float, chance: random.Random
):
    order = list(range(len(rows[0])))
    chance.shuffle(order)
    shuffled = (rows[0][order], rows[1][order], rows[2][order])
    assert made(shuffled, floor, confidence) == made(rows, floor, confidence)


@given(columns(), shares, shares, st.sampled_from([1.0, 0.1, 3.0, 1e-9]))
def test_equal_weights_change_nothing_but_the_name_of_the_method(
    rows: Columns, floor: float, confidence: float, weight: float
):
    plain = made(rows, floor, confidence)
    weights = np.full(len(rows[0]), weight)
    weighted = certify(*rows, floor=floor, confidence=confidence, weights=weights)
    for name in ("threshold", "lower_bound", "large_share", "labels_needed", "n"):
        assert getattr(weighted, name) == getattr(plain, name)


def test_the_heaviest_weight_counts_from_the_heaviest_row_on_and_makes_certainty_dearer():
    rows = good_ranking(800)
    weights = np.random.default_rng(3).uniform(1.0, 4.0, 800)
    asked = {"floor": 0.95, "confidence": 0.9, "weights": weights}
    plain = certify(*rows, **asked)
    assert certify(*rows, **asked, heaviest_weight=0.5) == plain
    assert certify(*rows, **asked, heaviest_weight=float(weights.max())) == plain
    heavy = certify(*rows, **asked, heaviest_weight=20.0)
    assert heavy.threshold is not None
    assert plain.threshold is not None
    assert heavy.threshold < plain.threshold
    nothing = certify(*rows, **asked, heaviest_weight=2000.0)
    assert nothing.threshold is None
    assert nothing.labels_needed is not None
    assert nothing.labels_needed > 0


@given(columns(least=1), st.integers(0, 9), st.floats(0.001, 1000.0))
def test_only_the_relation_of_weights_counts(rows: Columns, seed: int, factor: float):
    weights = np.random.default_rng(seed).uniform(0.2, 3.0, len(rows[0]))
    once = certify(*rows, floor=0.9, confidence=0.9, weights=weights)
    again = certify(*rows, floor=0.9, confidence=0.9, weights=weights * factor)
    assert again.threshold == once.threshold
    assert again.large_share == pytest.approx(once.large_share)


@given(columns(least=1), shares, shares, st.integers(0, 3))
def test_a_certificate_agrees_with_itself_and_with_the_rows(
    rows: Columns, floor: float, confidence: float, seed: int
):
    found = certify(*rows, floor=floor, confidence=confidence, seed=seed)
    assert found.n == len(rows[0])
    if found.threshold is None:
        assert found.lower_bound is None
        assert found.large_share == 1.0
        assert found.labels_needed is None or found.labels_needed > 0
        return
    difficulty, small, large = rows
    to_large = difficulty >= found.threshold
    assert 0.0 < found.threshold <= 1.0
    assert found.lower_bound is not None
    assert found.lower_bound >= floor
    assert found.large_share == pytest.approx(to_large.mean())
    assert found.labels_needed == 0
    assert np.where(to_large, large, small).mean() >= (floor - 1e-9) * large.mean()
    assert to_large[difficulty == 1.0].all()


@given(columns(least=1), shares)
def test_ties_go_the_same_way(rows: Columns, floor: float):
    found = made(rows, floor, 0.8)
    if found.threshold is not None:
        below = rows[0][rows[0] < found.threshold]
        at_or_above = rows[0][rows[0] >= found.threshold]
        assert not set(below.tolist()) & set(at_or_above.tolist())


def test_a_good_ranking_is_certified_at_little_cost_and_all_large_is_not_the_answer():
    found = made(good_ranking(4000))
    assert found.threshold is not None
    assert 0.1 < found.threshold < 0.4
    assert found.large_share < 0.75


def test_more_rows_cost_less():
    def cost(rows: int) -> float:
        return float(np.mean([made(good_ranking(rows, seed=seed)).large_share for seed in range(20)]))

    costs = [cost(rows) for rows in (300, 1_000, 10_000)]
    assert costs == sorted(costs, reverse=True)


def test_where_small_is_as_good_everything_familiar_goes_to_small_and_the_unfamiliar_to_large():
    difficulty = np.concatenate((np.linspace(0.0, 0.3, 395), np.ones(5)))
    found = made((difficulty, np.ones(400), np.ones(400)), floor=0.98)
    assert found.threshold == 1.0
    assert found.large_share == pytest.approx(5 / 400)


def test_equal_difficulties_are_all_or_nothing():
    large = np.ones(1000)
    assert made((np.full(1000, 0.1), large, large)).large_share == 0.0
    worse = np.where(np.arange(1000) < 500, 0.0, 1.0)
    found = made((np.full(1000, 0.1), worse, large))
    assert found.threshold is None
    assert found.labels_needed is None


def test_rows_that_are_all_unfamiliar_certify_nothing_and_no_labels_would_do():
    found = made((np.ones(500), np.ones(500), np.ones(500)))
    assert (found.threshold, found.labels_needed, found.large_share) == (None, None, 1.0)


def test_without_a_loss_as_many_rows_are_needed_as_the_exact_bound_says():
    def certified(rows: int) -> bool:
        return made((np.full(rows, 0.1), np.ones(rows), np.ones(rows)), floor=0.98).threshold is not None

    least = next(rows for rows in range(100, 200) if certified(rows))
    assert least == pytest.approx(np.log(0.05) / np.log(0.98), abs=3)  # 149 by Clopper and Pearson


def test_constant_zeros_certify_nothing():
    assert made((np.linspace(0, 1, 300), np.zeros(300), np.zeros(300))).threshold is None


def test_of_no_rows_it_says_how_many_would_do_if_nothing_were_lost():
    found = made((np.zeros(0), np.zeros(0), np.zeros(0)), floor=0.98)
    assert (found.n, found.threshold, found.large_share) == (0, None, 1.0)
    assert found.labels_needed == 149
    assert made((np.zeros(0), np.zeros(0), np.zeros(0)), floor=1.0).labels_needed is None


@pytest.mark.parametrize("small", [0.0, 0.5, 1.0])
def test_of_one_row_nothing_follows(small: float):
    found = made((np.array([0.2]), np.array([small]), np.array([1.0])))
    assert (found.n, found.threshold) == (1, None)
    assert found.labels_needed is None or found.labels_needed > 50


def test_certainty_is_never_certified():
    found = made(good_ranking(3000), confidence=1.0)
    assert (found.threshold, found.labels_needed) == (None, None)


@pytest.mark.parametrize(("seed", "floor"), [(1, 0.95), (2, 0.98), (3, 0.98), (4, 0.99)])
def test_with_the_labels_it_asks_for_it_usually_certifies(seed: int, floor: float):
    chance = np.random.default_rng(seed)
    population = good_ranking(100_000, seed=seed)
    certified = asked = 0
    for _ in range(200):
        rows = chance.integers(0, 100_000, 60)
        first = made(tuple(column[rows] for column in population), floor)
        if first.threshold is None and first.labels_needed is not None:
            asked += 1
            more = np.concatenate((rows, chance.integers(0, 100_000, first.labels_needed)))
            again = made(tuple(column[more] for column in population), floor)
            certified += again.threshold is not None
    assert asked > 20
    assert certified / asked > 0.6


def test_it_says_when_on_what_and_how_it_was_made():
    moment = dt.datetime(2026, 11, 24, 14, 0, tzinfo=dt.UTC)
    found = certify(
        *good_ranking(100), floor=0.9, confidence=0.8, now=moment, source="a.jsonl", provisional=True
    )
    assert found.made_at == "2026-11-24T14:00:00+00:00"
    assert (found.source, found.provisional) == ("a.jsonl", True)
    assert (found.floor, found.confidence) == (0.9, 0.8)
    assert "worst-row" in found.method
    plain = certify(*good_ranking(100), floor=0.9, confidence=0.8, now="today")
    assert (plain.made_at, plain.provisional) == ("today", False)
    assert certify(*good_ranking(100), floor=0.9, confidence=0.8).made_at == ""


BAD = [float("nan"), float("inf"), -float("inf"), -0.001, 1.001]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("column", "name"), list(enumerate(["difficulty", "small_score", "large_score"])))
def test_a_number_that_is_none_is_refused_with_its_row(bad: float, column: int, name: str):
    rows = [np.full(9, 0.5) for _ in range(3)]
    rows[column][4] = bad
    with pytest.raises(ValueError, match=f"row 4: {name} is {bad!r}"):
        certify(*rows, floor=0.9, confidence=0.9)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused_with_its_row(bad: float):
    rows = [np.full(9, 0.5) for _ in range(3)]
    with pytest.raises(ValueError, match=r"row 7: weights is .* and should be above 0 and finite"):
        certify(*rows, floor=0.9, confidence=0.9, weights=[1.0] * 7 + [bad, 1.0])


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_heaviest_weight_that_is_none_is_refused_and_so_is_one_without_weights(bad: float):
    rows = [np.full(9, 0.5) for _ in range(3)]
    with pytest.raises(ValueError, match=r"heaviest_weight is .*; it should be above 0 and finite"):
        certify(*rows, floor=0.9, confidence=0.9, weights=np.ones(9), heaviest_weight=bad)
    with pytest.raises(ValueError, match="heaviest_weight is given without weights"):
        certify(*rows, floor=0.9, confidence=0.9, heaviest_weight=2.0)


@pytest.mark.parametrize("bad", [0.0, -0.1, 1.1, float("nan")])
@pytest.mark.parametrize("name", ["floor", "confidence"])
def test_a_floor_or_confidence_outside_its_range_is_refused(bad: float, name: str):
    asked = {"floor": 0.9, "confidence": 0.9} | {name: bad}
    with pytest.raises(ValueError, match=f"{name} is {bad!r}; it should be above 0 and at most 1"):
        certify([0.1], [1.0], [1.0], **asked)


def test_columns_of_different_lengths_are_refused_with_their_lengths():
    with pytest.raises(ValueError, match="difficulty 2, small_score 1, large_score 2"):
        certify([0.1, 0.2], [1.0], [1.0, 1.0], floor=0.9, confidence=0.9)
    with pytest.raises(ValueError, match="2 dimensions"):
        certify([[0.1]], [[1.0]], [[1.0]], floor=0.9, confidence=0.9)


def test_importing_policies_loads_no_numbers_library():
    code = "import sys, policies; sys.exit(bool({'numpy', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
