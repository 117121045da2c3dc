"""What the service's own judges give for an answer."""

import asyncio
import json
import re
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


async def test_what_grows_over_the_limit_when_its_forms_are_written_out_has_no_score():
    with pytest.raises(Unjudged) as caught:
        await AgreementJudge().scores(a_pair("\ufdfa" * 20_000, "Paris"))  # 18 letters each
    assert caught.value.missing is Missing.TOO_LONG


async def test_words_are_compared_beside_the_loop_that_answers_callers():
    judging = asyncio.create_task(AgreementJudge().scores(a_pair("word " * 3_000, "other " * 3_000)))
    await asyncio.sleep(0)
    assert not judging.done()
    assert await judging == Scores(small=0.0, large=1.0)


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


OPERATORS = ("and", "or", "not")
EXPRESSION = {
    "$ref": "#/$defs/expression",
    "$defs": {
        "expression": {
            "oneOf": [
                {
                    "properties": {"op": {"const": name}, "arg": {"$ref": "#/$defs/expression"}},
                    "type": "object",
                }
                for name in OPERATORS
            ]
            + [{"type": "boolean"}]
        }
    },
}


def nested(depth: int, operator: str) -> str:
    found: Any = True
    for _ in range(depth):
        found = {"op": operator, "arg": found}
    return json.dumps(found)


@pytest.mark.parametrize("more", [{}, {"$schema": "https://json-schema.org/draft/2020-12/schema"}])
async def test_a_schema_that_refers_to_itself_is_given_up_where_it_asks_too_much(more: dict[str, Any]):
    judge = SchemaJudge({**EXPRESSION, **more})
    assert await judge.scores(a_pair(nested(4, "and"), nested(4, "xor"))) == Scores(small=1.0, large=0.0)
    with pytest.raises(Unjudged) as caught:
        await judge.scores(a_pair(nested(40, "xor"), "true"))
    assert caught.value.missing is Missing.JUDGE_TIMEOUT


async def test_a_draft_that_is_named_does_not_bring_its_own_checks_back():
    """Where a reference leads to the top, the library would take that draft's patterns, which never end."""
    judge = SchemaJudge(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"pattern": r"^(\w+\s?)*$"}],
        }
    )
    with pytest.raises(Unjudged) as caught:
        await judge.scores(a_pair(json.dumps(["x" * 19_000 + "!"]), "[]"))
    assert caught.value.missing is Missing.JUDGE_TIMEOUT


@pytest.mark.parametrize(
    "deep", ["[" * 65 + "]" * 65, '{"a":' * 65 + "1" + "}" * 65, "[" * 9_000 + "]" * 9_000]
)
async def test_what_is_nested_too_deeply_has_no_score(deep: str):
    with pytest.raises(Unjudged) as caught:
        await SchemaJudge({}).scores(a_pair(deep, "[]"))
    assert caught.value.missing is Missing.TOO_DEEP


async def test_what_is_too_deep_for_a_schema_has_no_score():
    steps: dict[str, Any] = {f"s{at}": {"allOf": [{"$ref": f"#/$defs/s{at + 1}"}]} for at in range(100)}
    steps |= {"s100": {"items": {"$ref": "#/$defs/s0"}}}
    judge = SchemaJudge({"$ref": "#/$defs/s0", "$defs": steps})
    with pytest.raises(Unjudged) as caught:
        await judge.scores(a_pair("[" * 60 + "]" * 60, "[]"))
    assert caught.value.missing is Missing.TOO_DEEP


def test_marks_within_texts_are_no_depth():
    assert meets(validator_of({"type": "string"}), json.dumps('[{"\\' * 3_000))
    assert not meets(validator_of({}), '"[')


@pytest.mark.parametrize("draft", ["", "http://json-schema.org/draft-07/schema#"])
def test_anchors_and_a_name_at_the_top_are_followed(draft: str):
    named = {"$id": "https://example.com/city", "$defs": {"city": {"type": "string"}}}
    schema = {
        **named,
        "properties": {"city": {"$ref": "#/$defs/city"}},
        **({"$schema": draft} if draft else {}),
    }
    assert meets(validator_of(schema), '{"city": "Paris"}')
    assert not meets(validator_of(schema), '{"city": 5}')
    anchored = {"$ref": "#city", "$defs": {"city": {"$anchor": "city", "type": "string"}}}
    assert not meets(validator_of(anchored), "5")


ENDLESS = "a $ref leads back to where it stands without going into the value: that never ends"
AT_THE_TOP = "is taken at the top only"
REFUSED = [
    ({"$ref": "#"}, ENDLESS),
    ({"anyOf": [{"type": "string"}, {"$ref": "#"}]}, ENDLESS),
    ({"properties": {"a": {"if": {}, "then": {"$ref": "#/properties/a"}}}}, ENDLESS),
    ({"$dynamicAnchor": "here", "not": {"$dynamicRef": "#here"}}, ENDLESS),
    ({"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": "#"}, ENDLESS),
    ({"$defs": {"a": {"$id": "other", "$ref": "#/$defs/b"}, "b": {}}}, AT_THE_TOP),
    ({"items": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}, AT_THE_TOP),
    ({"$schema": "http://json-schema.org/draft-04/schema#", "items": {"id": "other"}}, AT_THE_TOP),
    ({"$ref": "#/enum", "enum": [1]}, "is not of type"),
    ({"$ref": "#/enum/0", "enum": [{"type": "objekt"}]}, "is not valid"),
    ({"$ref": "#/enum/0", "enum": [{"patternProperties": {}}]}, "patternProperties is not taken here"),
    ({"$schema": "https://example.com/mine"}, "names no draft that is known here"),
    ({"$schema": 5}, "names no draft that is known here"),
]


@pytest.mark.parametrize(("schema", "said"), REFUSED)
def test_a_schema_that_would_fail_at_every_answer_is_refused_at_the_start(schema: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        validator_of(schema)


def test_a_schema_that_is_nested_too_deeply_is_refused():
    deep: dict[str, Any] = {}
    for _ in range(3_000):
        deep = {"not": deep}
    with pytest.raises(ValueError, match="nested too deeply"):
        validator_of(deep)


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
