"""Whether certificates keep their promise, on populations whose true quality is known.

A short form of benchmarks/guarantee.py, which does the same on recorded outcomes.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from policies.certificate import certify

Floats = npt.NDArray[np.float64]
Columns = tuple[Floats, Floats, Floats]

CONFIDENCE = 0.95
DRAWS = 800
MOST_MISSED = 0.07
"""5 % and 2.6 standard errors of 800 draws; the seeds are fixed."""
POPULATION = 20_000


def informative(chance: np.random.Generator) -> Columns:
    """Losses at the hard end, some gains everywhere."""
    difficulty = 0.6 * chance.random(POPULATION) ** 2
    large = (chance.random(POPULATION) < 0.8).astype(np.float64)
    small = np.where(chance.random(POPULATION) < 1.2 * difficulty, 0.0, large)
    return difficulty, np.where(chance.random(POPULATION) < 0.05, 1.0, small), large


def uninformative(chance: np.random.Generator) -> Columns:
    _, small, large = informative(chance)
    return chance.random(POPULATION), small, large


def tied(chance: np.random.Generator) -> Columns:
    difficulty, small, large = informative(chance)
    return np.round(difficulty, 1), small, large


def partial(chance: np.random.Generator) -> Columns:
    """Scores between 0 and 1."""
    difficulty = 0.5 * chance.random(POPULATION)
    large = chance.beta(6, 2, POPULATION)
    return difficulty, np.clip(large - chance.normal(difficulty / 3, 0.2), 0.0, 1.0), large


def only_losses(chance: np.random.Generator) -> Columns:
    """Rare losses and never a gain: where Student's bound is missed twice as often as it says."""
    large = np.ones(POPULATION)
    return chance.random(POPULATION), (chance.random(POPULATION) > 0.03).astype(np.float64), large


def never_right(chance: np.random.Generator) -> Columns:
    return chance.random(POPULATION), np.zeros(POPULATION), np.ones(POPULATION)


def quality(population: Columns, threshold: float | None) -> float:
    """True share of always-large quality."""
    difficulty, small, large = population
    if threshold is None:
        return 1.0
    return float(np.where(difficulty >= threshold, large, small).sum() / large.sum())


@pytest.mark.parametrize("floor", [0.9, 0.95, 0.98])
@pytest.mark.parametrize("rows", [100, 400])
@pytest.mark.parametrize("kind", [informative, uninformative, tied, partial, only_losses, never_right])
def test_the_floor_is_missed_no_more_often_than_the_confidence_says(
    kind: Callable[[np.random.Generator], Columns], rows: int, floor: float
):
    population = kind(np.random.default_rng(11))
    chance = np.random.default_rng([rows, int(1000 * floor)])
    missed = 0
    for _ in range(DRAWS):
        drawn = chance.integers(0, POPULATION, rows)
        difficulty, small, large = (column[drawn] for column in population)
        found = certify(difficulty, small, large, floor=floor, confidence=CONFIDENCE)
        missed += quality(population, found.threshold) < floor - 1e-12
    assert missed / DRAWS <= MOST_MISSED


@pytest.mark.parametrize(
    ("rows", "floor", "gain", "often"),
    [(50, 1.0, 0.05, 0.9), (50, 0.95, 0.05, 0.9), (100, 1.0, 0.02, 1.0), (200, 0.98, 0.02, 0.9)],
)
def test_many_small_gains_do_not_hide_a_handful_of_total_losses(
    rows: int, floor: float, gain: float, often: float
):
    """All rows have one difficulty and the floor is just not kept: whatever is certified misses."""
    small, large = np.array([0.8 + gain, 0.0, 0.8]), np.array([0.8, 1.0, 0.8])
    unlost = 0.8 + gain * often
    loss = 1.0001 * (unlost - 0.8 * floor) / (unlost + 0.2 * floor)
    share = np.array([often * (1.0 - loss), loss, (1.0 - often) * (1.0 - loss)])
    assert floor - 0.001 < share @ small / (share @ large) < floor
    chance = np.random.default_rng([rows, int(1000 * floor)])
    missed = 0
    for _ in range(DRAWS):
        drawn = chance.choice(3, rows, p=share)
        difficulty = np.full(rows, 0.3)
        found = certify(difficulty, small[drawn], large[drawn], floor=floor, confidence=CONFIDENCE)
        missed += found.threshold is not None
    assert missed / DRAWS <= MOST_MISSED


def test_certainty_costs_about_what_it_must():
    """With 2,000 rows the threshold is near the best one that anybody could know."""
    population = informative(np.random.default_rng(11))
    chance = np.random.default_rng(2)
    difficulty, small, large = population
    order = np.argsort(difficulty)
    kept = 1.0 + np.cumsum((small - large)[order]) / large.sum()
    best = 1.0 - (np.flatnonzero(kept >= 0.95).max() + 1) / POPULATION
    shares = []
    for _ in range(100):
        drawn = chance.integers(0, POPULATION, 2000)
        rows = tuple(column[drawn] for column in population)
        found = certify(*rows, floor=0.95, confidence=CONFIDENCE)
        assert found.threshold is not None
        shares.append(float((difficulty >= found.threshold).mean()))
    assert best < np.mean(shares) < best + 0.12


def test_rows_drawn_with_known_probabilities_are_weighed_back():
    """Losses are drawn more often than the rest: their weights must undo it, and without them it shows."""
    population = informative(np.random.default_rng(11))
    _, small, large = population
    often = 0.2 + 0.8 * (small >= large)  # the same rows, with the good ones five times as likely
    probability = often / often.sum()
    chance = np.random.default_rng(3)
    missed = missed_unweighted = 0
    for _ in range(400):
        drawn = chance.choice(POPULATION, 500, p=probability)
        rows = tuple(column[drawn] for column in population)
        weights = 1.0 / often[drawn]
        weighed = certify(*rows, floor=0.95, confidence=CONFIDENCE, weights=weights)
        plain = certify(*rows, floor=0.95, confidence=CONFIDENCE)
        missed += quality(population, weighed.threshold) < 0.95
        missed_unweighted += quality(population, plain.threshold) < 0.95
    assert missed / 400 <= 0.08
    assert missed_unweighted / 400 > 0.5


def test_the_heaviest_weight_there_is_guards_against_a_kind_of_query_that_was_not_drawn():
    """A tenth of the traffic is drawn 30 times as rarely as the rest, and only there does small lose."""
    small, large = np.array([0.0, 0.9, 1.0, 0.9]), np.array([1.0, 0.9, 0.0, 0.9])
    loss = 0.6  # of the rare rows: a quality of 0.94
    share = np.array([0.1 * loss, 0.1 * (1.0 - loss), 0.01 * 0.9, 0.99 * 0.9])
    assert share @ small / (share @ large) < 0.95
    weights = np.array([30.0, 30.0, 1.0, 1.0])
    probability = share / weights / (share / weights).sum()
    chance = np.random.default_rng(5)
    missed = missed_by_drawn = 0
    for _ in range(300):
        drawn = chance.choice(4, 200, p=probability)
        rows = (np.full(200, 0.3), small[drawn], large[drawn])
        asked = {"floor": 0.95, "confidence": CONFIDENCE}
        given = certify(*rows, weights=weights[drawn], heaviest_weight=30.0, **asked)
        missed += given.threshold is not None
        missed_by_drawn += certify(*rows, weights=weights[drawn], **asked).threshold is not None
    assert missed / 300 <= 0.05
    assert missed_by_drawn / 300 > 0.3


def test_the_share_to_large_of_weighed_rows_is_that_of_the_traffic():
    difficulty, small, large = informative(np.random.default_rng(11))
    often = 0.2 + 0.8 * difficulty / difficulty.max()
    drawn = np.random.default_rng(4).choice(POPULATION, 4000, p=often / often.sum())
    rows = (difficulty[drawn], small[drawn], large[drawn])
    found = certify(*rows, floor=0.95, confidence=CONFIDENCE, weights=1.0 / often[drawn])
    assert found.threshold is not None
    assert found.large_share == pytest.approx(float((difficulty >= found.threshold).mean()), abs=0.03)
    assert found.large_share < float((rows[0] >= found.threshold).mean()) - 0.05
