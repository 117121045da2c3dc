"""Classifiers are judged on outcomes they did not learn from."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.classifiers.evaluation.apart import rows_apart as rows
from tests.classifiers.outcome_rows import written
from tests.cli.running import Pennyroute

KEYS = ("n", "small", "large", "apgr", "cpt50", "cpt80", "cpt95", "share_at_95pct_quality")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `trained`, which learned one half of outcomes.jsonl; to be copied."""
    folder = tmp_path_factory.mktemp("learned")
    priced = [row | {"large": row["large"] | {"cost_usd": 0.002}} for row in rows(400, seed=3)]
    written(folder / "outcomes.jsonl", priced)
    Pennyroute(folder).ok("train", "outcomes.jsonl", "--out", "trained", "--holdout", "0.5")
    return folder


@pytest.fixture
def with_artifact(learned: Path, pennyroute: Pennyroute) -> Pennyroute:
    """The command beside `trained` and outcomes.jsonl."""
    shutil.copytree(learned, pennyroute.folder, dirs_exist_ok=True)
    return pennyroute


def test_a_classifier_is_judged_on_what_was_held_out(with_artifact: Pennyroute):
    asked = ("evaluate", "--classifier", "trained", "trained/holdout.jsonl")
    shown: dict[str, Any] = with_artifact.ok(*asked, "--json").json
    assert all(isinstance(shown[key], int | float) for key in KEYS)
    held = len((with_artifact.folder / "trained/holdout.jsonl").read_text().splitlines())
    assert shown["n"] + shown["dropped"]["learned_from"] == held
    assert shown["n"] > 0.9 * held
    assert set(shown["baselines"]) == {
        "random",
        "length",
        "always_small",
        "always_large",
        "best_single",
        "oracle",
    }
    assert shown["aiq"]["axis"] == "usd"
    assert shown["cost_at_equal_quality"][0]["cost_per_1k_usd"]["value"] > 0
    ran = with_artifact.ok(*asked, "--by", "category", columns=80)
    assert f"{shown['n']:,} rows that no classifier learned from" in ran.out
    for words in ("APGR", "false", "unnecessary", "oracle", "What equal quality costs", "prove a bound for"):
        assert words in ran.out
    assert with_artifact.ok(*asked, "--json").out == with_artifact.ok(*asked, "--json").out


def test_rows_it_learned_from_are_left_out_and_if_nothing_is_left_it_refuses(with_artifact: Pennyroute):
    ran = with_artifact.ok("evaluate", "--classifier", "trained", "outcomes.jsonl")
    assert "a classifier learned from them or from near-copies of them" in ran.err
    lines = (with_artifact.folder / "outcomes.jsonl").read_text().splitlines(keepends=True)
    held = set((with_artifact.folder / "trained/holdout.jsonl").read_text().splitlines(keepends=True))
    (with_artifact.folder / "learned.jsonl").write_text("".join(line for line in lines if line not in held))
    said = with_artifact.refused("evaluate", "--classifier", "trained", "learned.jsonl")
    assert "0 rows are left to judge by" in said
    assert "--holdout" in said


def test_several_are_compared_and_the_shipped_one_goes_by_its_name(with_artifact: Pennyroute):
    shown = with_artifact.ok(
        "evaluate", "--classifier", "trained", "--classifier", "shipped", "trained/holdout.jsonl", "--json"
    ).json
    assert len(shown["classifiers"]) == 2
    assert shown["classifiers"][1]["classifier"].startswith("default-")
    assert shown["differences"][0]["minus"] == shown["classifiers"][1]["classifier"]


def test_bad_rows_are_named_and_with_strict_the_first_stops_it(with_artifact: Pennyroute):
    holdout = with_artifact.folder / "trained/holdout.jsonl"
    first = json.loads(holdout.read_text().splitlines()[0])
    with holdout.open("a") as file:
        file.write("not json\n" + json.dumps(first) + "\n")
    bad = holdout.read_text().splitlines().index("not json") + 1
    asked = ("evaluate", "--classifier", "trained", "trained/holdout.jsonl")
    ran = with_artifact.ok(*asked, "--json")
    assert f"not used: holdout.jsonl, line {bad}: not JSON" in ran.err
    assert "left out 1 rows: they stand in the files twice" in ran.err
    assert ran.json["bad_rows"]["count"] == 1
    assert f"line {bad}" in with_artifact.refused(*asked, "--strict")


def test_where_there_is_no_gap_it_says_so_in_place_of_a_figure(with_artifact: Pennyroute):
    even = [row | {"large": row["small"]} for row in rows(80, seed=8)]
    written(with_artifact.folder / "even.jsonl", even)
    asked = ("evaluate", "--classifier", "trained", "even.jsonl")
    shown = with_artifact.ok(*asked, "--json").json
    assert (shown["apgr"], shown["cpt50"]) == (None, None)
    assert "large is no better than small" in shown["reason"]
    ran = with_artifact.ok(*asked, columns=80)
    assert "No APGR: large is no better than small" in ran.out
    assert "no gap" in ran.out


def test_what_cannot_be_judged_is_refused(pennyroute: Pennyroute):
    written(pennyroute.folder / "some.jsonl", rows(60))
    assert "made by `train`" in pennyroute.refused("evaluate", "--classifier", "nowhere", "some.jsonl")
    assert "nowhere.jsonl" in pennyroute.refused("evaluate", "--classifier", "shipped", "nowhere.jsonl")
    assert "--classifier" in pennyroute.refused("evaluate", "some.jsonl", code=2)
    assert "--by" in pennyroute.refused(
        "evaluate", "--classifier", "shipped", "some.jsonl", "--by", "x", code=2
    )
