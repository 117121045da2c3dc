"""A classifier is trained, shown with its figures, and scores."""

import json
from pathlib import Path

from tests.cli.running import Pennyroute

EASY = "What is {} plus {}?"
HARD = "Prove, step by step and with every lemma stated, that the {}th cyclotomic polynomial over {} is irreducible."


def _outcomes(path: Path, rows: int = 120) -> None:
    with path.open("w") as file:
        for number in range(rows):
            hard = number % 2
            query = (HARD if hard else EASY).format(number * 7919, number)
            small = {"model": "tiny", "score": float(not hard or number % 3 == 0), "cost_usd": 0.0001}
            large = {"model": "big", "score": 1.0, "cost_usd": 0.002}
            file.write(json.dumps({"id": number, "query": query, "small": small, "large": large}) + "\n")


def test_a_trained_classifier_is_shown_with_its_figures_and_scores_queries(pennyroute: Pennyroute):
    _outcomes(pennyroute.folder / "outcomes.jsonl")
    ran = pennyroute.ok(
        "train", "outcomes.jsonl", "--out", "trained", "--seed", "3", "--name", "ours", columns=80
    )
    assert "ours: learned from 120 rows" in ran.out
    assert "APGR" in ran.out
    assert "random" in ran.out
    assert ran.err == ""
    assert "trained/report.html" in ran.out
    assert "pennyroute tune --classifier trained OUTCOMES" in ran.out
    page = (pennyroute.folder / "trained" / "report.html").read_text(encoding="utf-8")
    assert "ours" in page
    assert page.count("<svg ") == 4
    scored = pennyroute.ok(
        "score", "--classifier", "trained", given=b'{"id": 1, "query": "What is 3 plus 4?"}\n'
    )
    assert 0.0 <= json.loads(scored.out)["difficulty"] <= 1.0


def test_what_is_held_out_is_named_with_what_to_do_with_it(pennyroute: Pennyroute):
    _outcomes(pennyroute.folder / "outcomes.jsonl", rows=200)
    ran = pennyroute.ok("train", "outcomes.jsonl", "--out", "trained", "--holdout", "0.5")
    held = (pennyroute.folder / "trained/holdout.jsonl").read_text().splitlines()
    assert f"{len(held)} held out" in ran.out
    assert "pennyroute evaluate --classifier trained trained/holdout.jsonl" in ran.out
    assert "pennyroute tune --classifier trained trained/holdout.jsonl" in ran.out


def test_too_few_held_out_rows_are_not_said_to_be_enough(pennyroute: Pennyroute):
    _outcomes(pennyroute.folder / "outcomes.jsonl", rows=130)
    ran = pennyroute.ok("train", "outcomes.jsonl", "--out", "trained", "--holdout", "0.1")
    assert "held out; evaluate and tune need at least 50" in ran.out
    assert "pennyroute evaluate" not in ran.out
    assert "pennyroute tune" not in ran.out


def test_an_artifact_is_replaced_only_when_asked_and_its_held_out_rows_go(pennyroute: Pennyroute):
    _outcomes(pennyroute.folder / "outcomes.jsonl", rows=200)
    again = ("train", "outcomes.jsonl", "--out", "trained")
    assert "Replaced" not in pennyroute.ok(*again, "--holdout", "0.5", "--replace").out
    held = pennyroute.folder / "trained" / "holdout.jsonl"
    before = held.read_bytes()
    said = pennyroute.refused(*again)
    assert "the artifact trained-" in said
    assert "--replace" in said
    assert "holdout.jsonl goes with it" in said
    assert held.read_bytes() == before
    ran = pennyroute.ok(*again, "--replace")
    assert "that was there; its holdout.jsonl is gone, for its rows may have been learned now." in ran.out
    assert not held.exists()
    (pennyroute.folder / "trained" / "weights.npz").write_bytes(b"none")
    assert "the manifest.json of an earlier training" in pennyroute.refused(*again)


def test_the_prior_is_the_shipped_artifact_none_or_one_of_ones_own(pennyroute: Pennyroute):
    _outcomes(pennyroute.folder / "outcomes.jsonl")
    assert "prior: " in pennyroute.ok("train", "outcomes.jsonl", "--out", "alone", "--prior", "none").out
    pennyroute.ok("train", "outcomes.jsonl", "--out", "after", "--prior", "alone")
    said = pennyroute.refused("train", "outcomes.jsonl", "--out", "o", "--prior", "nowhere")
    assert "nowhere" in said


def test_bad_rows_are_named_and_with_strict_the_first_one_stops_it(pennyroute: Pennyroute):
    outcomes = pennyroute.folder / "outcomes.jsonl"
    _outcomes(outcomes)
    with outcomes.open("a") as file:
        file.write('{"id": 1, "query": "no scores"}\n')
    assert "outcomes.jsonl, line 121" in pennyroute.ok("train", "outcomes.jsonl", "--out", "trained").err
    assert "line 121" in pennyroute.refused("train", "outcomes.jsonl", "--out", "strict", "--strict")


def test_outcomes_that_cannot_be_used_are_refused(pennyroute: Pennyroute):
    missing = pennyroute.refused("train", "nowhere.jsonl", "--out", "o")
    assert "nowhere.jsonl: cannot be read (No such file or directory)" in missing
    missing = pennyroute.refused("train", "nowhere.parquet", "--out", "o")
    assert "cannot be read" in missing
    assert "Errno" not in missing
    (pennyroute.folder / "few.jsonl").write_text("not json\n")
    assert "at least" in pennyroute.refused("train", "few.jsonl", "--out", "o")
    (pennyroute.folder / "a.csv").write_text("x\n")
    assert 'no column is called "query"' in pennyroute.refused("train", "a.csv", "--out", "o")
    (pennyroute.folder / "a.txt").write_text("x\n")
    assert ".jsonl" in pennyroute.refused("train", "a.txt", "--out", "o")
    assert "directory" in pennyroute.refused("train", ".", "--out", "o")
    assert "--out" in pennyroute.refused("train", "few.jsonl", code=2)
    assert "--holdout" in pennyroute.refused("train", "few.jsonl", "--out", "o", "--holdout", "2", code=2)
