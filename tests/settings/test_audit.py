"""The `audit` of a route: what may be written, and what is said of what may not."""

from pathlib import Path
from textwrap import indent

import pytest

from router.audit.terms import AuditTerms
from router.outcomes.record import JudgedBy
from router.setup import set_up
from tests.settings.writing import GOOD, KEYS, check, said, write

THIRD = GOOD.replace("routes:\n", "  third: {provider: anthropic, model: claude-haiku-4-5}\nroutes:\n")


def with_audit(audit: str, base: str = GOOD, more: str = "") -> str:
    """The configuration with an audit in line 7 and below."""
    route = f"routes:\n  default:\n    {{small: tiny, large: big, threshold: 0.12{more},\n"
    return base.partition("routes:\n")[0] + route + indent(f"audit: {audit}}}\n", "     ")


def terms(directory: Path, audit: str) -> AuditTerms:
    path = write(directory, with_audit(audit, THIRD))
    found = set_up(path, KEYS).catalog.routes["default"].audit
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("judge", "by"),
    [
        ("agreement", JudgedBy.AGREEMENT),
        ("feedback", JudgedBy.FEEDBACK),
        ("import", JudgedBy.IMPORT),
        ("{schema: {type: object, required: [answer]}}", JudgedBy.SCHEMA),
        ('{regex: "^[A-D]$"}', JudgedBy.REGEX),
        ("{model: third}", JudgedBy.JUDGE),
    ],
)
def test_a_route_names_its_judge(tmp_path: Path, judge: str, by: JudgedBy):
    assert terms(tmp_path, f"{{share: 0.02, judge: {judge}}}").judge.by is by


def test_what_is_written_arrives(tmp_path: Path):
    found = terms(
        tmp_path,
        "{usd_per_month: 25.5, in_flight: 3, judge: {model: third, criteria: Brevity., output_tokens: 50}}",
    )
    assert (found.share, found.month_nano, found.in_flight) == (None, 25_500_000_000, 3)
    assert (found.judge.model, found.judge.criteria, found.judge.output_tokens) == ("third", "Brevity.", 50)
    schema = terms(tmp_path, "{share: 1, judge: {schema: {type: object}}}")
    assert (schema.share, dict(schema.judge.schema)) == (1.0, {"type": "object"})


def test_a_route_without_an_audit_has_none(tmp_path: Path):
    assert set_up(write(tmp_path, GOOD), KEYS).catalog.routes["default"].audit is None


AUDIT = "routes.default.audit"
WRONG = {
    "no share": (
        "{judge: agreement}",
        f"{AUDIT}: does not say how much is audited; add share: 0.02 or usd_per_month: 25",
    ),
    "two shares": (
        "{share: 0.1, usd_per_month: 5, judge: agreement}",
        (
            f"{AUDIT}.usd_per_month: share and usd_per_month are both set, and each of them says how much is audited; "
            "keep one of them"
        ),
    ),
    "a share of nothing": ("{share: 0, judge: agreement}", f"{AUDIT}.share: must be above 0"),
    "a share of more than all": ("{share: 1.5, judge: agreement}", f"{AUDIT}.share: must be at most 1"),
    "a share in per cent": (
        '{share: "2%", judge: agreement}',
        f"{AUDIT}.share: must be a number, not text; write it without quotes",
    ),
    "free money": ("{usd_per_month: 0, judge: agreement}", f"{AUDIT}.usd_per_month: must be above 0"),
    "no judge": ("{share: 0.1}", f"{AUDIT}.judge: is missing"),
    "a word that is none": (
        "{share: 0.1, judge: agrement}",
        (
            f"{AUDIT}.judge: must be agreement, feedback or import, or {{schema: …}}, {{regex: …}} or {{model: …}}; "
            'did you mean "agreement"?'
        ),
    ),
    "a list of judges": (
        "{share: 0.1, judge: [agreement]}",
        f"{AUDIT}.judge: must be agreement, feedback or import, or {{schema: …}}, {{regex: …}} or {{model: …}}",
    ),
    "an empty judge": ("{share: 0.1, judge: {}}", None),
    "two judges": (
        "{share: 0.1, judge: {regex: a, model: third}}",
        f"{AUDIT}.judge.model: regex and model are both set, and one judge scores; keep one of them",
    ),
    "criteria for a pattern": (
        "{share: 0.1, judge: {regex: a, criteria: Brevity}}",
        f"{AUDIT}.judge.criteria: is for a judge that is a model; leave it out",
    ),
    "a field that is none": (
        "{share: 0.1, judge: {schemas: {type: object}, regex: a}}",
        f'{AUDIT}.judge.schemas: unknown field "schemas"; did you mean "schema"?',
    ),
    "a model that is none": (
        "{share: 0.1, judge: {model: thrid}}",
        f'{AUDIT}.judge.model: model "thrid" is not configured; did you mean "third"?',
    ),
    "half a pattern": (
        '{share: 0.1, judge: {regex: "(a"}}',
        f"{AUDIT}.judge.regex: is no regular expression: missing ) at position 2",
    ),
    "no schema": (
        "{share: 0.1, judge: {schema: {type: objekt}}}",
        (
            f"{AUDIT}.judge.schema: is no JSON Schema that can be checked here: type: 'objekt' is not valid under any of "
            "the given schemas"
        ),
    ),
    "a schema elsewhere": (
        '{share: 0.1, judge: {schema: {"$ref": "https://example.com/answer.json"}}}',
        (
            f"{AUDIT}.judge.schema: is no JSON Schema that can be checked here: $ref 'https://example.com/answer.json' "
            "leads out of the schema; nothing is fetched here"
        ),
    ),
    "a reference to nothing": (
        '{share: 0.1, judge: {schema: {"$ref": "#/$defs/answer"}}}',
        f"{AUDIT}.judge.schema: is no JSON Schema that can be checked here: $ref '#/$defs/answer' leads nowhere",
    ),
    "properties by pattern": (
        "{share: 0.1, judge: {schema: {properties: {a: {patternProperties: {x: {}}}}}}}",
        (
            f"{AUDIT}.judge.schema: is no JSON Schema that can be checked here: patternProperties is not taken here; "
            "propertyNames with a pattern is"
        ),
    ),
    "none in flight": (
        "{share: 0.1, judge: agreement, in_flight: 0}",
        f"{AUDIT}.in_flight: must be at least 1",
    ),
}


@pytest.mark.parametrize("audit", WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, audit: str):
    written, message = WRONG[audit]
    line = 1 + with_audit(written, THIRD).partition("     audit")[0].count("\n")
    checked = check(tmp_path, with_audit(written, THIRD))
    expected = (
        message or f"{AUDIT}.judge: names no judge; add schema, regex or model, or write judge: agreement"
    )
    assert said(checked) == [f"{line}: {expected}"]
    assert checked.settings is None


def test_properties_may_be_called_like_keywords(tmp_path: Path):
    schema = "{properties: {patternProperties: {type: string}, $ref: {enum: [{$ref: elsewhere}]}}}"
    assert terms(tmp_path, f"{{share: 0.1, judge: {{schema: {schema}}}}}").judge.by is JudgedBy.SCHEMA


def test_an_amount_needs_known_prices(tmp_path: Path):
    text = with_audit("{usd_per_month: 5, judge: agreement}", GOOD, ", price: unknown-ok")
    assert said(check(tmp_path, text)) == [
        (
            f"8: {AUDIT}.usd_per_month: an amount can only be kept to with known prices, and the route allows unknown "
            "ones; remove price: unknown-ok, or set a share"
        )
    ]


def test_a_judging_model_needs_a_price_like_those_it_judges(tmp_path: Path):
    text = with_audit(
        "{share: 0.1, judge: {model: third}}",
        THIRD.replace("anthropic, model: claude-haiku-4-5", "openai, model: odd"),
    )
    (problem,) = [
        one
        for one in said(check(tmp_path, text, {**KEYS, "OPENAI_API_KEY": "k"}, priced=False))
        if "third" in one
    ]
    assert "no price is known for model" in problem


def test_it_is_warned_of_a_judge_that_judges_itself(tmp_path: Path):
    checked = check(tmp_path, with_audit("{share: 0.1, judge: {model: big}}"))
    assert checked.settings is not None
    assert said(checked) == [
        (
            f'8: warning: {AUDIT}.judge.model: "big" judges its own answers, and models prefer their own; name a third '
            "model"
        )
    ]


@pytest.mark.parametrize("judge", ["feedback", "import"])
def test_it_is_warned_of_scores_to_come_for_answers_that_are_not_kept(tmp_path: Path, judge: str):
    (warning,) = said(check(tmp_path, with_audit(f"{{share: 0.1, judge: {judge}}}")))
    assert warning.startswith(f"8: warning: {AUDIT}.judge: with {judge} people score answers later")
    assert (
        said(check(tmp_path, with_audit(f"{{share: 0.1, judge: {judge}}}", more=", store_prompts: true")))
        == []
    )
