"""Queries are scored line by line, and what is no query is named by its line."""

import json
import subprocess

from classifiers import QueryFacts, default_classifier
from tests.cli.running import Pennyroute

TWO = b'{"id": 7, "query": "What is 2+2?"}\n\n{"id": "b", "query": "Prove it.\\u0000"}\n'


def test_each_line_is_answered_in_order_as_the_shipped_classifier_scores_it(pennyroute: Pennyroute):
    lines = [json.loads(line) for line in pennyroute.ok("score", given=TWO).out.splitlines()]
    assert [line["id"] for line in lines] == [7, "b"]
    assert lines[0]["difficulty"] == default_classifier().score(QueryFacts(text="What is 2+2?"))


def test_nothing_in_is_nothing_out(pennyroute: Pennyroute):
    assert pennyroute.ok("score", given=b"").out == ""


def test_a_line_that_is_no_query_is_named_and_those_before_it_are_answered(pennyroute: Pennyroute):
    for bad in (b"not json\n", b"[1]\n", b'{"query": "x"}\n', b'{"id": 1}\n', b"\xff\xfe\n"):
        ran = pennyroute("score", given=TWO + bad)
        assert ran.code == 1
        assert len(ran.out.splitlines()) == 2
        assert ran.err.startswith("error: line 4: ")
        assert "Traceback" not in ran.err


def test_a_directory_without_an_artifact_is_refused(pennyroute: Pennyroute):
    assert "manifest.json" in pennyroute.refused("score", "--classifier", "nowhere", given=TWO)


def test_a_reader_that_goes_away_ends_it_quietly(pennyroute: Pennyroute):
    process = subprocess.Popen(
        pennyroute.command("score"),
        cwd=pennyroute.folder,
        env=pennyroute.env(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin and process.stdout and process.stderr  # noqa: PT018 - narrows all three
    process.stdin.write(TWO)
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["id"] == 7  # streamed: answered before the input ends
    process.stdout.close()
    process.stdin.write(TWO * 10)
    process.stdin.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(100) == 141
