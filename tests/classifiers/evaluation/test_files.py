"""Artifacts and outcome files in, figures out; never on rows that were learned from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifiers.artifact import read_artifact
from classifiers.errors import ArtifactError, OutcomeError
from classifiers.evaluation.files import LEAST_ROWS, Question, evaluate
from classifiers.facts import QueryFacts
from classifiers.overlap import seen
from classifiers.train import Choice, TrainingReport, train
from tests.classifiers import outcome_rows
from tests.classifiers.evaluation.apart import rows_apart as rows
from tests.classifiers.outcome_rows import written

FEW = 50


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    """An artifact that learned one half of 600 rows and left the other in holdout.jsonl."""
    place = tmp_path_factory.mktemp("halves")
    return train(
        [written(place / "made.jsonl", rows(600, seed=5))], place / "artifact", choice=Choice(holdout=0.5)
    )


def asked(halves: TrainingReport, *outcomes: Path, **more: Any) -> dict[str, Any]:
    question = Question([halves.directory], outcomes, resamples=FEW, **more)
    return evaluate(question).as_json()


def test_what_was_held_out_is_judged_and_what_was_learned_from_is_left_out(halves: TrainingReport):
    holdout = halves.directory / "holdout.jsonl"
    whole = halves.directory.parent / "made.jsonl"
    alone, both = asked(halves, holdout), asked(halves, whole)
    assert alone["n"] + alone["dropped"]["learned_from"] == halves.held_out
    assert alone["n"] > 0.95 * halves.held_out
    assert both["n"] + both["dropped"]["learned_from"] == halves.rows + halves.held_out
    assert {name: both[name] for name in ("n", "small", "apgr", "cpt80")} == {
        name: alone[name] for name in ("n", "small", "apgr", "cpt80")
    }
    assert alone["apgr"] > 0.55
    assert alone["intervals"]["apgr"][0] < alone["apgr"] < alone["intervals"]["apgr"][1]


def test_copies_in_other_words_of_space_and_case_are_left_out_too(halves: TrainingReport, tmp_path: Path):
    artifact = read_artifact(halves.directory)
    learned = [row for row in rows(600, seed=5) if seen(artifact, [QueryFacts(row["query"])])[0]]
    loud = [row | {"query": f"  {row['query'].upper()} !"} for row in learned]
    with pytest.raises(
        OutcomeError, match=f"0 rows are left .*{len(loud)} are rows that a classifier learned"
    ):
        asked(halves, written(tmp_path / "loud.jsonl", loud))


def test_too_few_rows_are_refused_with_the_reasons(halves: TrainingReport, tmp_path: Path):
    few = rows(LEAST_ROWS - 1, seed=77)
    path = written(tmp_path / "few.jsonl", [*few, few[0], {"id": "bad"}])
    with pytest.raises(OutcomeError) as refused:
        asked(halves, path)
    said = str(refused.value)
    assert said.startswith(
        f"{LEAST_ROWS - 1} rows are left to judge by, evaluation needs at least {LEAST_ROWS}"
    )
    assert "1 stand twice" in said
    assert "1 could not be read, first: few.jsonl, line 51: " in said
    with pytest.raises(OutcomeError, match=r"few\.jsonl, line 51"):
        asked(halves, path, strict=True)


def test_no_artifact_is_refused(tmp_path: Path):
    with pytest.raises(ArtifactError, match="cannot be read"):
        evaluate(Question([tmp_path], [written(tmp_path / "some.jsonl", rows(60))]))


def test_rows_without_a_text_are_judged_by_the_difficulty_that_served_them(
    halves: TrainingReport, tmp_path: Path
):
    learned = read_artifact(halves.directory)
    artifact = learned.classifier
    some = rows(130, seed=9)
    new = ~seen(learned, [QueryFacts(row["query"]) for row in some])
    made = [row for row, fresh in zip(some, new.tolist(), strict=True) if fresh][:120]
    served = [
        {name: value for name, value in row.items() if name != "query"}
        | {"difficulty": artifact.score(QueryFacts(row["query"])), "classifier": artifact.id}
        for row in made
    ]
    told = asked(halves, written(tmp_path / "served.jsonl", served))
    read = asked(halves, written(tmp_path / "read.jsonl", made))
    for name in ("n", "small", "large", "apgr", "cpt50", "share_at_95pct_quality", "routed"):
        assert told[name] == read[name]
    assert "length" not in told["baselines"]
    others = written(tmp_path / "others.jsonl", [row | {"classifier": "another"} for row in served])
    with pytest.raises(OutcomeError, match="120 were scored by another classifier"):
        asked(halves, others)


def test_what_was_compared_when_a_query_was_served_comes_before_what_its_text_scores(
    halves: TrainingReport, tmp_path: Path
):
    id_ = read_artifact(halves.directory).classifier.id
    made = rows(300, seed=9)
    served = [
        row | {"difficulty": 0.2 + 0.2 * (row["large"]["score"] - row["small"]["score"]), "classifier": id_}
        for row in made
    ]
    told = asked(halves, written(tmp_path / "served.jsonl", served))
    read = asked(halves, written(tmp_path / "read.jsonl", made))
    assert told["n"] == read["n"]
    assert told["apgr"] > 0.85 > read["apgr"]  # it was served by the very gap
    strange = [row | {"classifier": "another"} for row in served]
    assert asked(halves, written(tmp_path / "other.jsonl", strange))["apgr"] == read["apgr"]


def test_several_classifiers_are_judged_on_the_same_rows(
    halves: TrainingReport, trained: TrainingReport, tmp_path: Path
):
    fresh = written(
        tmp_path / "fresh.jsonl", [*rows(200, seed=21), *outcome_rows.rows(40, seed=0)]
    )  # 40 that `trained` knows
    found = evaluate(Question([halves.directory, trained.directory], [fresh], resamples=FEW)).as_json()
    first, second = found["classifiers"]
    assert first["n"] == second["n"] == found["n"]
    assert found["dropped"]["learned_from"] >= 40
    assert (first["apgr"], found["classifier"]) == (
        found["apgr"],
        halves.manifest["name"] + first["classifier"][-16:],
    )
    difference = found["differences"][0]
    assert (difference["of"], difference["minus"]) == (first["classifier"], second["classifier"])
    assert difference["apgr"]["value"] == pytest.approx(first["apgr"] - second["apgr"], abs=2e-6)
    assert [one["minus"] for one in found["differences"][1:]] == list(found["baselines"])


def test_of_a_query_that_a_judge_and_a_hand_scored_the_hand_counts(halves: TrainingReport, tmp_path: Path):
    judged = rows(120, seed=71, judged_by="judge")
    agreed = [row | {"judged_by": "hand"} for row in judged[:30]]
    other = [row | {"judged_by": "hand", "small": row["small"] | {"score": 0.25}} for row in judged[30:60]]
    both = asked(halves, written(tmp_path / "both.jsonl", [*judged, *agreed, *other]), by="judged_by")
    alone = asked(halves, written(tmp_path / "alone.jsonl", [*agreed, *other, *judged[60:]]))
    assert both["dropped"] == alone["dropped"] | {"judged_by_hand_too": 60}
    assert {name: both[name] for name in ("n", "small", "large", "apgr", "intervals")} == {
        name: alone[name] for name in ("n", "small", "large", "apgr", "intervals")
    }
    assert set(both["by"]["judged_by"]) == {"hand", "judge"}


@pytest.mark.parametrize("by", ["category", "file", "judged_by"])
def test_groups_are_judged_on_their_own(halves: TrainingReport, tmp_path: Path, by: str):
    made = rows(200, seed=31)
    some = written(tmp_path / "a.jsonl", [row | {"judged_by": "hand"} for row in made[:90]])
    others = written(tmp_path / "b.jsonl", [row | {"id": f"b{at}"} for at, row in enumerate(made[90:])])
    groups = asked(halves, some, others, by=by)["by"][by]
    assert sum(one["n"] for one in groups.values()) == asked(halves, some, others)["n"]
    if by == "judged_by":
        assert set(groups) == {"hand", "(none)"}
    if by == "file":
        assert set(groups) == {"a", "b"}


def test_a_group_where_large_is_no_better_says_so(halves: TrainingReport, tmp_path: Path):
    made = rows(120, seed=41)
    for row in made[:60]:
        row |= {"category": "even", "large": row["small"]}
    even = asked(halves, written(tmp_path / "made.jsonl", made), by="category")["by"]["category"]["even"]
    assert even["apgr"] is None
    assert even["reason"].startswith("large is no better than small")


def test_the_order_of_rows_and_files_changes_nothing(halves: TrainingReport, tmp_path: Path):
    made = rows(150, seed=51)
    order = np.random.default_rng(0).permutation(len(made))
    straight = asked(halves, written(tmp_path / "one.jsonl", made))
    mixed = asked(halves, written(tmp_path / "two.jsonl", [made[at] for at in order]))
    assert straight == mixed


def test_unfamiliar_rows_are_routed_to_large(halves: TrainingReport, tmp_path: Path):
    made = rows(60, seed=61)
    strange = [
        row | {"query": f"zq{at}x vv{at}k wjj{at} qq{at} xx{at}z pzz{at} kk{at}w"}
        for at, row in enumerate(made)
    ]
    found = asked(halves, written(tmp_path / "strange.jsonl", strange))
    artifact = read_artifact(halves.directory).classifier
    away = sum(not artifact.is_familiar(QueryFacts(row["query"])) for row in strange)
    assert found["unfamiliar"] == away
    assert found["routed"]["large_share"]["value"] >= away / found["n"] - 1e-6
