"""An artifact that would be too large is made smaller, and still ranks as it did."""

from dataclasses import replace

import numpy as np

from classifiers import QueryFacts
from classifiers.artifact import Learned, packed_arrays, read_artifact
from classifiers.default import SHIPPED
from classifiers.model import LearnedClassifier, Model
from classifiers.slimmer import MOST_BYTES, note, slimmed

NONE = np.zeros(0, np.uint64)
TEXTS = [
    f"what is the {word} of number {at}" for at, word in enumerate(("sum", "capital", "colour", "limit") * 20)
]


def raws(model: Model) -> np.ndarray:
    made = LearnedClassifier(model, name="m", digest="0" * 8, default_threshold=0.1, familiar_from=0.5)
    return np.array(made.raw_many([QueryFacts(text) for text in TEXTS]))


def test_what_fits_stays_as_it_is():
    artifact = read_artifact(SHIPPED)
    model, learned = slimmed(artifact.classifier.model, artifact.learned)
    assert model is artifact.classifier.model
    assert learned is artifact.learned
    assert note(artifact.learned, learned, MOST_BYTES) == []


def test_what_does_not_fit_gets_coarser_numbers_and_the_same_scores_nearly():
    artifact = read_artifact(SHIPPED)
    draw = np.random.default_rng(0)
    model = replace(artifact.classifier.model, prior=artifact.classifier.model.weights)
    rows = draw.integers(1, 2**63, 20_000).astype(np.uint64)
    learned = replace(artifact.learned, row_hashes=np.union1d(artifact.row_hashes, rows))
    assert len(packed_arrays(model, learned)) > MOST_BYTES
    smaller, known = slimmed(model, learned)
    assert len(packed_arrays(smaller, known)) <= MOST_BYTES
    assert np.array_equal(known.row_hashes, learned.row_hashes)
    before, after = raws(model), raws(smaller)
    assert np.abs(after - before).max() < 0.02 * before.std() + 0.01


def test_phrases_left_out_and_a_size_that_is_too_large_are_noted():
    before = Learned(NONE, np.ones((10, 4), np.uint32), NONE)
    fewer = Learned(NONE, np.array([[1, 1, 0, 0]] * 10, dtype=np.uint32), NONE)
    left_out, too_large = note(before, fewer, 2_080_000)
    assert "20 of 40 rare phrases" in left_out
    assert "2,080,000 bytes, more than the 1,950,000" in too_large
