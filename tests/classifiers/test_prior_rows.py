"""What an earlier artifact learned from counts as learned by what starts from it: nothing is judged by it."""

from pathlib import Path

import pytest

from classifiers.artifact import read_artifact
from classifiers.errors import OutcomeError
from classifiers.evaluation.files import Question, evaluate
from classifiers.facts import QueryFacts
from classifiers.overlap import seen
from classifiers.train import Choice, TrainingReport, train
from tests.classifiers.evaluation.apart import rows_apart
from tests.classifiers.outcome_rows import written


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    """An artifact that learned 300 rows."""
    place = tmp_path_factory.mktemp("first")
    return train(
        [written(place / "first.jsonl", rows_apart(300, seed=1))], place / "a", choice=Choice(prior=None)
    )


def test_rows_of_a_prior_that_goes_on_speaking_are_not_judged_by(first: TrainingReport, tmp_path: Path):
    few = written(tmp_path / "few.jsonl", rows_apart(60, seed=2))
    second = train([few], tmp_path / "b", choice=Choice(prior=first.directory))
    assert second.manifest["head"]["prior"] == read_artifact(first.directory).classifier.id
    known = [QueryFacts(row["query"]) for row in [*rows_apart(300, seed=1), *rows_apart(60, seed=2)]]
    assert seen(read_artifact(second.directory), known).all()
    with pytest.raises(OutcomeError, match="300 are rows that a classifier learned from"):
        evaluate(Question([second.directory], [first.directory.parent / "first.jsonl"]))


def test_a_prior_that_learned_what_is_held_out_is_set_aside_with_a_note(
    first: TrainingReport, tmp_path: Path
):
    again = first.directory.parent / "first.jsonl"
    second = train([again], tmp_path / "b", choice=Choice(prior=first.directory, holdout=0.5))
    assert "is set aside as a prior" in second.notes[0]
    assert second.manifest["head"]["prior"] == "hand-set score"
    found = evaluate(
        Question([second.directory], [second.directory / "holdout.jsonl"], resamples=9)
    ).as_json()
    assert found["n"] > 0.9 * second.held_out
