"""Outcomes from CSV and Parquet are those of the same rows as JSON lines."""

import csv
import gzip
import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from classifiers.errors import OutcomeError
from classifiers.outcome_files import MAX_LINE_BYTES
from classifiers.outcomes import Outcome, read_outcomes
from tests.classifiers.outcome_rows import rows, written

CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "why is it so?"}]
SAID = {"weight": 2.0, "judged_by": "hand"}


def made(count: int = 300) -> list[dict[str, Any]]:
    """Rows of which the second half are chats."""
    queries = rows(count, **SAID)
    half = count // 2
    chats = [{name: value for name, value in row.items() if name != "query"} for row in queries[half:]]
    return queries[:half] + [row | {"messages": CHAT, "tools": [{"type": "function"}]} for row in chats]


def flat(row: dict[str, Any], mark: str) -> dict[str, Any]:
    """A row whose tiers are columns of their own and whose lists are JSON texts."""
    columns = {name: value for name, value in row.items() if name not in ("small", "large")}
    for name in ("messages", "tools"):
        if name in columns:
            columns[name] = json.dumps(columns[name])
    for tier in ("small", "large"):
        columns |= {f"{tier}{mark}{name}": value for name, value in row[tier].items()}
    return columns


def texts(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose tiers and lists are JSON texts."""
    return {
        name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in row.items()
    }


def csv_text(columns: list[dict[str, Any]], **form: Any) -> bytes:
    file = io.StringIO(newline="")
    names = dict.fromkeys(name for row in columns for name in row)
    writer = csv.DictWriter(file, list(names), **form)
    writer.writeheader()
    writer.writerows(columns)
    return file.getvalue().encode()


def read_bare(path: Path) -> list[Outcome]:
    """What a file says, without where it says it."""
    read = read_outcomes([path], strict=True)
    return [replace(row, source="", line=b"") for row in read.rows]


@pytest.fixture
def expected(tmp_path: Path) -> list[Outcome]:
    return read_bare(written(tmp_path / "made.jsonl", made()))


FORMS = [lambda row: flat(row, "."), lambda row: flat(row, "_"), texts]


@pytest.mark.parametrize("form", FORMS, ids=["dotted", "underscored", "json texts"])
@pytest.mark.parametrize("name", ["made.csv", "MADE.CSV.gz", "made.parquet"])
def test_a_table_says_what_the_same_json_lines_say(
    tmp_path: Path, expected: list[Outcome], form: Any, name: str
):
    columns = [form(row) for row in made()]
    path = tmp_path / name
    if name.endswith("parquet"):
        parquet.write_table(pa.Table.from_pylist(_all_columns(columns)), path, row_group_size=90)
    else:
        text = csv_text(columns)
        path.write_bytes(gzip.compress(text, mtime=0) if name.endswith("gz") else text)
    assert read_bare(path) == expected
    assert read_outcomes([path]).rows[0].source.lower() == "made"


def _all_columns(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = dict.fromkeys(name for row in columns for name in row)
    return [{name: row.get(name) for name in names} for row in columns]


def test_parquet_may_nest_its_tiers_and_messages_and_have_columns_of_other_kinds(
    tmp_path: Path, expected: list[Outcome]
):
    nested = _all_columns([row | {"large.note": 1, "when": b"\x00"} for row in made()])
    parquet.write_table(pa.Table.from_pylist(nested), tmp_path / "made.parquet")
    assert read_bare(tmp_path / "made.parquet") == expected


def test_a_row_of_a_table_comes_with_the_json_line_that_says_the_same(
    tmp_path: Path, expected: list[Outcome]
):
    (tmp_path / "made.csv").write_bytes(csv_text([flat(row, "_") for row in made()]))
    parquet.write_table(pa.Table.from_pylist(_all_columns(made())), tmp_path / "made.parquet")
    for name in ("made.csv", "made.parquet"):
        lines = b"".join(row.line for row in read_outcomes([tmp_path / name]).rows)
        (tmp_path / "again.jsonl").write_bytes(lines)
        assert read_bare(tmp_path / "again.jsonl") == expected


def test_decimals_and_whole_numbers_are_scores_too(tmp_path: Path):
    table = pa.table(
        {"query": ["q"], "small_score": [Decimal("0.25")], "large_score": pa.array([1], pa.int8())}
    )
    parquet.write_table(table, tmp_path / "made.parquet")
    read = read_outcomes([tmp_path / "made.parquet"], strict=True).rows[0]
    assert (read.small_score, read.large_score, read.id) == (0.25, 1.0, "made.parquet:1")
    assert json.loads(read.line)["small"]["score"] == 0.25


BAD_CSV = [
    ("q,1", "2 cells, the header names 3 columns"),
    ("q,1,1,1", "4 cells"),
    ("q,1,1.5", '"large"."score" should be a number from 0 to 1, is 1.5'),
    ("q,nan,1", "is 'nan'"),
    ("q,1_0,1", "is '1_0'"),
    ("q,,1", "is None"),
    (",1,1", "needs either"),
    ('"q" x,1,1', "not CSV"),
    ("\udcff,1,1", "not utf-8"),
    ("x" * (MAX_LINE_BYTES + 5) + ",1,1", "longer than"),
]


@pytest.mark.parametrize(("line", "says"), BAD_CSV, ids=[says for _, says in BAD_CSV])
def test_a_bad_row_of_a_csv_is_named_by_the_line_it_begins_on(tmp_path: Path, line: str, says: str):
    text = f'\ufeffquery,small_score,large_score\r\n"two\r\nlines",1,0\r\n\r\n{line}\r\nlast,0,1\r\n'
    (tmp_path / "made.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    read = read_outcomes([tmp_path / "made.csv"])
    assert [row.facts.text for row in read.rows] == ["two\r\nlines", "last"]
    assert [row.line_number for row in read.bad] == [5]
    assert says in read.bad[0].reason
    assert len(read.bad[0].reason) < 400
    assert str(read.bad[0]).startswith("made.csv, line 5: ")


def test_a_quote_that_nobody_closes_is_a_bad_row(tmp_path: Path):
    (tmp_path / "made.csv").write_text('query,small_score,large_score\na,1,1\n"b,1,1\nc,1,1\n')
    read = read_outcomes([tmp_path / "made.csv"])
    assert [row.facts.text for row in read.rows] == ["a"]
    assert [(row.line_number, row.reason[:7]) for row in read.bad] == [(3, "not CSV")]


def test_a_prompt_longer_than_the_csv_readers_own_bound_is_read(tmp_path: Path):
    long = "word " * 60_000
    (tmp_path / "made.csv").write_bytes(csv_text([{"query": long, "small_score": 1, "large_score": 1}]))
    assert read_outcomes([tmp_path / "made.csv"], strict=True).rows[0].facts.text == long


def test_a_bad_row_of_parquet_is_named_by_its_row(tmp_path: Path):
    queries = pa.array([b"fine", b"\xff", b"fine", b"fine", b"fine"], pa.binary()).view(pa.string())
    table = pa.table(
        {"query": queries, "small": ['{"score": 1}'] * 3 + ["{", None], "large": ['{"score": 1}'] * 5}
    )
    parquet.write_table(table, tmp_path / "made.parquet")
    read = read_outcomes([tmp_path / "made.parquet"])
    assert len(read.rows) == 2
    assert [str(row)[: len("made.parquet, row 2: ")] for row in read.bad] == [
        f"made.parquet, row {row}: " for row in (2, 4, 5)
    ]
    assert "utf-8" in read.bad[0].reason
    assert '"small" is not JSON' in read.bad[1].reason


@pytest.mark.parametrize("keep", [200, -60])
def test_damaged_parquet_is_named(tmp_path: Path, keep: int):
    path = tmp_path / "made.parquet"
    parquet.write_table(pa.Table.from_pylist([flat(row, "_") for row in rows(200)]), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    with pytest.raises(OutcomeError, match=r"made\.parquet: cannot be read"):
        read_outcomes([path])
    path.write_bytes(whole[:40] + b"\xff" * 400 + whole[440:])
    with pytest.raises(OutcomeError, match=r"made\.parquet"):
        read_outcomes([path])


def test_parquet_without_the_columns_or_without_rows_is_named(tmp_path: Path):
    path = tmp_path / "made.parquet"
    parquet.write_table(pa.table({"prompt": ["q"]}), path)
    with pytest.raises(OutcomeError, match='no column is called "query"'):
        read_outcomes([path])
    parquet.write_table(pa.table({"query": ["q"], "small_score": [1]}), path)
    with pytest.raises(OutcomeError, match=r'no column is called "large", "large\.score" or "large_score"'):
        read_outcomes([path])
    parquet.write_table(pa.Table.from_pylist(rows(3)).slice(0, 0), path)
    with pytest.raises(OutcomeError, match="holds no rows"):
        read_outcomes([path])


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_any_text_survives_a_csv(tmp_path_factory: pytest.TempPathFactory, queries: list[str]):
    path = tmp_path_factory.mktemp("csv") / "made.csv"
    path.write_bytes(csv_text([{"query": query, "small_score": 1, "large_score": 0} for query in queries]))
    assert [row.facts.text for row in read_outcomes([path], strict=True).rows] == queries
