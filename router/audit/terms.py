"""What a route says of its audits, resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.outcomes.record import JudgedBy

CRITERIA = "Judge by correctness first, then by how well the answer does what was asked."


@dataclass(frozen=True, slots=True)
class JudgeTerms:
    """Who scores the two answers.

    Attributes:
        by: what kind of judge; of feedback and imports the scores come later.
        schema: the JSON Schema an answer must meet; only of a schema judge.
        pattern: the regular expression an answer must have in it; only of a regex judge.
        model: the configured name of the judging model; only of one.
        criteria: what it is told to judge by.
        output_tokens: what its verdict may take, thinking included.
    """

    by: JudgedBy
    schema: Mapping[str, Any] = field(default_factory=dict)
    pattern: str = ""
    model: str = ""
    criteria: str = CRITERIA
    output_tokens: int = 1_000


@dataclass(frozen=True, slots=True)
class AuditTerms:
    """How a route is audited. One of share and month_nano is set.

    Attributes:
        share: of its queries, above 0 and up to 1.
        month_nano: what audits may cost in a calendar month (UTC), nano-dollars; the share follows from it.
        in_flight: audits going on at once in one worker.
    """

    judge: JudgeTerms
    share: float | None = None
    month_nano: int | None = None
    in_flight: int = 8
