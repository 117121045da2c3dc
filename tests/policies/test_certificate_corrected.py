"""Certificates on a judge's scores that a hand-scored sample corrects."""

import numpy as np
import numpy.typing as npt
import pytest

from policies.certificate import certify, certify_corrected

Floats = npt.NDArray[np.float64]

ROWS, BY_HAND, DRAWS = 1500, 200, 300
FLOOR, CONFIDENCE = 0.95, 0.95


def drawn(chance: np.random.Generator, *, taken_for_good: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Difficulty, true small and large scores, and a judge's score of small: some failures pass it."""
    difficulty = 0.6 * chance.random(ROWS)
    large = (chance.random(ROWS) < 0.9).astype(np.float64)
    small = np.where(chance.random(ROWS) < difficulty, 0.0, large)
    fooled = chance.random(ROWS) < taken_for_good
    return difficulty, small, large, np.where(fooled, np.maximum(small, large), small)


def true_quality(threshold: float | None) -> float:
    """Of `drawn`, with no sampling: Σ lost below t is 0.9 · ∫ d, over d uniform to 0.6."""
    return 1.0 if threshold is None else 1.0 - min(threshold, 0.6) ** 2 / 2 / 0.6


def blank_but(scores: Floats, count: int) -> Floats:
    return np.where(np.arange(ROWS) < count, scores, np.nan)


def test_a_judge_that_is_fooled_misses_the_floor_and_corrected_it_keeps_it():
    chance = np.random.default_rng(5)
    alone = corrected = 0
    for _ in range(DRAWS):
        difficulty, small, large, judged = drawn(chance, taken_for_good=0.3)
        plain = certify(difficulty, judged, large, floor=FLOOR, confidence=CONFIDENCE, provisional=True)
        made = certify_corrected(
            difficulty,
            judged,
            large,
            blank_but(small, BY_HAND),
            blank_but(large, BY_HAND),
            floor=FLOOR,
            confidence=CONFIDENCE,
        )
        assert (plain.provisional, made.provisional) == (True, False)
        alone += true_quality(plain.threshold) < FLOOR
        corrected += true_quality(made.threshold) < FLOOR
    assert alone / DRAWS > 0.5
    assert corrected / DRAWS <= 0.07


def test_a_good_judge_costs_less_than_the_hand_scores_alone():
    chance = np.random.default_rng(6)
    corrected, by_hand = [], []
    for _ in range(60):
        difficulty, small, large, judged = drawn(chance, taken_for_good=0.02)
        hand = (blank_but(small, BY_HAND), blank_but(large, BY_HAND))
        made = certify_corrected(difficulty, judged, large, *hand, floor=FLOOR, confidence=CONFIDENCE)
        few = (difficulty[:BY_HAND], small[:BY_HAND], large[:BY_HAND])
        corrected.append(made.large_share)
        by_hand.append(certify(*few, floor=FLOOR, confidence=CONFIDENCE).large_share)
    assert np.mean(corrected) < np.mean(by_hand)


def test_a_judge_that_nobody_found_wrong_is_still_not_taken_at_its_word():
    """20 hand scores without a difference leave room for 14 % of mistakes."""
    difficulty, small, large, _ = drawn(np.random.default_rng(7), taken_for_good=0.0)
    few = (blank_but(small, 20), blank_but(large, 20))
    made = certify_corrected(difficulty, small, large, *few, floor=FLOOR, confidence=CONFIDENCE)
    assert made.threshold is None
    assert made.labels_needed is not None
    assert 20 < made.labels_needed < 500


def test_without_a_hand_score_nothing_is_certified():
    difficulty, small, large, _ = drawn(np.random.default_rng(8), taken_for_good=0.0)
    none = np.full(ROWS, np.nan)
    made = certify_corrected(difficulty, small, large, none, none, floor=FLOOR, confidence=CONFIDENCE)
    assert (made.threshold, made.n, made.large_share) == (None, ROWS, 1.0)
    assert made.labels_needed is not None
    assert made.labels_needed > 0


def test_shuffling_rows_and_equal_weights_change_nothing():
    chance = np.random.default_rng(9)
    difficulty, small, large, judged = drawn(chance, taken_for_good=0.1)
    columns = [difficulty, judged, large, blank_but(small, 400), blank_but(large, 400)]
    order = chance.permutation(ROWS)
    asked = {"floor": 0.9, "confidence": 0.9}
    made = certify_corrected(*columns, **asked)
    assert made.threshold is not None
    assert certify_corrected(*(column[order] for column in columns), **asked) == made
    assert certify_corrected(*columns, **asked, weights=np.full(ROWS, 7.0)) == made


def test_the_heaviest_weight_there_is_makes_the_worst_row_as_heavy():
    difficulty, small, large, judged = drawn(np.random.default_rng(9), taken_for_good=0.1)
    columns = [difficulty, judged, large, blank_but(small, 400), blank_but(large, 400)]
    asked = {"floor": 0.9, "confidence": 0.9, "weights": np.full(ROWS, 7.0)}
    made = certify_corrected(*columns, **asked)
    assert certify_corrected(*columns, **asked, heaviest_weight=7.0) == made
    heavy = certify_corrected(*columns, **asked, heaviest_weight=21.0)
    assert heavy.threshold is not None
    assert made.threshold is not None
    assert heavy.threshold < made.threshold
    assert certify_corrected(*columns, **asked, heaviest_weight=700.0).threshold is None


@pytest.mark.parametrize("floor", [0.85, 0.9, 0.95])
def test_a_higher_floor_or_confidence_never_gives_a_higher_threshold(floor: float):
    difficulty, small, large, judged = drawn(np.random.default_rng(10), taken_for_good=0.1)
    columns = (difficulty, judged, large, blank_but(small, 300), blank_but(large, 300))

    def threshold(floor: float, confidence: float) -> float:
        return certify_corrected(*columns, floor=floor, confidence=confidence).threshold or -1.0

    assert threshold(floor, 0.8) >= threshold(floor + 0.03, 0.8)
    assert threshold(floor, 0.8) >= threshold(floor, 0.95)


def test_half_a_hand_score_and_one_out_of_range_are_refused_with_their_row():
    ones = np.ones(3)
    whole, missing, wrong = ones, np.array([1.0, 1.0, np.nan]), np.array([1.0, 2.0, 1.0])
    asked = {"floor": 0.9, "confidence": 0.9}
    with pytest.raises(ValueError, match="row 2: hand_large"):
        certify_corrected(ones, ones, ones, whole, missing, **asked)
    with pytest.raises(ValueError, match="row 2: hand_large"):
        certify_corrected(ones, ones, ones, missing, whole, **asked)
    with pytest.raises(ValueError, match=r"row 1: hand_small is 2\.0 and should be from 0 to 1"):
        certify_corrected(ones, ones, ones, wrong, whole, **asked)
    with pytest.raises(ValueError, match="row 2: judged_large is nan"):
        certify_corrected(ones, ones, missing, whole, whole, **asked)


def test_the_certificate_says_how_far_the_judge_was_off_at_its_threshold_whatever_the_order_of_the_rows():
    chance = np.random.default_rng(11)
    difficulty, small, large, judged = drawn(chance, taken_for_good=0.2)
    hand = (blank_but(small, 900), blank_but(large, 900))
    weights = 1.0 + (np.arange(ROWS) % 3)
    made = certify_corrected(
        difficulty, judged, large, *hand, floor=0.8, confidence=CONFIDENCE, weights=weights
    )
    assert made.threshold is not None
    to_small = difficulty[:900] < made.threshold
    more = np.where(to_small, judged[:900] - small[:900], 0.0)  # the judge forgave so much
    assert made.correction == pytest.approx(np.average(more, weights=weights[:900]))
    assert made.correction > 0
    order = chance.permutation(ROWS)
    columns = (difficulty, judged, large, *hand)
    again = certify_corrected(
        *(column[order] for column in columns), floor=0.8, confidence=CONFIDENCE, weights=weights[order]
    )
    assert again == made


def test_without_a_threshold_or_without_hands_nothing_is_corrected():
    difficulty, small, large, judged = drawn(np.random.default_rng(12), taken_for_good=0.2)
    few = (blank_but(small, 5), blank_but(large, 5))
    made = certify_corrected(difficulty, judged, large, *few, floor=0.99, confidence=CONFIDENCE)
    assert (made.threshold, made.correction) == (None, 0.0)
    assert certify(difficulty, small, large, floor=FLOOR, confidence=CONFIDENCE).correction == 0.0
