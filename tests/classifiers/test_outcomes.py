"""Reading outcomes: what does not fit is counted and named by file and line, never dropped in silence."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from classifiers import QueryFacts
from classifiers.errors import OutcomeError
from classifiers.outcomes import MAX_LINE_BYTES, Recorded, read_outcomes, without_repeats
from tests.classifiers.outcome_rows import rows, written

GOOD = rows(1)[0]
TEXTLESS = {
    "id": "r",
    "difficulty": 0.2,
    "classifier": "c+sha256:1",
    "small": {"score": 0},
    "large": {"score": 1},
}
SCORED = {"model": "m", "score": 1, "cost_usd": None}


@pytest.mark.parametrize("name", ["made.jsonl", "made.jsonl.gz"])
def test_rows_come_in_file_order_with_scores_costs_and_facts(tmp_path: Path, name: str):
    made = rows(30)
    read = read_outcomes([written(tmp_path / name, made)])
    assert not read.bad
    assert [row.id for row in read.rows] == [row["id"] for row in made]
    assert [row.facts for row in read.rows] == [QueryFacts(row["query"]) for row in made]
    assert [row.small_score for row in read.rows] == [row["small"]["score"] for row in made]
    first = read.rows[0]
    assert (first.source, first.small_model, first.large_model) == ("made", "s", "l")
    assert (first.small_cost_usd, first.large_cost_usd) == (0.0001, None)


BAD: list[tuple[Any, str]] = [
    ("{", "not JSON"),
    ("[]", "not a JSON object"),
    ("[" * 100_000, ""),
    (b'{"id": "\xff"}', "utf-8"),
    (json.dumps(GOOD)[:-5], "not JSON"),
    (GOOD | {"query": None}, "needs either"),
    (GOOD | {"small": 0.5}, '"small" should be an object'),
    (GOOD | {"small": {}}, '"small"."score" should be a number from 0 to 1, is None'),
    (GOOD | {"small": {"score": 1.2}}, "is 1.2"),
    (GOOD | {"large": {"score": -0.1}}, '"large"."score"'),
    (GOOD | {"large": {"score": True}}, "is True"),
    (GOOD | {"large": {"score": float("nan")}}, "NaN is no number there"),
    (GOOD | {"large": {"score": "1" * 10_000}}, "…"),
    (GOOD | {"large": SCORED | {"cost_usd": -1}}, "should be a number of dollars or null, is -1"),
    (GOOD | {"large": SCORED | {"cost_usd": 10**400}}, "should be a number of dollars"),
    (GOOD | {"large": SCORED | {"cost_usd": float("inf")}}, "Infinity is no number there"),
    (json.dumps(GOOD)[:-1] + ', "query": "again"}', '"query" stands twice'),
    ('{"query": "q", "small": {"score": 1, "score": 0}, "large": {"score": 1}}', '"score" stands twice'),
    ('{"small": ' + "7" * 5_000 + "}", "too many digits"),
    ('{"a":' * 100_000, "nested too deeply"),
    (GOOD | {"weight": 0}, '"weight" should be a number above 0, is 0'),
    (GOOD | {"weight": "2"}, "\"weight\" should be a number above 0, is '2'"),
    (GOOD | {"judged_by": 3}, '"judged_by" should be a word'),
    (GOOD | {"messages": [{"role": "user", "content": "both"}]}, "needs either"),
    (TEXTLESS | {"difficulty": 1.5}, '"difficulty" should be a number from 0 to 1, is 1.5'),
    (TEXTLESS | {"classifier": ""}, 'needs "classifier"'),
    (TEXTLESS, "nothing to read in it"),
    (
        GOOD | {"difficulty": "hard", "classifier": "c"},
        "\"difficulty\" should be a number from 0 to 1, is 'hard'",
    ),
    (GOOD | {"difficulty": 0.1, "classifier": 7}, 'needs "classifier" beside it'),
    (GOOD | {"drawn": [1]}, '"drawn" should be true or false'),
]


@pytest.mark.parametrize(("bad", "says"), BAD, ids=lambda value: str(value)[:40])
def test_a_bad_row_is_counted_and_named_by_its_line_and_the_others_are_used(
    tmp_path: Path, bad: Any, says: str
):
    line = bad if isinstance(bad, bytes) else (bad if isinstance(bad, str) else json.dumps(bad)).encode()
    good = json.dumps(GOOD).encode()
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join([good, b"", line, b"   ", good]))
    read = read_outcomes([path])
    assert len(read.rows) == 2
    assert [row.line_number for row in read.bad] == [3]
    assert read.bad_summary()[0].startswith("mixed.jsonl, line 3: ")
    assert says in read.bad[0].reason
    assert len(read.bad[0].reason) < 400
    with pytest.raises(OutcomeError, match=r"^mixed\.jsonl, line 3: "):
        read_outcomes([path], strict=True)


def test_an_overlong_line_is_one_bad_row_and_does_not_shift_the_line_numbers(tmp_path: Path):
    path = tmp_path / "long.jsonl"
    good = json.dumps(GOOD)
    path.write_text("\n".join([good, "x" * (2 * MAX_LINE_BYTES + 7), good, "oops", good]))
    read = read_outcomes([path])
    assert len(read.rows) == 3
    assert [(row.line_number, row.reason[:11]) for row in read.bad] == [
        (2, "longer than"),
        (4, "not JSON (E"),
    ]


def test_a_long_list_of_bad_rows_is_cut_and_says_how_many_more(tmp_path: Path):
    path = tmp_path / "bad.jsonl"
    path.write_text("oops\n" * 50)
    summary = read_outcomes([path]).bad_summary()
    assert len(summary) == 21
    assert summary[-1] == "… and 30 more"


def test_line_separators_inside_a_query_do_not_split_its_row(tmp_path: Path):
    row = GOOD | {"query": "one\u2028two\x85three"}
    path = tmp_path / "odd.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False) + "\r\n", encoding="utf-8")
    assert [one.facts.text for one in read_outcomes([path]).rows] == ["one\u2028two\x85three"]


def test_a_row_without_an_id_is_called_by_its_line(tmp_path: Path):
    read = read_outcomes([written(tmp_path / "made.jsonl", [GOOD | {"id": None}, GOOD | {"id": 7}])])
    assert [row.id for row in read.rows] == ["made.jsonl:1", "7"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.jsonl.gz", gzip.compress(b"{}\n" * 10_000, mtime=0)[:-20]),
        ("plain.jsonl.gz", b"{}\n"),
        ("altered.jsonl.gz", gzip.compress(b"{}\n", mtime=0)[:10] + b"\xff" * 20),
        ("rows.csv", b"a,b\n"),
        ("rows.csv", b"query;small_score;large_score\nx;1;1\n"),
        ("rows.csv", b"query,query,small_score,large_score\nx,x,1,1\n"),
        ("quoted.csv", b'"query'),
        ("header.csv", b"query,small_score,large_score\n"),
        ("cut.csv.gz", gzip.compress(b"query,small_score,large_score\n" + b"x,1,1\n" * 9_000, mtime=0)[:-20]),
        ("none.csv", b""),
        ("none.jsonl", b""),
        ("blank.jsonl.gz", gzip.compress(b"\n \n", mtime=0)),
        ("none.parquet", b""),
        ("text.parquet", b"PAR1 and then something else"),
        ("rows.xlsx", b"PK"),
        ("there.jsonl", None),
        ("there.csv", None),
        ("there.parquet", None),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes | None):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OutcomeError, match=name):
        read_outcomes([tmp_path / name])


@pytest.mark.parametrize("name", ["folder.jsonl", "folder.csv", "folder.parquet", "folder"])
def test_a_directory_is_no_file(tmp_path: Path, name: str):
    (tmp_path / name).mkdir()
    with pytest.raises(OutcomeError, match="it is a directory"):
        read_outcomes([tmp_path / name])


def test_weight_provenance_and_a_text_beside_a_difficulty_are_kept(tmp_path: Path):
    given = [
        GOOD | {"weight": 2.5, "judged_by": "hand"},
        GOOD | {"id": "b", "provenance": "judge", "difficulty": 0.3, "classifier": "c"},
        GOOD | {"id": "c"},
    ]
    read = read_outcomes([written(tmp_path / "made.jsonl", given)], texts="optional")
    assert [(row.weight, row.judged_by) for row in read.rows] == [(2.5, "hand"), (1.0, "judge"), (1.0, "")]
    assert [row.recorded for row in read.rows] == [None, None, None]
    assert [row.difficulty_by("c") for row in read.rows] == [None, 0.3, None]


def test_what_another_source_calls_difficulty_is_passed_over(tmp_path: Path):
    read = read_outcomes([written(tmp_path / "made.jsonl", [GOOD | {"difficulty": "hard"}])])
    assert [row.served for row in read.rows] == [None]


@pytest.mark.parametrize("given", [True, False, "true", "False", None])
def test_whether_a_row_was_drawn_is_read_from_json_and_from_a_table(tmp_path: Path, given: object):
    row = read_outcomes([written(tmp_path / "made.jsonl", [GOOD | {"drawn": given}])]).rows[0]
    assert row.drawn == (str(given).lower() != "false")


def test_a_decision_of_the_service_counts_once_by_the_row_read_last(tmp_path: Path):
    id_ = "dec_" + "0" * 26
    first = GOOD | {"id": id_, "judged_by": "feedback"}
    later = first | {"small": SCORED | {"score": 0.25}, "judged_by": "schema"}
    hand = first | {"judged_by": "hand"}
    read = read_outcomes([written(tmp_path / "made.jsonl", [first, hand, later])])
    assert [(row.judged_by, row.small_score) for row in without_repeats(read.rows)] == [
        ("schema", 0.25),
        ("hand", GOOD["small"]["score"]),
    ]


def test_a_row_without_a_text_comes_with_its_difficulty_to_those_who_can_use_it(tmp_path: Path):
    path = written(tmp_path / "made.jsonl", [TEXTLESS, GOOD])
    read = read_outcomes([path], texts="optional")
    assert [row.recorded for row in read.rows] == [Recorded(0.2, "c+sha256:1"), None]
    assert [row.facts.text for row in read.rows] == ["", GOOD["query"]]
    assert [row.line_number for row in read_outcomes([path]).bad] == [1]


def test_rows_that_share_an_id_are_kept_and_noted_and_rows_given_twice_can_be_left_out(tmp_path: Path):
    other = GOOD | {"query": "another"}
    path = written(tmp_path / "made.jsonl", [GOOD, other, GOOD])
    read = read_outcomes([path, path])
    assert len(read.rows) == 6
    assert read.notes == ['5 rows have the id of a row before them (first: "row-0"); all were read']
    once = without_repeats(read.rows)
    assert [row.facts.text for row in once] == [GOOD["query"], "another"]
    assert not read_outcomes([written(tmp_path / "one.jsonl", rows(3))]).notes
