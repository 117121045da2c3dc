"""The `audit` of a route."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from router.settings.fields import PositiveAmount, wrong
from router.settings.problems import did_you_mean
from router.settings.section import FROZEN, Section

WORDS: Final = ("agreement", "feedback", "import")
TAGS: Final = ("[word]", "[fields]")
"""How pydantic tells the two forms of a judge apart; no part of a path."""

_FORMS: Final = "must be agreement, feedback or import, or {schema: …}, {regex: …} or {model: …}"


def _word(value: object) -> str:
    if isinstance(value, str) and value in WORDS:
        return value
    near = did_you_mean(value, WORDS) if isinstance(value, str) else None
    raise wrong(_FORMS, near if near and near.startswith("did") else None)


def _form(value: object) -> str:
    return TAGS[isinstance(value, Mapping | JudgeSettings)]


def _regex(pattern: str) -> str:
    from router.audit.pattern import compiled  # noqa: PLC0415 - loaded only where a route has such a judge

    try:
        compiled(pattern)
    except ValueError as error:
        raise wrong(f"is no regular expression: {error}") from None
    return pattern


def _schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    from router.audit.schema import validator_of  # noqa: PLC0415 - as above

    try:
        validator_of(schema)
    except (ValueError, TypeError) as error:  # a type error: YAML's dates are no JSON
        raise wrong(f"is no JSON Schema that can be checked here: {error}") from None
    return schema


class JudgeSettings(Section):
    """Who scores both answers: one of `schema`, `regex` and `model`, or a word in place of all this.

    The words: `agreement` with the large model's answer; `feedback` and `import`, where scores come later.
    """

    answer_schema: Annotated[Mapping[str, Any], AfterValidator(_schema), *FROZEN] | None = Field(
        None, alias="schema", description="A JSON Schema: an answer is worth 1 if it is JSON that meets it."
    )
    regex: Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_regex)] | None = Field(
        None, description="A regular expression: an answer is worth 1 if it has it somewhere in it."
    )
    model: str | None = Field(
        None, description="A model that compares both answers, in both orders; better neither of the pair."
    )
    criteria: str | None = Field(
        None,
        min_length=1,
        max_length=4_000,
        description="With `model`: what it is to judge by, in a sentence or two. Unset: correctness first.",
    )
    output_tokens: int = Field(
        1_000, ge=1, le=100_000, description="With `model`: tokens of a verdict, its thinking included."
    )


Judge = Annotated[
    Annotated[
        Literal["agreement", "feedback", "import"],
        PlainValidator(_word),
        WithJsonSchema({"type": "string", "enum": list(WORDS)}),
        Tag(TAGS[0]),
    ]
    | Annotated[JudgeSettings, Tag(TAGS[1])],
    Discriminator(_form),
]


class AuditSettings(Section):
    """A share of queries that both models answer, so that what the small one loses is measured.

    The caller gets the routed answer at once; the other model answers behind it. State `share` or
    `usd_per_month`.
    """

    share: float | None = Field(
        None, gt=0, le=1, description="Share of the route's queries, such as 0.02; above 0, at most 1."
    )
    usd_per_month: PositiveAmount | None = Field(
        None,
        description="Instead of a share: US dollars that audits may cost in a calendar month, UTC. The share "
        "follows from the traffic, and is 0 once that is spent.",
    )
    judge: Judge = Field(
        description="Who scores both answers: `agreement`, `feedback`, `import`, or a mapping as below."
    )
    in_flight: int = Field(
        8, ge=1, le=1_000, description="Audits going on at once, for each worker; more are not made."
    )
