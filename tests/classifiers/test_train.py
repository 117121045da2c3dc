"""Training: the same seed and rows give the same bytes, and the figures are of rows that were not learned from."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifiers import QueryFacts, load_artifact
from classifiers.artifact import read_artifact
from classifiers.blend import CHANNELS, Blend, Judged
from classifiers.calibration import fit_knots
from classifiers.errors import OutcomeError
from classifiers.features import FREE
from classifiers.heads import fit, matrix_of
from classifiers.neighbours import groups, row_hash
from classifiers.outcomes import read_outcomes
from classifiers.overlap import seen
from classifiers.train import Choice, TrainingReport, train
from tests.classifiers.outcome_rows import rows, written

AGAIN = """
import sys
from pathlib import Path
from classifiers.train import Choice, train
train([Path(sys.argv[1])], Path(sys.argv[2]), choice=Choice(seed=3, select_by="grouped", prior_share=0.5))
"""


def test_the_same_rows_and_seed_give_the_same_bytes_in_another_process(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(200))
    here = tmp_path / "here"
    train([path], here, choice=Choice(seed=3, select_by="grouped", prior_share=0.5))
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", AGAIN, path, tmp_path / "there"], check=True, env=environment)
    for name in ("weights.npz", "manifest.json"):
        assert (here / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_serving_scores_as_training_did_up_to_the_rounding_of_weights(trained: TrainingReport):
    outcomes = read_outcomes([trained.directory.parent / "made.jsonl.gz"]).rows
    facts = [row.facts for row in outcomes]
    small = np.array([row.small_score for row in outcomes])
    large = np.array([row.large_score for row in outcomes])
    matrix = matrix_of(facts)
    fitted = fit(matrix, small, large, seed=0)
    outputs = fitted.outputs(matrix)
    blend = Blend.read(trained.manifest["head"]["blend"])
    free = matrix.format == FREE
    assert trained.manifest["head"]["prior"] == "hand-set score"
    expected = blend.raw(Judged(outputs, fitted.known_share(matrix), free, outputs["hand"]))
    served = [load_artifact(trained.directory).raw(one) for one in facts]
    assert served == pytest.approx(expected.tolist(), abs=2e-3)
    assert set(blend.coefficients) <= set(CHANNELS)


def test_what_separates_the_rows_is_learned_and_beats_length(trained: TrainingReport):
    figures = trained.manifest["out_of_fold"]["random"]
    assert figures["chosen"]["apgr"] > 0.6 > figures["length_alone"]["apgr"]
    assert figures["calibration_error"] < 0.15
    classifier = load_artifact(trained.directory)
    easy, hard = (
        QueryFacts("spell the word ladder by hand river 4?"),
        QueryFacts("invert the ladder by hand 4?"),
    )
    assert classifier.score(easy) < classifier.score(hard)


def test_the_manifest_says_what_it_was_made_of(trained: TrainingReport):
    manifest = json.loads((trained.directory / "manifest.json").read_text())
    assert manifest == json.loads(json.dumps(trained.manifest))
    assert manifest["data"]["rows"] == trained.rows == 400
    assert list(manifest["data"]["sha256"]) == ["made.jsonl.gz"]
    assert manifest["data"]["models"] == {"made": ["s", "l"]}
    assert set(manifest["out_of_fold"]) == {"random", "grouped"}
    for figures in manifest["out_of_fold"].values():
        assert {"candidates", "chosen", "length_alone", "calibration_error"} <= set(figures)
    hashes = read_artifact(trained.directory).row_hashes
    assert np.isin(np.array([row_hash(rows(400)[0]["query"])], np.uint64), hashes).all()


def test_bad_rows_are_counted_with_their_lines_and_strict_stops_at_the_first(tmp_path: Path):
    made: list[Any] = rows(80)
    made[10], made[20] = {"id": "x"}, made[20] | {"small": {"score": 3}}
    path = written(tmp_path / "made.jsonl", made)
    report = train([path], tmp_path / "artifact")
    assert report.rows == 78
    assert [line.split(":")[0] for line in report.bad_rows] == ["made.jsonl, line 11", "made.jsonl, line 21"]
    assert report.manifest["data"]["bad_rows"] == 2
    with pytest.raises(OutcomeError, match=r"made\.jsonl, line 11: "):
        train([path], tmp_path / "strict", choice=Choice(strict=True))


def test_too_few_rows_are_refused_and_the_first_bad_one_is_named(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", [*rows(20), {"id": "bad"}])
    with pytest.raises(
        OutcomeError, match=r"20 usable rows, .* at least 50; 1 row was bad, first: made\.jsonl, line 21"
    ):
        train([path], tmp_path / "artifact")


def test_one_usable_row_is_no_plural(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(1))
    with pytest.raises(OutcomeError, match=r"^1 usable row, training needs at least 50$"):
        train([path], tmp_path / "artifact")


def test_copies_of_one_query_are_refused_as_what_they_are(tmp_path: Path):
    made = [row | {"query": "How do I reset the password of my account?"} for row in rows(60)]
    with pytest.raises(OutcomeError, match="the 60 rows are near-copies of one query"):
        train([written(tmp_path / "made.jsonl", made)], tmp_path / "artifact")


def test_two_files_of_one_name_are_refused(tmp_path: Path):
    (tmp_path / "b").mkdir()
    paths = [written(tmp_path / "made.jsonl", rows(60)), written(tmp_path / "b" / "made.jsonl", rows(60, 1))]
    with pytest.raises(OutcomeError, match=r"two outcome files are called made\.jsonl"):
        train(paths, tmp_path / "artifact")


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_learned(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(60))
    with pytest.raises(OutcomeError, match=r"made\.jsonl/artifact: the artifact cannot be written there"):
        train([path], path / "artifact")


def test_held_out_rows_are_written_unchanged_and_share_no_near_copy_with_what_was_learned(tmp_path: Path):
    made = rows(150)
    path = written(tmp_path / "made.jsonl", made)
    report = train([path], tmp_path / "artifact", choice=Choice(holdout=0.3))
    apart = (tmp_path / "artifact" / "holdout.jsonl").read_bytes().splitlines()
    assert len(apart) == report.held_out > 0
    assert set(apart) <= set(path.read_bytes().splitlines())
    held = {json.loads(line)["id"] for line in apart}
    of_row = groups([QueryFacts(row["query"]) for row in made])
    inside = {of_row[at] for at, row in enumerate(made) if row["id"] in held}
    assert inside.isdisjoint(of_row[at] for at, row in enumerate(made) if row["id"] not in held)


def test_no_row_that_was_held_out_is_left_out_when_something_is_judged_by_it(tmp_path: Path):
    words = [f"w{number}" for number in range(4_000)]  # each row shares a phrase with the next
    made = [row | {"query": " ".join(words[9 * at : 9 * at + 16])} for at, row in enumerate(rows(400))]
    report = train(
        [written(tmp_path / "made.jsonl", made)],
        tmp_path / "artifact",
        choice=Choice(holdout=0.5, prior=None),
    )
    held = read_outcomes([tmp_path / "artifact" / "holdout.jsonl"]).rows
    assert 120 < len(held) == report.held_out < 280
    assert not seen(read_artifact(report.directory), [row.facts for row in held]).any()


@pytest.mark.parametrize("form", ["ids", "rows", "chats", "packed rows"])
def test_excluded_rows_and_their_copies_are_not_learned_from(tmp_path: Path, form: str):
    made = rows(90)
    made[1] = made[1] | {"query": made[0]["query"].upper() + "!"}
    made[0] = made[0] | {"query": made[0]["query"] + "\u2028"}
    path = written(tmp_path / "made.jsonl", made)
    file = tmp_path / ("left-out.jsonl.gz" if form == "packed rows" else "left-out.jsonl")
    chat = {"messages": [{"role": "user", "content": made[0]["query"]}]}
    entries: dict[str, list[Any]] = {"ids": ["row-0", "row-1"], "chats": [chat]}
    written(file, entries.get(form, [{"query": made[0]["query"]}]))
    report = train([path], tmp_path / "artifact", choice=Choice(exclude=file))
    assert (report.rows, report.excluded) == (88, 2)


def test_rows_to_leave_out_that_cannot_be_read_are_refused(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(60))
    for file, says in ((tmp_path / "no.jsonl", "cannot be read"), (tmp_path / "odd.jsonl", "needs either")):
        (tmp_path / "odd.jsonl").write_text('{"query": 3}\n')
        with pytest.raises(OutcomeError, match=says):
            train([path], tmp_path / "artifact", choice=Choice(exclude=file))


@pytest.mark.parametrize(
    ("small", "large"), [(1.0, 1.0), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.5, 0.5)], ids=str
)
def test_rows_that_all_scored_alike_train_without_a_warning(tmp_path: Path, small: float, large: float):
    made = [row | {"small": {"score": small}, "large": {"score": large}} for row in rows(60)]
    report = train(
        [written(tmp_path / "made.jsonl", made)], tmp_path / "artifact", choice=Choice(prior_share=0.5)
    )
    value = load_artifact(report.directory).score(QueryFacts("what is it"))
    assert value == pytest.approx(max(0.0, large - small), abs=0.01)


def test_progress_rises_from_nothing_to_done(tmp_path: Path):
    steps: list[tuple[str, float]] = []
    path = written(tmp_path / "made.jsonl", rows(60))
    train([path], tmp_path / "artifact", progress=lambda step, share: steps.append((step, share)))
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert (shares[0], steps[-1]) == (0.0, ("done", 1.0))


def test_a_calibration_curve_rises_and_says_what_was_found():
    draw = np.random.default_rng(0)
    raw = draw.normal(size=4_000)
    gap = (draw.random(4_000) < 1 / (1 + np.exp(-raw))).astype(float)
    knots = fit_knots(raw, gap)
    assert (np.diff(knots[0]) > 0).all()
    assert (np.diff(knots[1]) >= 0).all()
    assert np.interp(0.0, knots[0], knots[1]) == pytest.approx(0.5, abs=0.05)


def test_rows_held_out_once_do_not_stay_beside_an_artifact_that_learned_from_them(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", rows(150))
    train([path], tmp_path / "artifact", choice=Choice(holdout=0.3))
    train([path], tmp_path / "artifact")
    assert not (tmp_path / "artifact" / "holdout.jsonl").exists()
