"""Example outcomes are outcomes like any other, the same every time, and say of themselves that they are made up."""

import json
from collections import Counter
from pathlib import Path

from classifiers.outcomes import read_outcomes
from router.demo.outcomes import example_outcomes, write_example_outcomes
from tests.cli.running import Pennyroute


def test_they_are_read_as_outcomes_without_a_bad_row(tmp_path: Path):
    write_example_outcomes(tmp_path / "outcomes.jsonl", rows=300)
    read = read_outcomes([tmp_path / "outcomes.jsonl"])
    assert (len(read.rows), read.bad, read.notes) == (300, [], [])
    assert {(row.small_model, row.large_model) for row in read.rows} == {("offline/small", "offline/large")}
    assert all(row.small_cost_usd is not None and row.large_cost_usd is not None for row in read.rows)
    assert {row.judged_by for row in read.rows} == {"example"}


def test_the_same_seed_gives_the_same_bytes_and_another_others(tmp_path: Path):
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        write_example_outcomes(file, rows=50, seed=seed)
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other


def test_hard_kinds_of_query_are_those_where_the_small_model_fails():
    rows = list(example_outcomes(2_000))
    lost: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for row in rows:
        lost[row["category"]] += row["large"]["score"] - row["small"]["score"]
        count[row["category"]] += 1
    assert lost["reasoning"] / count["reasoning"] > 0.4
    assert lost["errand"] / count["errand"] < 0.1


def test_the_command_writes_them_and_says_that_they_are_made_up(tmp_path: Path):
    pennyroute = Pennyroute(tmp_path)
    said = pennyroute.ok("outcomes", "example", "some.jsonl", "--rows", "20").out
    assert "20 made-up outcomes" in said
    lines = (pennyroute.folder / "some.jsonl").read_text().splitlines()
    assert [json.loads(line)["judged_by"] for line in lines] == ["example"] * 20
    assert "cannot be written" in pennyroute.refused("outcomes", "example", "no/where.jsonl")
    (pennyroute.folder / "mine.jsonl").write_text("mine\n")
    assert "is there already" in pennyroute.refused("outcomes", "example", "mine.jsonl")
    assert (pennyroute.folder / "mine.jsonl").read_text() == "mine\n"
