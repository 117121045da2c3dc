"""`pennyroute replay` from the command line: what it prints, and what it refuses in clear words."""

import json

import pytest

from tests.classifiers.outcome_rows import rows, written
from tests.cli.running import CONFIG, Pennyroute


@pytest.fixture
def outcomes(configured: Pennyroute) -> str:
    """Forty outcomes in a file beside the configuration."""
    return str(written(configured.folder / "outcomes.jsonl", rows(40, seed=9)))


def test_two_thresholds_side_by_side(configured: Pennyroute, outcomes: str):
    ran = configured.ok(
        "replay", outcomes, "--threshold", "A:default=0", "--threshold", "B:default=1", columns=160
    )
    assert "A: pennyroute.yaml, default at 0" in ran.out
    assert "B: pennyroute.yaml, default at 1" in ran.out
    assert "-100.00 [-100.00, -100.00]" in ran.out
    assert "40 queries change tier; the first 20" in ran.out
    assert "row-19" in ran.out
    assert "row-20" not in ran.out
    assert "Nobody was called." in ran.out


def test_json_has_everything_and_changes_go_to_a_file(configured: Pennyroute, outcomes: str):
    there = configured.folder / "changes.jsonl"
    words = ("--threshold", "A:default=0", "--threshold", "B:default=1", "--json", "--show", "3")
    found = configured.ok("replay", outcomes, *words, "--changes", str(there)).json
    assert found["queries"] == 40
    assert found["sides"]["A"]["share_to_large"] == 1
    assert found["sides"]["B"]["share_to_large"] == 0
    assert found["sides"]["A"]["cost_usd"] is None  # the large model's costs are not recorded
    assert found["sides"]["B"]["cost_usd"] == "0.004"
    compared = found["comparison"]
    assert compared["changed"] == 40
    assert len(compared["changes"]) == 3
    assert compared["cost_usd"] is None
    assert compared["quality"]["low"] < compared["quality"]["value"] < compared["quality"]["high"]
    written_there = [json.loads(line) for line in there.read_text().splitlines()]
    assert len(written_there) == 40
    assert written_there[:3] == compared["changes"]
    assert {one["A"]["reason"] for one in written_there} == {"at_or_above_threshold"}


def test_two_configurations_are_compared(configured: Pennyroute, outcomes: str):
    other = configured.folder / "other.yaml"
    other.write_text(CONFIG.replace("threshold: 0.12", "threshold: 1"))
    found = configured.ok(
        "replay", outcomes, "--config", "pennyroute.yaml", "--config", "other.yaml", "--json"
    ).json
    assert set(found["sides"]) == {"A", "B"}
    assert found["sides"]["B"]["reasons"] == {"below_threshold": 40}


def test_bad_rows_are_counted_and_shown_and_the_rest_is_replayed(configured: Pennyroute, outcomes: str):
    bad = configured.folder / "bad.jsonl"
    bad.write_text("nonsense\n{}\n")
    ran = configured.ok("replay", outcomes, str(bad), "--json")
    assert ran.json["queries"] == 40
    assert ran.json["bad_rows"] == 2
    assert "not replayed: bad.jsonl, line 1: not JSON" in ran.err
    assert 'bad.jsonl, line 2: needs either "query"' in ran.err


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_where_every_row_is_bad_it_fails(configured: Pennyroute, words: tuple[str, ...]):
    (configured.folder / "bad.jsonl").write_text('nonsense\n{"query": "\\ud800"}\n')
    ran = configured("replay", "bad.jsonl", *words)
    assert (ran.code, ran.out) == (1, "")
    assert "not replayed: bad.jsonl, line 2: has half a surrogate pair" in ran.err
    assert "error: not one of 2 rows can be replayed" in ran.err


def test_no_text_of_a_query_is_shown(configured: Pennyroute):
    query = "a secret about the lantern"
    path = configured.folder / "t.jsonl"
    path.write_text(json.dumps({"query": query}) + "\n" + json.dumps({"query": f"\0{query}"}) + "\n")
    ran = configured.ok("replay", str(path), "--threshold", "A:default=0", "--threshold", "B:default=1")
    assert "lantern" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name files of traffic, or give --from-store"),
        (("outcomes.jsonl", "--from-store"), "one of the two"),
        (("none.jsonl",), "none.jsonl"),
        (("outcomes.jsonl", "--config", "none.yaml"), "none.yaml"),
        (("outcomes.jsonl", "--route", "suport"), 'did you mean "support"'),
        (("outcomes.jsonl", "--threshold", "0.2"), "expected ROUTE=T"),
        (("outcomes.jsonl", "--threshold", "default=high"), "expected ROUTE=T"),
        (("outcomes.jsonl", "--threshold", "default=1.5"), "from 0 to 1"),
        (("outcomes.jsonl", "--threshold", "default=nan"), "from 0 to 1"),
        (("outcomes.jsonl", "--threshold", "suport=0.5"), 'did you mean "support"'),
        (("outcomes.jsonl", "--threshold", "recorded"), "for --from-store"),
        (("outcomes.jsonl", "--from", "7d"), "--from is for --from-store"),
        (("outcomes.jsonl", "--changes", "c.jsonl"), "nothing to compare"),
        (("outcomes.jsonl", *("--config", "pennyroute.yaml") * 3), "compares two configurations"),
        (("--from-store", "--from", "yesterday"), "yesterday"),
    ],
)
def test_what_it_cannot_work_with_is_said(
    configured: Pennyroute, outcomes: str, words: tuple[str, ...], said: str
):
    assert outcomes
    assert said in configured.refused("replay", *words)


def test_without_a_configuration_it_says_that_one_is_needed(pennyroute: Pennyroute):
    written(pennyroute.folder / "outcomes.jsonl", rows(3))
    assert "--config" in pennyroute.refused("replay", "outcomes.jsonl")


def test_an_empty_ledger_is_nothing_to_replay(configured: Pennyroute):
    assert "There is nothing to replay." in configured.ok("replay", "--from-store").out
