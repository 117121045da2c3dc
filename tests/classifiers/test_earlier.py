"""Training may start from an earlier artifact: it is carried along, and cannot leak what it has seen."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifiers import ArtifactError, QueryFacts, load_artifact
from classifiers.apgr import apgr
from classifiers.artifact import Learned, write_artifact
from classifiers.assemble import weights_of
from classifiers.blend import Blend
from classifiers.earlier import Earlier
from classifiers.familiarity import Familiarity
from classifiers.folds import random_folds
from classifiers.heads import fit, matrix_of
from classifiers.model import Model
from classifiers.neighbours import rarest, row_hash
from classifiers.outcomes import Outcome, read_outcomes
from classifiers.train import Choice, TrainingReport, train
from classifiers.vocabulary import pack
from tests.classifiers.outcome_rows import rows, written


def with_random_labels(count: int) -> list[dict[str, object]]:
    draw = random.Random(5)
    made = rows(count)
    for at, row in enumerate(made):
        words = " ".join("".join(draw.choices("bcdfglmnprst", k=5)) for _ in range(3))
        row["query"] = f"{words} and {made[at - 7]['query']}"
        row["small"] = {"model": "s", "score": float(draw.random() < 0.5)}
        row["large"] = {"model": "l", "score": float(draw.random() < 0.8)}
    return made


def learned_by_heart(directory: Path, outcomes: list[Outcome]) -> None:
    """An artifact whose heads were fitted on these rows, whatever cross-validation would have said of it."""
    facts = [row.facts for row in outcomes]
    small, large = np.array([(row.small_score, row.large_score) for row in outcomes]).T
    matrix = matrix_of(facts)
    blend = Blend({"large_ok": 1.0, "small_ok": -1.0}, trust_from=0.1, trust_full=0.2)
    model = Model(
        weights=weights_of(fit(matrix, small, large, seed=0), blend, by_hand=True),
        knots=np.array([[-1.0, 1.0], [0.0, 1.0]]),
        vocabulary=pack(np.concatenate(matrix.plain)),
    )
    texts = [one.text for one in facts]
    hashes = np.array([row_hash(text) for text in texts], dtype=np.uint64)
    manifest = {
        "name": "heart",
        "default_threshold": 0.1,
        "familiar_from": 0.5,
        "head": {"blend": blend.stated},
    }
    write_artifact(
        directory,
        model,
        Learned(hashes, rarest(texts, np.arange(len(texts))), np.zeros(0, np.uint64)),
        manifest,
    )


def test_an_artifact_that_has_seen_the_rows_makes_nothing_of_random_labels(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", with_random_labels(600))
    outcomes = read_outcomes([path]).rows
    learned_by_heart(tmp_path / "earlier", outcomes)
    small, large = np.array([(row.small_score, row.large_score) for row in outcomes]).T
    inside = np.array(load_artifact(tmp_path / "earlier").raw_many([row.facts for row in outcomes]))
    in_sample = apgr(inside, small, large)
    assert in_sample.value is not None
    assert in_sample.value > 0.62  # what a leak would look like
    report = train([path], tmp_path / "again", choice=Choice(prior=tmp_path / "earlier"))
    assert report.manifest["data"]["rows_the_prior_had_seen"] == 600
    for judged in report.manifest["out_of_fold"].values():
        for one in judged["candidates"].values():
            assert one["apgr"] - 0.5 <= 3 * one["standard_error"]


def test_an_artifact_calls_no_row_familiar_because_it_has_seen_that_row(tmp_path: Path):
    strange = with_random_labels(200)
    for row in strange:
        row["query"] = " ".join(str(row["query"]).split()[:3])  # made up, and in no other row
    outcomes = read_outcomes([written(tmp_path / "made.jsonl", strange)]).rows
    learned_by_heart(tmp_path / "earlier", outcomes[:100])
    facts = [row.facts for row in outcomes]
    matrix, folds = matrix_of(facts), random_folds(np.arange(200), folds=5, seed=0)
    earlier = Earlier.of(tmp_path / "earlier", facts)
    assert earlier.seen[:100].all()
    with_it = Familiarity.of(facts, matrix, folds, earlier)
    without = Familiarity.of(facts, matrix, folds, None)
    assert np.array_equal(with_it.share[:100], without.share[:100])
    assert np.array_equal(with_it.told[:100], without.told[:100])
    assert (without.share[:100] < 0.5).mean() > 0.9


def test_an_artifact_that_is_not_carried_along_leaves_no_words_behind(tmp_path: Path):
    strange = with_random_labels(200)
    learned_by_heart(tmp_path / "earlier", read_outcomes([written(tmp_path / "made.jsonl", strange)]).rows)
    path = written(tmp_path / "own.jsonl", rows(400, seed=8))
    report = train([path], tmp_path / "own", choice=Choice(prior=tmp_path / "earlier"))
    assert report.manifest["head"]["prior"] == "hand-set score"
    own, earlier = load_artifact(tmp_path / "own"), load_artifact(tmp_path / "earlier")
    made_up = [QueryFacts(" ".join(str(row["query"]).split()[:3])) for row in strange]
    assert min(map(earlier.familiarity, made_up)) == 1.0
    assert sum(own.familiarity(facts) == 1.0 for facts in made_up) < 0.05 * len(made_up)


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory, trained: TrainingReport) -> TrainingReport:
    """Learned from few rows, started from the artifact of 400 others."""
    place = tmp_path_factory.mktemp("carried")
    path = written(place / "few.jsonl", rows(70, seed=9))
    return train([path], place / "artifact", choice=Choice(prior=trained.directory))


def test_with_few_rows_training_keeps_to_the_earlier_artifact(
    carried: TrainingReport, trained: TrainingReport
):
    assert carried.chosen == "prior"
    assert carried.manifest["head"]["prior"] == load_artifact(trained.directory).id
    facts = [QueryFacts(str(row["query"])) for row in rows(60, seed=4)]
    before, now = (np.array(load_artifact(one.directory).raw_many(facts)) for one in (trained, carried))
    assert np.array_equal(np.argsort(before, kind="stable"), np.argsort(now, kind="stable"))


def test_what_it_carries_is_its_own_and_scores_the_same_bits_every_way(
    carried: TrainingReport, tmp_path: Path
):
    shutil.copytree(carried.directory, tmp_path / "moved")
    classifier = load_artifact(tmp_path / "moved")
    facts = [QueryFacts(text) for text in ("prove a bound for the river", "", "zqxv kjwb", "a b c d answer")]
    alone = [classifier.score(one) for one in facts]
    assert classifier.score_many(facts) == alone
    assert [classifier.explain(one).value for one in facts] == alone
    assert [classifier.assess(one).value for one in facts] == alone
    assert any(factor.quotes for factor in classifier.explain(facts[0]).factors)
    assert sum(file.stat().st_size for file in (tmp_path / "moved").iterdir()) <= 2_000_000


def test_an_earlier_artifact_whose_recipe_is_gone_is_refused_by_name(trained: TrainingReport, tmp_path: Path):
    spoilt = tmp_path / "spoilt"
    shutil.copytree(trained.directory, spoilt)
    manifest = json.loads((spoilt / "manifest.json").read_text())
    del manifest["head"]
    (spoilt / "manifest.json").write_text(json.dumps(manifest))
    path = written(tmp_path / "made.jsonl", rows(60))
    with pytest.raises(ArtifactError, match=r"manifest.json: 'blend' of 'head' should be"):
        train([path], tmp_path / "artifact", choice=Choice(prior=spoilt))


def test_a_name_that_no_artifact_may_have_is_refused_before_anything_is_learned(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(60))
    with pytest.raises(ArtifactError, match=r"'my artifact\\n' is no name of an artifact"):
        train([path], tmp_path / "artifact", choice=Choice(prior=None, name="my artifact\n"))
    assert not (tmp_path / "artifact").exists()


def test_an_artifact_that_carries_one_cannot_be_carried(carried: TrainingReport, tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(60))
    with pytest.raises(ArtifactError, match="carries an earlier artifact itself"):
        train([path], tmp_path / "artifact", choice=Choice(prior=carried.directory))
