"""Tuning by the command: the frontier, floors, budgets, worths, and what may be put in force."""

import contextlib
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from classifiers import load_artifact
from classifiers.artifact import read_artifact
from classifiers.facts import QueryFacts
from classifiers.overlap import seen
from classifiers.train import Choice, train
from router.cli.main import main
from router.demo.outcomes import example_outcomes
from router.tuning.amounts import usd
from tests.cli.running import CONFIG, Pennyroute, Ran

ROWS = 1_000
KEYS = {
    "threshold",
    "certified",
    "lower_bound",
    "large_share",
    "cost_per_1k_usd",
    "savings",
    "labels_needed",
    "n",
    "dropped",
    "method",
    "floor",
    "confidence",
    "provisional",
    "certificate",
    "frontier",
    "best_single",
    "applied",
}
FLOOR = ("--floor", "0.9")

Change = Callable[[dict[str, Any]], dict[str, Any] | None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `outcomes.jsonl` of the configured models, and `trained`, which learned from half of it.

    Its `holdout.jsonl` is what of the rest is near no row of that half: made-up queries are much alike.
    """
    folder = tmp_path_factory.mktemp("trained")
    lines = [json.dumps(_of_our_models(row)) + "\n" for row in example_outcomes(ROWS, seed=3)]
    (folder / "outcomes.jsonl").write_text("".join(lines))
    train([folder / "outcomes.jsonl"], folder / "trained", choice=Choice(holdout=0.6, name="ours"))
    apart = (folder / "trained" / "holdout.jsonl").read_text().splitlines(keepends=True)
    facts = [QueryFacts(json.loads(line)["query"]) for line in apart]
    near = seen(read_artifact(folder / "trained"), facts)
    (folder / "holdout.jsonl").write_text(
        "".join(line for line, is_near in zip(apart, near, strict=True) if not is_near)
    )
    return folder


class Here(Pennyroute):
    """The same commands in this process: to start one of their own takes longer than what most of them do."""

    def __call__(self, *words: str, given: bytes = b"", columns: int = 120, **environ: str) -> Ran:
        assert given == b""
        out, err = io.StringIO(), io.StringIO()
        around = self.env(COLUMNS=str(columns), **environ)
        with (
            contextlib.chdir(self.folder),
            patch.dict(os.environ, around, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(words)
        return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture
def tuning(configured: Pennyroute, trained: Path) -> Pennyroute:
    """The command beside the trained classifier, which its configuration names, and the holdout."""
    folder = configured.folder
    (folder / "trained").symlink_to(trained / "trained")
    (folder / "outcomes.jsonl").symlink_to(trained / "outcomes.jsonl")
    (folder / "holdout.jsonl").symlink_to(trained / "holdout.jsonl")
    configure(configured)
    return Here(folder)


def configure(command: Pennyroute, route: str = "threshold: 0.12", classifier: str = "trained") -> None:
    """The usual configuration with the trained classifier and another `default` route."""
    text = CONFIG.replace("threshold: 0.12", route)
    (command.folder / "pennyroute.yaml").write_text(f"classifier: {classifier}\n{text}")


def _of_our_models(row: dict[str, Any]) -> dict[str, Any]:
    row["small"]["model"], row["large"]["model"] = "tiny", "big"
    return row


def changed(command: Pennyroute, name: str, change: Change) -> str:
    """The holdout with each row changed (or left out), in a file of that name."""
    lines = (command.folder / "holdout.jsonl").read_text().splitlines()
    rows = [change(json.loads(line)) for line in lines]
    (command.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows if row))
    return name


def tune(command: Pennyroute, *words: str, outcomes: str = "holdout.jsonl", **more: Any) -> Any:
    """What it says as JSON."""
    return command.ok("tune", "--classifier", "trained", outcomes, *words, "--json", **more).json


def in_force(command: Pennyroute, route: str = "default") -> Any:
    return command.ok("threshold", "show", route, "--format", "json").json


def holdout(command: Pennyroute) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (command.folder / "holdout.jsonl").read_text().splitlines()]


def test_a_floor_is_certified_and_what_is_printed_is_what_the_threshold_does(tuning: Pennyroute):
    found = tune(tuning, *FLOOR, "--confidence", "0.95")
    assert found.keys() >= KEYS
    assert found["certified"] is True
    assert found["lower_bound"] >= 0.9
    assert found["labels_needed"] == 0
    rows = holdout(tuning)
    classifier = load_artifact(tuning.folder / "trained")
    difficulty = np.array(classifier.effective_many([QueryFacts(row["query"]) for row in rows]))
    large = difficulty >= found["threshold"]
    costs = [
        row["large" if to_large else "small"]["cost_usd"] for row, to_large in zip(rows, large, strict=True)
    ]
    always = np.mean([row["large"]["cost_usd"] for row in rows])
    assert found["n"] == len(rows)
    assert found["large_share"] == np.mean(large)
    assert found["cost_per_1k_usd"] == pytest.approx(1_000 * np.mean(costs))
    assert found["savings"] == pytest.approx(1 - np.mean(costs) / always)
    for point in found["frontier"]:
        assert point["large_share"] == np.mean(difficulty >= point["threshold"])
    assert found["threshold"] in [point["threshold"] for point in found["frontier"]]


def test_the_certificate_names_what_it_is_of(tuning: Pennyroute):
    found = tune(tuning, *FLOOR)
    proof = found["certificate"]
    assert re.fullmatch(r"crt_[0-9a-f]{12}", proof["id"])
    assert (proof["small"], proof["large"]) == ("tiny", "big")
    assert proof["classifier"] == found["classifier"]
    assert (proof["floor"], proof["confidence"]) == (0.9, 0.95)
    assert proof["threshold"] == found["threshold"]
    assert proof["source"].startswith("holdout.jsonl sha256:")
    assert found["provisional"] is proof["provisional"] is False


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_fits_the_window(tuning: Pennyroute, columns: int):
    said = tuning.ok("tune", "--classifier", "trained", "holdout.jsonl", *FLOOR, columns=columns)
    table = said.out.split("Of best:")[0].splitlines()[1:]
    assert all(len(line) <= columns for line in table)
    assert "0.0%" in said.out
    assert any(line.startswith(" → ") for line in table)
    assert "Certified: threshold" in said.out
    assert "Nothing was changed" in said.out
    assert said.err == ""


def test_rows_that_were_learned_from_are_left_out_and_counted(tuning: Pennyroute):
    held_out = len(holdout(tuning))
    found = tune(tuning, *FLOOR, outcomes="outcomes.jsonl")
    assert found["n"] == held_out
    assert found["dropped"]["learned_from"] == ROWS - held_out
    assert found["frontier"] == tune(tuning, *FLOOR)["frontier"]
    said = tuning.ok("tune", "--classifier", "trained", "outcomes.jsonl", *FLOOR)
    assert f"left out {ROWS - held_out} rows: the classifier learned from them" in said.err


def test_nothing_is_tuned_on_training_data_alone(tuning: Pennyroute):
    kept_apart = {row["id"] for row in holdout(tuning)}
    lines = (tuning.folder / "outcomes.jsonl").read_text().splitlines()
    learned = [line for line in lines if json.loads(line)["id"] not in kept_apart]
    (tuning.folder / "learned.jsonl").write_text("\n".join(learned))
    said = tuning.refused("tune", "--classifier", "trained", "learned.jsonl", *FLOOR)
    assert "0 rows are left" in said
    assert "learned from" in said
    assert "--holdout" in said


def test_a_file_given_twice_counts_once(tuning: Pennyroute):
    once = tune(tuning, *FLOOR)
    twice = tuning.ok(
        "tune", "--classifier", "trained", "holdout.jsonl", "holdout.jsonl", *FLOOR, "--json"
    ).json
    assert twice["n"] == once["n"] == twice["dropped"]["repeated"]


def test_too_few_data_are_an_answer_that_says_how_many_more_and_what_is_in_force(tuning: Pennyroute):
    few = changed(tuning, "few.jsonl", lambda row: row if int(row["id"].split("-")[1]) < 120 else None)
    words = ("--floor", "0.99", "--confidence", "0.999")
    found = tune(tuning, *words, outcomes=few)
    assert (found["certified"], found["threshold"], found["certificate"]) == (False, None, None)
    assert (found["large_share"], found["savings"]) == (1.0, 0.0)
    assert found["labels_needed"] is None or found["labels_needed"] > 0
    said = tuning.ok("tune", "--classifier", "trained", few, *words).out
    assert "Not certified" in said
    assert "labels" in said
    assert "everything to the large model" in said


def test_what_is_not_certified_is_not_applied(tuning: Pennyroute):
    few = changed(tuning, "few.jsonl", lambda row: row if int(row["id"].split("-")[1]) < 120 else None)
    ran = tuning(
        *("tune", "--classifier", "trained", few, "--floor", "0.99", "--confidence", "0.999"),
        *("--route", "default", "--apply", "--json"),
    )
    assert ran.code == 1
    assert ran.json["applied"] is None
    assert "nothing was applied" in ran.err
    assert in_force(tuning)["version"] == 0


@pytest.mark.usefixtures("embedded")
def test_apply_puts_the_threshold_in_force_with_its_certificate_and_rollback_takes_it_back(
    tuning: Pennyroute,
):
    apply = (*FLOOR, "--route", "default", "--apply")
    found = tune(tuning, *apply, LOGNAME="ada")
    now = in_force(tuning)
    assert now == found["applied"] | {"holds": True, "why_not": None}
    assert (now["threshold"], now["certificate"]) == (found["threshold"], found["certificate"])
    assert (now["set_by"], now["version"]) == ("ada", 2)
    assert now["certificate"]["id"] in now["reason"]
    said = tuning.ok("tune", "--classifier", "trained", "holdout.jsonl", *apply).out
    assert "In force now: default:" in said
    assert "threshold rollback default" in said
    tuning.ok("threshold", "rollback", "default", "--to-version", "1")
    assert (in_force(tuning)["threshold"], in_force(tuning)["certificate"]) == (0.12, None)
    tuning.ok("threshold", "rollback", "default", "--to-version", "2")
    assert in_force(tuning)["certificate"] == found["certificate"]


def test_the_certificate_has_the_configured_names_of_models_that_outcomes_call_by_the_provider_s(
    tuning: Pennyroute,
):
    def upstream(row: dict[str, Any]) -> dict[str, Any]:
        row["small"]["model"], row["large"]["model"] = "tiny-1", "big-1"
        return row

    found = tune(
        tuning, *FLOOR, "--route", "default", "--apply", outcomes=changed(tuning, "up.jsonl", upstream)
    )
    assert (found["certificate"]["small"], found["certificate"]["large"]) == ("tiny", "big")


@pytest.mark.parametrize("other", ["gpt-9", ""])
def test_outcomes_of_other_models_prove_nothing_of_a_route(tuning: Pennyroute, other: str):
    def renamed(row: dict[str, Any]) -> dict[str, Any]:
        row["large"]["model"] = other
        return row

    words = ("tune", "--classifier", "trained", changed(tuning, "other.jsonl", renamed), *FLOOR)
    said = tuning.refused(*words, "--route", "default", "--apply")
    assert "tiny (tiny-1) and big (big-1)" in said
    assert (other or "(not named)") in said
    assert in_force(tuning)["version"] == 0


def test_outcomes_of_several_pairs_are_tuned_but_certify_no_single_one(tuning: Pennyroute):
    def renamed(row: dict[str, Any]) -> dict[str, Any]:
        if row["id"].endswith("1"):
            row["large"]["model"] = "huge"
        return row

    found = tune(tuning, *FLOOR, outcomes=changed(tuning, "pairs.jsonl", renamed))
    assert found["certified"] is True
    assert found["certificate"] is None
    assert len(found["models"]) == 2
    said = tuning.ok("tune", "--classifier", "trained", "pairs.jsonl", *FLOOR).out
    assert "several pairs of models" in said


def test_a_threshold_of_another_classifier_than_the_service_has_is_refused(tuning: Pennyroute):
    (tuning.folder / "pennyroute.yaml").write_text(CONFIG)
    said = tuning.refused(
        "tune", "--classifier", "trained", "holdout.jsonl", *FLOOR, "--route", "default", "--apply"
    )
    assert "the service decides with classifier" in said
    assert "ours+sha256:" in said


def test_a_route_s_own_floor_is_the_least_that_counts_there(tuning: Pennyroute):
    configure(tuning, "quality_floor: 0.9")
    apply = ("--route", "default", "--apply")
    words = ("tune", "--classifier", "trained", "holdout.jsonl")
    assert "--floor 0.9" in tuning.refused(*words, "--floor", "0.85", *apply)
    budget = ("--monthly-usd", "500", "--requests", "100000")
    assert "only a threshold with a certificate" in tuning.refused(*words, *budget, *apply)
    assert tune(tuning, *FLOOR, *apply)["applied"]["certificate"]["floor"] == 0.9


def test_a_route_that_weighs_worth_takes_no_threshold(tuning: Pennyroute):
    configure(tuning, "value_usd: 0.02")
    words = ("tune", "--classifier", "trained", "holdout.jsonl", "--route", "default", "--apply")
    assert "value_usd" in tuning.refused(*words, *FLOOR)
    assert "value_usd" in tuning.refused(*words, "--monthly-usd", "500", "--requests", "1000")


def test_a_route_or_a_classifier_that_is_not_there_is_named(tuning: Pennyroute):
    words = ("tune", "--classifier", "trained", "holdout.jsonl", *FLOOR, "--apply")
    assert 'did you mean "default"' in tuning.refused(*words, "--route", "defalt")
    assert "nowhere" in tuning.refused("tune", "--classifier", "nowhere", "holdout.jsonl", *FLOOR)
    assert "cannot be read" in tuning.refused("tune", "--classifier", "trained", "none.jsonl", *FLOOR)


def test_a_budget_buys_a_threshold_without_a_certificate(tuning: Pennyroute):
    words = ("--monthly-usd", "90", "--requests", "100000", "--route", "default", "--apply")
    found = tune(tuning, *words)
    assert found["budget"]["month_usd"] < found["budget"]["month_at_most_usd"] <= 90
    assert found["budget"]["month_usd"] == pytest.approx(found["cost_per_1k_usd"] * 100)
    assert (found["certified"], found["certificate"], found["lower_bound"]) == (False, None, None)
    now = in_force(tuning)
    assert (now["threshold"], now["certificate"]) == (found["threshold"], None)
    assert "90 USD" in now["reason"]
    assert "no certificate" in now["reason"]
    said = tuning.ok("tune", "--classifier", "trained", "holdout.jsonl", *words[:4]).out
    assert "lowest within 90 USD" in said
    assert "no certificate" in said


def test_a_budget_that_all_small_is_over_says_so_and_is_not_applied(tuning: Pennyroute):
    words = (
        "tune",
        "--classifier",
        "trained",
        "holdout.jsonl",
        "--monthly-usd",
        "0.5",
        "--requests",
        "100000",
    )
    ran = tuning.ok(*words)
    assert "Over budget" in ran.out
    ran = tuning(*words, "--route", "default", "--apply")
    assert ran.code == 1
    assert "nothing was applied" in ran.err
    assert in_force(tuning)["version"] == 0


def test_a_worth_is_set_beside_what_it_competes_with_and_is_never_applied(tuning: Pennyroute):
    found = tune(tuning, "--value-usd", "0.02")
    assert found["threshold"] is None
    worth = found["worth"]
    assert worth["rule"]["large_share"] == found["large_share"]
    net = 1_000 * 0.02 * worth["rule"]["quality"]["value"] - worth["rule"]["cost_per_1k_usd"]
    assert worth["rule"]["net_usd_per_1k"] == pytest.approx(net)
    singles = [worth[name]["net_usd_per_1k"] for name in ("always_small", "always_large")]
    assert worth["best_fixed"]["net_usd_per_1k"] >= max(singles) - 1e-9
    words = ("tune", "--classifier", "trained", "holdout.jsonl", "--value-usd", "0.02")
    said = tuning.ok(*words).out
    assert "best fixed threshold" in said
    assert "value_usd: 0.02" in said
    ran = tuning(*words, "--route", "default", "--apply")
    assert ran.code == 1
    assert "value_usd: 0.02" in ran.err
    assert in_force(tuning)["version"] == 0


def test_unknown_costs_are_shown_as_unknown_and_only_floors_work_without(tuning: Pennyroute):
    def free(row: dict[str, Any]) -> dict[str, Any]:
        row["large"]["cost_usd"] = None
        return row

    file = changed(tuning, "unknown.jsonl", free)
    found = tune(tuning, *FLOOR, outcomes=file)
    assert found["certified"] is True
    assert (found["cost_per_1k_usd"], found["savings"], found["priced"]) == (None, None, 0)
    words = ("tune", "--classifier", "trained", file)
    assert "unknown" in tuning.ok(*words, *FLOOR).out
    assert "unknown" in tuning.refused(*words, "--monthly-usd", "9", "--requests", "9")
    assert "unknown" in tuning.refused(*words, "--value-usd", "9")


def test_where_some_costs_are_known_it_says_on_how_many_rows_money_rests(tuning: Pennyroute):
    def some(row: dict[str, Any]) -> dict[str, Any]:
        if row["id"].endswith(("1", "2", "3")):
            row["small"]["cost_usd"] = None
        return row

    found = tune(tuning, *FLOOR, outcomes=changed(tuning, "some.jsonl", some))
    assert 0 < found["priced"] < found["n"]
    said = tuning.ok("tune", "--classifier", "trained", "some.jsonl", *FLOOR).out
    assert f"Costs are of the {found['priced']} of {found['n']} rows" in said


def test_rows_without_a_text_count_where_this_very_classifier_scored_them(tuning: Pennyroute):
    classifier = load_artifact(tuning.folder / "trained")

    def textless(row: dict[str, Any]) -> dict[str, Any]:
        query = row.pop("query")
        (row["difficulty"],) = classifier.effective_many([QueryFacts(query)])
        row["classifier"] = "another+sha256:00000000" if row["id"].endswith("7") else classifier.id
        return row

    file = changed(tuning, "textless.jsonl", textless)
    found = tune(tuning, *FLOOR, outcomes=file)
    another = found["dropped"]["scored_by_another"]
    assert another == sum(row["id"].endswith("7") for row in holdout(tuning)) > 0
    assert found["n"] == len(holdout(tuning)) - another
    assert "scored by another classifier" in tuning.ok("tune", "--classifier", "trained", file, *FLOOR).err


def test_shares_and_bounds_are_of_the_traffic_that_weights_stand_for(tuning: Pennyroute):
    def drawn(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "weight": 4.0 if row["category"] == "errand" else 1.0}

    plain = tune(tuning, *FLOOR)
    weighted = tune(tuning, *FLOOR, outcomes=changed(tuning, "weighted.jsonl", drawn))
    assert weighted["always_small"]["quality"]["value"] > plain["always_small"]["quality"]["value"]
    assert weighted["large_share"] == pytest.approx(weighted["certificate"]["large_share"])
    assert "weights" in weighted["method"]
    assert "weights" not in plain["method"]


def test_where_everything_is_unfamiliar_nothing_goes_to_small(tuning: Pennyroute):
    id_ = load_artifact(tuning.folder / "trained").id

    def unfamiliar(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "query": None, "difficulty": 1.0, "classifier": id_}

    found = tune(tuning, *FLOOR, outcomes=changed(tuning, "far.jsonl", unfamiliar))
    assert (found["certified"], found["threshold"], found["large_share"]) == (False, None, 1.0)
    assert found["unfamiliar"] == found["n"]
    assert [point["large_share"] for point in found["frontier"]] == [1.0]


def test_where_all_difficulties_are_equal_it_is_all_or_nothing(tuning: Pennyroute):
    id_ = load_artifact(tuning.folder / "trained").id

    def equal(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "query": None, "difficulty": 0.2, "classifier": id_}

    found = tune(tuning, "--floor", "0.5", outcomes=changed(tuning, "equal.jsonl", equal))
    assert [point["large_share"] for point in found["frontier"]] == [1.0, 0.0]
    assert found["large_share"] in {1.0, 0.0}


def test_a_judge_s_scores_alone_are_provisional_until_a_sample_is_scored_by_hand(tuning: Pennyroute):
    def judged(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "judged_by": "judge"}

    def by_hand(row: dict[str, Any]) -> dict[str, Any] | None:
        return {**row, "judged_by": "hand"} if int(row["id"].split("-")[1]) % 2 else None

    words = ("tune", "--classifier", "trained", changed(tuning, "judged.jsonl", judged), *FLOOR)
    found = tuning.ok(*words, "--json").json
    assert found["provisional"] is found["certificate"]["provisional"] is True
    assert "Provisional" in tuning.ok(*words).out
    changed(tuning, "hand.jsonl", by_hand)
    assert "scored by hand" in tuning.ok(*words, "--hand", "hand.jsonl").out
    named = tuning.ok(*words, "--hand", "hand.jsonl", "--json").json
    assert named["hand_scored"] == len((tuning.folder / "hand.jsonl").read_text().splitlines())
    assert (named["provisional"], named["n"]) == (False, found["n"])
    both = (tuning.folder / "judged.jsonl").read_text() + (tuning.folder / "hand.jsonl").read_text()
    (tuning.folder / "both.jsonl").write_text(both)
    among = tune(tuning, *FLOOR, outcomes="both.jsonl")
    for key in ("hand_scored", "n", "certified", "threshold", "lower_bound"):
        assert among[key] == named[key]


@pytest.mark.parametrize(
    ("judge", "provisional"), [("agreement", True), ("schema", False), ("regex", False), ("import", False)]
)
def test_an_opinion_is_provisional_and_a_definition_of_right_is_not(
    tuning: Pennyroute, judge: str, *, provisional: bool
):
    def judged(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "judged_by": judge}

    found = tune(tuning, *FLOOR, outcomes=changed(tuning, "judged.jsonl", judged))
    assert (found["certified"], found["provisional"]) == (True, provisional)


def test_the_certificate_carries_by_how_much_people_corrected_the_judge(tuning: Pennyroute):
    """The judge fails every fifth small answer that people find right; people looked at every third row."""

    def judged(row: dict[str, Any]) -> dict[str, Any]:
        small = {**row["small"], "score": 0.0} if _number(row) % 5 == 0 else row["small"]
        return {**row, "judged_by": "agreement", "small": small}

    def by_hand(row: dict[str, Any]) -> dict[str, Any] | None:
        return {**row, "judged_by": "hand"} if _number(row) % 3 == 0 else None

    changed(tuning, "hand.jsonl", by_hand)
    words = (*FLOOR, "--hand", "hand.jsonl")
    proof = tune(tuning, *words, outcomes=changed(tuning, "judged.jsonl", judged))["certificate"]
    assert proof["judged_by"] == ["agreement"]
    assert -0.2 < proof["correction"] < 0
    plain = tune(tuning, *FLOOR)["certificate"]
    assert (plain["judged_by"], plain["correction"]) == ([], 0.0)


def _number(row: dict[str, Any]) -> int:
    return int(row["id"].split("-")[1])


def test_what_was_compared_when_a_query_was_served_is_what_is_certified(tuning: Pennyroute):
    """Its text does not say all that serving knew of it, such as the tools that went with it."""
    id_ = load_artifact(tuning.folder / "trained").id

    def served(row: dict[str, Any]) -> dict[str, Any]:
        difficulty = round(0.001 * (_number(row) % 300), 3)
        return {**row, "difficulty": difficulty, "classifier": id_}

    def bare(row: dict[str, Any]) -> dict[str, Any]:
        return {**served(row), "query": None}

    def of_another(row: dict[str, Any]) -> dict[str, Any]:
        return {**served(row), "classifier": "another+sha256:00000000"}

    plain = tune(tuning, *FLOOR)
    with_text = tune(tuning, *FLOOR, outcomes=changed(tuning, "served.jsonl", served))
    assert {point["threshold"] for point in with_text["frontier"]} <= {
        *np.arange(0, 0.3, 0.001).round(3),
        1.0,
    }
    assert with_text["frontier"] != plain["frontier"]
    assert (
        tune(tuning, *FLOOR, outcomes=changed(tuning, "other.jsonl", of_another))["frontier"]
        == plain["frontier"]
    )
    if with_text["dropped"]["learned_from"] == 0:  # rows without a text cannot be found to be near-copies
        alike = tune(tuning, *FLOOR, outcomes=changed(tuning, "bare.jsonl", bare))
        assert alike["frontier"] == with_text["frontier"]


def test_a_decision_in_two_exports_counts_once_by_the_row_read_last(tuning: Pennyroute):
    def decision(row: dict[str, Any], score: float) -> dict[str, Any]:
        small = {**row["small"], "score": score}
        return {**row, "id": f"dec_{_number(row):026d}", "judged_by": "schema", "small": small}

    changed(tuning, "january.jsonl", lambda row: decision(row, 0.0) | {"judged_by": "feedback"})
    changed(tuning, "february.jsonl", lambda row: decision(row, 1.0))
    words = ("tune", "--classifier", "trained", "january.jsonl", "february.jsonl", *FLOOR, "--json")
    both, last = tuning.ok(*words).json, tune(tuning, *FLOOR, outcomes="february.jsonl")
    assert (both["n"], both["dropped"]["repeated"]) == (last["n"], len(holdout(tuning)))
    assert both["frontier"] == last["frontier"]
    assert both["always_small"]["quality"]["value"] == 1.0


def test_rows_that_nobody_drew_are_told_of(tuning: Pennyroute):
    def chosen(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "drawn": _number(row) % 2 == 0}

    notes = tune(tuning, *FLOOR, outcomes=changed(tuning, "chosen.jsonl", chosen))["notes"]
    assert any("were not drawn but scored by somebody's choice" in note for note in notes)
    assert not any("not drawn" in note for note in tune(tuning, *FLOOR)["notes"])


def test_a_biased_judge_is_put_right_by_the_hand_scores(tuning: Pennyroute):
    """The judge finds every small answer right, and no threshold is too high; people know better."""

    def flattered(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "judged_by": "judge", "small": {**row["small"], "score": 1.0}}

    words = ("tune", "--classifier", "trained", changed(tuning, "judged.jsonl", flattered), *FLOOR, "--json")
    believed = tuning.ok(*words).json
    corrected = tuning.ok(*words, "--hand", "holdout.jsonl").json
    assert believed["large_share"] == 0.0
    assert corrected["large_share"] > 0.1
    assert "corrected by hand" in corrected["method"]


def test_hand_scores_of_rows_that_are_not_there_are_counted(tuning: Pennyroute):
    def elsewhere(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "id": f"x{row['id']}"}

    changed(tuning, "hand.jsonl", elsewhere)
    ran = tuning.ok("tune", "--classifier", "trained", "holdout.jsonl", *FLOOR, "--hand", "hand.jsonl")
    assert "scored by hand have no other row of the same id" in ran.err


def test_bad_rows_are_named_and_with_strict_the_first_one_stops_it(tuning: Pennyroute):
    text = (tuning.folder / "holdout.jsonl").read_text()
    (tuning.folder / "bad.jsonl").write_text(f'{text}{{"id": 1, "query": "no scores"}}\n')
    words = ("tune", "--classifier", "trained", "bad.jsonl", *FLOOR)
    line = len(text.splitlines()) + 1
    assert f"bad.jsonl, line {line}" in tuning.ok(*words).err
    assert tuning.ok(*words, "--json").json["bad_rows"]["count"] == 1
    assert f"line {line}" in tuning.refused(*words, "--strict")


@pytest.mark.parametrize(
    "aim", [FLOOR, ("--monthly-usd", "90", "--requests", "100000"), ("--value-usd", "0.02")]
)
def test_the_page_needs_nothing_else_and_quotes_no_query(tuning: Pennyroute, aim: tuple[str, ...]):
    tuning.ok("tune", "--classifier", "trained", "holdout.jsonl", *aim, "--html", "frontier.html")
    text = (tuning.folder / "frontier.html").read_text()
    assert text.count("<svg") == 2
    assert "prefers-color-scheme: dark" in text
    elsewhere = set(re.findall(r"https?://[^\s\"'<)]+", text)) - {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert elsewhere == set()
    assert not any(row["query"] in text for row in holdout(tuning))
    intervals = re.findall(r'data-label="its interval">\[([\d.,]+), ([\d.,]+)\]', text)
    scores = [end for ends in intervals[::2] for end in ends]  # each row has one of quality, one of cost
    assert scores
    assert all(re.fullmatch(r"\d\.\d{3}", end) for end in scores)
    assert all(end == usd(float(end)) for ends in intervals[1::2] for end in ends)
    words = ("tune", "--classifier", "trained", "holdout.jsonl", *aim)
    assert "cannot be written" in tuning.refused(*words, "--html", "no/where.html")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "exactly one"),
        (("--floor", "0.9", "--value-usd", "1"), "exactly one"),
        (("--floor", "0.9", "--monthly-usd", "1", "--requests", "1"), "exactly one"),
        (("--monthly-usd", "1"), "go together"),
        (("--floor", "0.9", "--requests", "1"), "go together"),
        (("--value-usd", "1", "--confidence", "0.9"), "--confidence"),
        (("--floor", "1"), "between 0 and 1"),
        (("--floor", "98"), "between 0 and 1"),
        (("--floor", "nan"), "between 0 and 1"),
        (("--floor", "0.9", "--confidence", "1"), "between 0 and 1"),
        (("--value-usd", "-1"), "above 0"),
        (("--value-usd", "1e300"), "worth more than 1,000,000"),
        (("--monthly-usd", "nan", "--requests", "1"), "above 0"),
        (("--monthly-usd", "1", "--requests", "0"), "--requests"),
        (("--floor", "0.9", "--apply"), "go together"),
        (("--floor", "0.9", "--route", "default"), "go together"),
    ],
)
def test_what_does_not_go_together_is_not_a_command_line(tmp_path: Path, words: tuple[str, ...], said: str):
    ran = Here(tmp_path).refused("tune", "--classifier", "trained", "holdout.jsonl", *words, code=2)
    assert said in ran
