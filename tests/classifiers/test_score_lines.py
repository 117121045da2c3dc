"""`{"id", "query"}` lines in, `{"id", "difficulty"}` lines out, in the same order."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers import QueryFacts, default_classifier
from classifiers.errors import QueryLineError
from classifiers.score_lines import score_lines

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.tuples(any_json, st.text(max_size=100)), max_size=6))
def test_each_line_is_answered_in_order_under_its_own_id(asked: list[tuple[Any, str]]):
    classifier = default_classifier()
    lines = [json.dumps({"id": name, "query": query}) + "\n" for name, query in asked]
    answers = [json.loads(line) for line in score_lines(lines, classifier)]
    assert answers == [
        {"id": name, "difficulty": classifier.score(QueryFacts(query))} for name, query in asked
    ]


def test_a_line_may_hold_a_chat_and_blank_lines_are_passed_over():
    chat = {"id": 1, "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "hello"}]}
    answers = list(score_lines(["\n", json.dumps(chat), "  \n"], default_classifier()))
    assert len(answers) == 1
    assert json.loads(answers[0])["id"] == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", r"line 2: not JSON \("),
        ("[]", "line 2: expected an object with .* found list"),
        ('{"query": "x"}', 'line 2: "id" is missing'),
        ('{"id": 1}', "line 2: needs either"),
        ('{"id": 1, "query": 2}', "line 2: needs either"),
        ("[" * 100_000, "line 2: "),
        ('{"id": 1, "query": "' + "x" * (17 << 20) + '"}', "line 2: longer than"),
    ],
    ids=lambda value: value[:20],
)
def test_a_bad_line_stops_with_its_number_after_those_before_it_were_answered(line: str, says: str):
    answers = score_lines(['{"id": "a", "query": "b"}', line], default_classifier())
    assert json.loads(next(answers))["id"] == "a"
    with pytest.raises(QueryLineError, match=says):
        next(answers)
