"""Outcomes are listed, exported, sampled for a person and read back by the command."""

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from classifiers.outcomes import read_outcomes
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores
from router.outcomes.store import Outcomes
from router.routes.thresholds import Thresholds
from router.store.connection import Store
from router.store.keys import ACCOUNTS
from tests.cli.running import Pennyroute
from tests.outcomes.examples import an_outcome, decision_id, in_force, judged


def with_texts(record: OutcomeRecord, text: str = "What is 2 + 2?") -> OutcomeRecord:
    messages = msgspec.Raw(msgspec.json.encode([{"role": "user", "content": text}]))
    return replace(
        record,
        messages=messages,
        small=replace(record.small, output="5"),
        large=replace(record.large, output="4"),
    )


async def stored(store: Store, *records: OutcomeRecord) -> Outcomes:
    outcomes = Outcomes(store)
    for record in records:
        assert await outcomes.put("main", record) is not None
    return outcomes


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_where_there_are_none_it_says_so(configured: Pennyroute):
    assert "no outcomes" in configured.ok("outcomes", "list").err
    assert configured.ok("outcomes", "list", "--format", "json").json == []
    ran = configured.ok("outcomes", "export")
    assert ran.out == ""
    assert "0 rows" in ran.err


async def test_the_newest_are_listed_with_their_scores(configured: Pennyroute, store: Store):
    outcomes = await stored(
        store, judged(1, 0.5, 1.0), an_outcome(2, missing="judge_failed"), judged(3, 1, 1, route="default")
    )
    await outcomes.score("main", decision_id(1), small=0.0, large=1.0, judged_by=JudgedBy.HAND)
    table = configured.ok("outcomes", "list", columns=200).out
    ids = [word for word in table.split() if word.startswith("dec_")]
    assert ids == [decision_id(number) for number in (3, 2, 1)]
    assert "0 / 1" in table
    assert "judge_failed" in table
    found = configured.ok("outcomes", "list", "--route", "support", "--last", "1", "--format", "json").json
    assert [one["id"] for one in found] == [decision_id(2)]


async def test_what_is_exported_is_what_the_other_commands_read(configured: Pennyroute, store: Store):
    made_under = {"certificate": "crt_1"}
    outcomes = await stored(
        store,
        with_texts(judged(1, 0.5, 1.0, by="schema", **made_under)),
        judged(2, 0.25, 0.75),
        an_outcome(3),
        judged(4, 1.0, 1.0, drawn=None, share=1.0, by="feedback"),
        judged(5, 1.0, 1.0, difficulty=None),
    )
    await outcomes.score("main", decision_id(1), small=0.0, large=1.0, judged_by=JudgedBy.HAND)
    for name in ("out.jsonl", "out.jsonl.gz", "out.parquet"):
        out = configured.folder / name
        ran = configured.ok("outcomes", "export", "--out", str(out))
        assert ran.out == ""
        assert "2 rows and 1 scored by hand" in ran.err
        assert "1 outcomes left out: a score is missing" in ran.err
        assert "1 outcomes left out: neither" in ran.err
        assert "1 outcomes left out: nobody drew them" in ran.err
        assert out.stat().st_mode & 0o077 == 0
        read = read_outcomes([out], texts="optional")
        assert not read.bad
        found = {(row.id, row.judged_by): row for row in read.rows}
        assert list(found) == [
            (decision_id(2), "judge"),
            (decision_id(1), "schema"),
            (decision_id(1), "hand"),
        ]
        bare, full, hand = found.values()
        assert (bare.small_score, bare.large_score, bare.weight) == (0.25, 0.75, 50.0)
        assert (bare.small_model, bare.large_model, bare.category) == ("tiny", "big", "support")
        assert (bare.small_cost_usd, bare.large_cost_usd) == (1e-6, 4e-5)
        assert bare.recorded is not None
        assert (bare.recorded.difficulty, bare.recorded.classifier) == (0.05, "clf")
        assert (full.recorded, full.facts.text) == (None, "What is 2 + 2?")
        assert (full.difficulty_by("clf"), full.difficulty_by("another")) == (0.05, None)
        assert (hand.small_score, hand.large_score) == (0.0, 1.0)
        assert all(row.drawn for row in read.rows)
        configured.ok("outcomes", "export", "--undrawn", "--out", str(out))
        by_choice = read_outcomes([out], texts="optional").rows[0]
        assert (by_choice.id, by_choice.judged_by, by_choice.weight) == (decision_id(4), "feedback", 1.0)
        assert not by_choice.drawn
    assert sorted(path.name for path in configured.folder.glob("out*")) == [
        "out.jsonl",
        "out.jsonl.gz",
        "out.parquet",
    ]
    row = next(row for row in lines(configured.folder / "out.jsonl") if row["id"] == decision_id(1))
    assert (row["account"], row["drawn"]) == ("main", True)
    assert (row["certificate"], row["threshold"], row["tier"]) == ("crt_1", 0.12, "small")
    assert row["at"].endswith("+00:00")


async def test_what_is_exported_can_be_narrowed_and_widened(configured: Pennyroute, store: Store):
    now_ms = await store.now_ms()
    await stored(
        store,
        judged(1, 0.5, 1.0, at_ms=now_ms - 3 * 86_400_000),
        judged(2, 0.5, 1.0, route="default", at_ms=now_ms),
        an_outcome(3, missing="busy", at_ms=now_ms),
        judged(4, 0.5, 1.0, drawn=None, share=1.0, at_ms=now_ms),
    )

    def ids(*words: str) -> list[str]:
        said = configured.ok("outcomes", "export", *words).out
        return [json.loads(line)["id"][-1] for line in said.splitlines()]

    assert ids() == ["2", "1"]
    assert ids("--undrawn") == ["4", "2", "1"]
    assert ids("--undrawn", "--from", "2d") == ["4", "2"]
    assert ids("--route", "default") == ["2"]
    assert ids("--incomplete") == ["3", "2", "1"]
    assert ids("--account", "other") == []


async def test_what_a_certificate_speaks_of_is_everybody_s(configured: Pennyroute, store: Store):
    """One route, two accounts: listed, exported, sampled and read back together, or of one of them alone."""
    await store.command("SADD", ACCOUNTS, "acme")
    outcomes = Outcomes(store)
    for number, account in enumerate(("main", "acme", "main", "acme")):
        await outcomes.put(account, with_texts(judged(number, 0.5, 1.0)))

    def accounts_of(text: str) -> list[tuple[str, str]]:
        return [(row["account"], row["id"][-1]) for row in map(json.loads, text.splitlines())]

    of_acme = [("acme", "3"), ("acme", "1")]
    exported = configured.ok("outcomes", "export").out
    assert accounts_of(exported) == [*of_acme, ("main", "2"), ("main", "0")]
    assert accounts_of(configured.ok("outcomes", "export", "--account", "acme").out) == of_acme
    listed = configured.ok("outcomes", "list", "--last", "3", "--format", "json").json
    assert [(one["account"], one["id"][-1]) for one in listed] == [
        ("acme", "3"),
        ("main", "2"),
        ("acme", "1"),
    ]
    assert "acme" in configured.ok("outcomes", "list", columns=200).out
    assert "account" not in configured.ok("outcomes", "list", "--account", "acme", columns=200).out
    configured.ok("outcomes", "sample", "--out", "sample.jsonl")
    sample = configured.folder / "sample.jsonl"
    rows = lines(sample)
    assert sorted(accounts_of(sample.read_text())) == sorted(accounts_of(exported))
    for row in rows:
        row["hand"] = {"small": 0, "large": 1}
    del rows[0]["account"]  # then it is looked for in every account
    rows[1]["account"] = "nobody"
    sample.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    ran = configured.ok("outcomes", "import", str(sample))
    assert "3 scored, 0 unchanged, 0 not filled in, 1 bad" in ran.out
    assert "sample.jsonl, line 2: there is no decision" in ran.err
    of_main = configured.ok("outcomes", "import", str(sample), "--account", "main").out
    assert "0 scored, 2 unchanged, 0 not filled in, 2 bad" in of_main


async def test_a_route_that_is_nowhere_is_refused_before_anything_is_written(
    configured: Pennyroute, store: Store
):
    await stored(store, judged(1, 0.5, 1.0, route="gone"))
    (configured.folder / "out.jsonl").write_text("mine\n")
    for words in (("export", "--out", "out.jsonl"), ("list",)):
        said = configured.refused("outcomes", *words, "--route", "suport")
        assert "is not configured, and has no outcomes" in said
        assert 'did you mean "support"?' in said
        configured.refused("outcomes", *words, "--route", "suport")
    assert (configured.folder / "out.jsonl").read_text() == "mine\n"
    assert configured.ok("outcomes", "export", "--route", "support").out == ""
    assert configured.ok("outcomes", "export", "--route", "gone").out.count("\n") == 1


@pytest.mark.parametrize("name", ["out.csv", "out", "no/such/folder/out.jsonl"])
def test_what_cannot_be_written_is_said(configured: Pennyroute, name: str):
    said = configured.refused("outcomes", "export", "--out", name)
    assert "written" in said


async def test_a_sample_is_drawn_filled_in_and_read_back_beside_the_judges_scores(
    configured: Pennyroute, store: Store
):
    records = [with_texts(judged(number, 0.5, 1.0), f"Question {number}?") for number in range(30)]
    extra = [
        judged(100, 0.5, 1.0),
        with_texts(an_outcome(101)),
        with_texts(judged(102, 1, 1, drawn=None, share=1)),
    ]
    outcomes = await stored(store, *records, *extra)
    out = configured.folder / "sample.jsonl"
    ran = configured.ok("outcomes", "sample", "--n", "10", "--route", "support", "--out", str(out))
    assert "10 of 30 outcomes drawn" in ran.err
    assert "1 more could not be drawn" in ran.err
    rows = lines(out)
    assert len({row["id"] for row in rows}) == 10
    assert all(row["hand"] == {"small": None, "large": None} for row in rows)
    assert all("score" not in row["small"] for row in rows)
    assert (rows[0]["small"]["output"], rows[0]["large"]["output"]) == ("5", "4")
    configured.ok("outcomes", "sample", "--n", "10", "--out", "again.jsonl")
    assert lines(configured.folder / "again.jsonl") == rows
    configured.ok("outcomes", "sample", "--n", "10", "--seed", "1", "--out", "other.jsonl")
    assert lines(configured.folder / "other.jsonl") != rows

    untouched = configured.ok("outcomes", "import", str(out)).out
    assert "0 scored, 0 unchanged, 10 not filled in, 0 bad" in untouched
    for row in rows[:-1]:
        row["hand"] = {"small": 0, "large": 1.0}
    rows[0]["hand"]["small"] = 1.5
    out.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    ran = configured.ok("outcomes", "import", str(out))
    assert "8 scored, 0 unchanged, 1 not filled in, 1 bad" in ran.out
    assert "sample.jsonl, line 1: small.score: expected a number from 0 to 1, got 1.5" in ran.err
    assert "0 scored, 8 unchanged" in configured.ok("outcomes", "import", str(out)).out
    found = await outcomes.get("main", rows[1]["id"])
    assert found is not None
    assert (found.scores, found.judged_by) == (Scores(small=0.5, large=1.0), "judge")
    assert found.hand == Scores(small=0.0, large=1.0)
    configured.ok("outcomes", "sample", "--n", "100", "--out", "rest.jsonl")
    rest = lines(configured.folder / "rest.jsonl")
    assert len(rest) == 22
    assert not {row["id"] for row in rest} & {row["id"] for row in rows[1:-1]}


async def test_without_prompts_or_scores_there_is_no_sample(configured: Pennyroute, store: Store):
    said = configured.refused("outcomes", "sample", "--out", "sample.jsonl")
    assert "no audited outcomes" in said
    await stored(store, judged(1, 0.5, 1.0))
    said = configured.refused("outcomes", "sample", "--route", "support", "--out", "sample.jsonl")
    assert "store_prompts: true" in said
    assert ".jsonl.gz" in configured.refused("outcomes", "sample", "--out", "sample.parquet")
    assert not list(configured.folder.glob("sample*"))


async def test_scores_of_every_form_are_read_and_bad_rows_are_counted_and_shown(
    configured: Pennyroute, store: Store
):
    outcomes = await stored(store, *(an_outcome(number) for number in range(1, 5)))
    rows: list[Any] = [
        {"decision_id": decision_id(1), "score": 0.5},
        {"id": decision_id(2), "small": {"score": 0.25}, "large": {"score": 1}, "judged_by": "feedback"},
        {"id": decision_id(3), "query": "?", "small": {"model": "tiny", "score": 0}, "large": {"score": 1}},
        {"id": decision_id(4), "small": {"score": 0.5}, "judged_by": "judge"},
        {"id": decision_id(4), "small": 0.5},
        {"id": decision_id(4), "score": "1"},
        {"id": decision_id(4), "score": 2},
        {"id": decision_id(9), "score": 1},
        {"id": "mmlu-1", "small": {"score": 0}, "large": {"score": 1}},
        {"score": 1},
        [],
    ]
    file = configured.folder / "scores.jsonl.gz"
    with gzip.open(file, "wt") as out:
        out.writelines(f"{json.dumps(row)}\n" for row in rows)
        out.write('{"id": "x", "score": NaN}\n\nnot json\n')
    ran = configured.ok("outcomes", "import", str(file))
    assert "3 scored, 0 unchanged, 0 not filled in, 10 bad" in ran.out
    for said in (
        "line 4: \"judged_by\" is 'judge'",
        'line 5: "small" should be an object',
        'line 6: "score" should be a number',
        "line 7: score: expected a number from 0 to 1",
        "line 8: there is no decision",
        "line 9: there is no decision 'mmlu-1'",
        'line 10: needs "decision_id"',
        "line 11: not a JSON object",
        "line 12: not JSON (NaN",
        "line 14: not JSON",
    ):
        assert said in ran.err
    first, second, third = [await outcomes.get("main", decision_id(number)) for number in (1, 2, 3)]
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.scores, first.judged_by) == (Scores(small=0.5), "import")
    assert (second.scores, second.judged_by) == (Scores(small=0.25, large=1.0), "feedback")
    assert (third.scores, third.judged_by) == (Scores(small=0.0, large=1.0), "import")
    assert "line 4" in configured.refused("outcomes", "import", str(file), "--strict")
    ran = configured.ok("outcomes", "import", str(file), "--judged-by", "hand")
    assert "4 scored" in ran.out
    fourth = await outcomes.get("main", decision_id(4))
    assert fourth is not None
    assert fourth.hand == Scores(small=0.5)


def test_a_file_that_cannot_be_used_is_said(configured: Pennyroute):
    assert "nowhere.jsonl" in configured.refused("outcomes", "import", "nowhere.jsonl")
    assert ".jsonl.gz" in configured.refused("outcomes", "import", "scores.csv")
    (configured.folder / "bad.jsonl").write_text('{"id": "dec_1", "score": 1}\n')
    ran = configured("outcomes", "import", "bad.jsonl")
    assert ran.code == 1
    assert "no row could be used" in ran.err
    assert "Traceback" not in ran.err


async def test_scores_that_come_in_by_a_file_are_counted_by_the_watch(configured: Pennyroute, store: Store):
    threshold = await in_force(store)
    assert threshold.certificate is not None
    made_under = {"certificate": threshold.certificate.id, "threshold_version": threshold.version}
    await stored(store, *(an_outcome(number, **made_under) for number in range(60)))
    file = configured.folder / "scores.jsonl"
    rows = [{"id": decision_id(number), "small": {"score": 0}, "large": {"score": 1}} for number in range(60)]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    configured.ok("outcomes", "import", str(file), "--judged-by", "hand")
    now = await Thresholds(store).current("support")
    assert now is not None
    assert now.suspended
