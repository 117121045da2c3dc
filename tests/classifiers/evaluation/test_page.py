"""docs/evaluate.md names what the command prints."""

import re
from pathlib import Path

from classifiers.evaluation.files import LEAST_ROWS, Question, evaluate
from classifiers.evaluation.resamples import RESAMPLES
from classifiers.outcome_files import ENDINGS
from classifiers.train import TrainingReport
from tests.classifiers.evaluation.apart import rows_apart as rows
from tests.classifiers.outcome_rows import written

PAGE = (Path(__file__).parents[3] / "docs" / "evaluate.md").read_text(encoding="utf-8")


def test_every_figure_it_names_is_printed(trained: TrainingReport, tmp_path: Path):
    made = [row | {"large": row["large"] | {"cost_usd": 0.1}} for row in rows(90, seed=99)]
    found = evaluate(
        Question([trained.directory], [written(tmp_path / "made.jsonl", made)], resamples=9)
    ).as_json()
    table = PAGE.split("### What the figures mean")[1].split("\n\n")[1]
    named = re.findall(r"`([a-z_0-9]+)`", table)
    assert len(named) > 25
    printed = {*found, *found["routed"], *found["aiq"], *found["baselines"]}
    assert set(named) <= printed
    assert {"reason", "unfamiliar"} <= printed


def test_its_numbers_and_endings_are_those_of_the_code():
    assert f"{RESAMPLES:,} resamples" in PAGE
    assert f"fewer than {LEAST_ROWS} rows left" in PAGE
    for ending in ENDINGS:
        assert f"`{ending}`" in PAGE
