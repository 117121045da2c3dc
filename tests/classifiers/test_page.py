"""docs/classifier.md says what the shipped manifest and the code say."""

import json
import re
from pathlib import Path

import pytest

from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED
from classifiers.figures import with_figures
from classifiers.outcomes import read_outcomes
from classifiers.part import READ_CHARS
from classifiers.train import LEAST_ROWS, QUALITY_TO_KEEP, THRESHOLD_GRID

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "classifier.md").read_text(encoding="utf-8")
WORDS = " ".join(PAGE.split())
MANIFEST = read_artifact(SHIPPED).manifest


def test_the_pages_figures_are_the_manifests():
    assert with_figures(PAGE, MANIFEST) == PAGE


def test_a_page_without_a_place_for_figures_is_refused():
    with pytest.raises(ValueError, match="the page needs"):
        with_figures("# The classifier", MANIFEST)


def test_numbers_in_its_sentences_are_those_of_the_code_and_the_manifest():
    routed = MANIFEST["out_of_fold"]["grouped"]["at_default_threshold"]
    gap = routed["always_large"] - routed["always_small"]
    for sentence in (
        f"the shipped one's is **{MANIFEST['default_threshold']:g}**",
        f"the highest of {THRESHOLD_GRID[0]:g}, {THRESHOLD_GRID[1]:g} … {THRESHOLD_GRID[-1]:.2f} at",
        f"at least {QUALITY_TO_KEEP:.0%}".replace("%", " %"),
        f"the average gap between the two models is about {gap:.2f}",
        f"On {MANIFEST['data']['rows']:,} recorded outcomes",
        f"longer than {READ_CHARS:,} characters the first and the last {READ_CHARS // 2:,} are read",
        f"prior** ({MANIFEST['head']['blend']['steady_free']:g} of a standard deviation)",
        f"At least {LEAST_ROWS} rows",
    ):
        assert sentence in WORDS


def test_its_example_of_an_outcome_is_one(tmp_path: Path):
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    path = tmp_path / "example.jsonl"
    path.write_text(json.dumps(json.loads(example[1])) + "\n", encoding="utf-8")
    read = read_outcomes([path], strict=True)
    assert [row.id for row in read.rows] == ["t-1"]


def test_what_it_says_about_everyday_prompts_is_what_was_measured():
    said = (ROOT / "benchmarks/results/classifier_everyday.txt").read_text(encoding="utf-8")
    right = {"plain": 0, "hard": 0}
    total = {"plain": 0, "hard": 0}
    for kind, good, of in re.findall(r"(plain|hard): (\d+) of (\d+)", said):
        right[kind] += int(good)
        total[kind] += int(of)
    assert f"of {total['plain']} plain everyday prompts" in WORDS
    assert f"of {total['hard']} hard ones" in WORDS
    assert f"with it {right['plain']} and {right['hard']}" in WORDS
