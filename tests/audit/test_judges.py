"""What the service's own judges give for an answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.audit.agreement import AgreementJudge, agreement, words
from router.audit.judge import Unjudged
from router.audit.missing import Missing
from router.audit.pattern import PatternJudge
from router.audit.schema import SchemaJudge, meets, validator_of
from router.outcomes.record import Scores
from tests.audit.pairs import a_pair

SAME = [
    ("Paris", "**paris**."),
    ("The answer is 1,234.50.", "the answer is 1234.5"),
    ("- one\n- two", "* one * two"),
    ("`x = 5`", "x = 5"),
    ("007", "7"),
    ("don't", "don\u2019t"),
    ("\uff21\uff22\uff23", "abc"),
    ("STRASSE", "stra\u00dfe"),
    ("1'000'000 people", "1_000_000 people"),
    ("\u2212 5 and \u22125", "- 5 and -5"),
]
DIFFERENT = [("5", "-5"), ("3.14", "3.15"), ("yes", "no"), ("\u2713", "\u2717"), ("", "Paris"), ("10", "100")]


@pytest.mark.parametrize(("answer", "reference"), SAME)
def test_what_differs_in_form_only_agrees_wholly(answer: str, reference: str):
    assert agreement(answer, reference) == agreement(reference, answer) == 1.0


@pytest.mark.parametrize(("answer", "reference"), DIFFERENT)
def test_what_says_something_else_does_not_agree_at_all(answer: str, reference: str):
    assert agreement(answer, reference) == 0.0


def test_what_agrees_in_part_is_worth_the_f1_of_its_words():
    assert agreement("The capital is Paris", "The capital is Lyon") == 2 * 3 / (4 + 4)
    assert agreement("Paris", "The capital is Paris") == 2 * 1 / (1 + 4)
    assert agreement("Paris Paris", "Paris") == 2 * 1 / (2 + 1)  # each as often as in both
    assert agreement("b a", "a b") == 1.0


def test_letters_of_scripts_without_spaces_are_words_of_their_own():
    assert words("\u6771\u4eac\u3067\u3059") == ["\u6771", "\u4eac", "\u3067", "\u3059"]
    assert agreement("\u6771\u4eac\u3067\u3059", "\u6771\u4eac") == pytest.approx(2 / 3)


def test_marks_alone_agree_where_they_are_the_same_but_for_white_space():
    assert agreement(" \u2713\n", "\u2713") == 1.0
    assert agreement("", " ") == 1.0


@given(st.text(), st.text())
def test_agreement_is_a_share_and_goes_both_ways(one: str, other: str):
    found = agreement(one, other)
    assert 0.0 <= found <= 1.0
    assert found == agreement(other, one)
    assert agreement(one, one) == 1.0


async def test_the_large_answer_is_worth_1_where_agreement_judges():
    assert await AgreementJudge().scores(a_pair("Lyon", "Paris")) == Scores(small=0.0, large=1.0)
    assert await AgreementJudge().scores(a_pair("paris!", "Paris")) == Scores(small=1.0, large=1.0)


async def test_a_pattern_may_be_anywhere_unless_it_is_anchored():
    assert await PatternJudge("Paris").scores(a_pair("It is Paris.", "Lyon")) == Scores(small=1.0, large=0.0)
    assert await PatternJudge("^Paris$").scores(a_pair("It is Paris.", "Paris")) == Scores(
        small=0.0, large=1.0
    )


@pytest.mark.parametrize("pattern", [r"^(\w+\s?)*$", r"(x+x+)+y"])
async def test_a_pattern_that_would_never_end_is_given_up_and_unknown_is_not_zero(pattern: str):
    with pytest.raises(Unjudged) as caught:
        await PatternJudge(pattern).scores(a_pair("x" * 19_000 + "!", "x y"))
    assert caught.value.missing is Missing.JUDGE_TIMEOUT


@pytest.mark.parametrize("judge", [PatternJudge("a"), SchemaJudge({}), AgreementJudge()])
async def test_what_is_longer_than_a_judge_reads_has_no_score(judge: Any):
    for pair in (a_pair("a" * 20_001, "a"), a_pair("a", "a" * 20_001)):
        with pytest.raises(Unjudged) as caught:
            await judge.scores(pair)
        assert caught.value.missing is Missing.TOO_LONG


CITY = {
    "type": "object",
    "required": ["city"],
    "properties": {"city": {"type": "string", "pattern": "^[A-Z]"}, "rivers": {"uniqueItems": True}},
    "additionalProperties": False,
}
MEETS = ['{"city": "Paris"}', ' \n{"city": "Paris", "rivers": [1, true, "1", [1]]}\n']
MEETS_NOT = [
    "",
    "Paris",
    '```json\n{"city": "Paris"}\n```',
    '{"city": "paris"}',
    '{"city": 5}',
    '{"city": "Paris"}, so it is',
    '{"city": "Paris", "rivers": [1, 1.0]}',
    '{"city": "Paris", "rivers": [{"a": 1, "b": 2}, {"b": 2.0, "a": 1}]}',
    '{"city": "Paris", "more": NaN}',
    '{"city": "Paris", "more": 1e999}',
    "[" * 19_000,
    "9" * 10_000,
]


@pytest.mark.parametrize("text", MEETS)
def test_what_meets_a_schema(text: str):
    assert meets(validator_of(CITY), text)


@pytest.mark.parametrize("text", MEETS_NOT)
def test_what_does_not_meet_a_schema_whatever_else_it_is(text: str):
    assert not meets(validator_of(CITY), text)


async def test_each_answer_meets_the_schema_or_not_by_itself():
    judge = SchemaJudge(CITY)
    assert await judge.scores(a_pair("Paris", MEETS[0])) == Scores(small=0.0, large=1.0)
    assert await judge.scores(a_pair(MEETS[1], MEETS[0])) == Scores(small=1.0, large=1.0)


async def test_a_pattern_in_a_schema_is_given_up_as_well():
    judge = SchemaJudge({"pattern": r"^(\w+\s?)*$"})
    with pytest.raises(Unjudged) as caught:
        await judge.scores(a_pair('"' + "x" * 19_000 + '!"', '"x"'))
    assert caught.value.missing is Missing.JUDGE_TIMEOUT


def test_many_items_that_differ_are_found_to_differ_at_once():
    items = ",".join(str(number) if number % 2 else f'"{number}"' for number in range(3_000))
    assert meets(validator_of({"uniqueItems": True}), f"[{items}]")


def test_a_schema_says_its_own_draft():
    old = {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]}
    assert meets(validator_of(old), '["a", 1]')
    assert not meets(validator_of(old), "[1]")


def test_references_within_a_schema_are_followed():
    schema = {"$ref": "#/$defs/city", "$defs": {"city": {"type": "string"}}}
    assert meets(validator_of(schema), '"Paris"')
    assert not meets(validator_of(schema), "5")


async def test_many_slow_patterns_together_have_the_time_of_one():
    """Each of these takes about a quarter of a second and then meets the schema."""
    judge = SchemaJudge({"items": {"not": {"pattern": "(.*a){20}b"}}})
    slow = '"' + "a" * 90 + '"'
    with pytest.raises(Unjudged) as caught:
        await judge.scores(a_pair(f"[{','.join([slow] * 200)}]", "[]"))
    assert caught.value.missing is Missing.JUDGE_TIMEOUT
