"""One outcome as it is kept: a decision, both tiers' scores, and how it came to be looked at."""

from enum import StrEnum

import msgspec


class JudgedBy(StrEnum):
    """Where scores come from, as the route names it; what a certificate rests on."""

    SCHEMA = "schema"
    REGEX = "regex"
    AGREEMENT = "agreement"
    JUDGE = "judge"
    FEEDBACK = "feedback"
    IMPORT = "import"
    HAND = "hand"


class TierOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One tier's side.

    Attributes:
        score: 0-1; `None` while nobody scored it.
        cost_nano: what its answer cost, nano-dollars; `None` where that is not known or it did not answer.
        output: its answer, only on a route with `store_prompts`.
    """

    model: str
    score: float | None = None
    cost_nano: int | None = None
    output: str | None = None


class OutcomeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one audited or scored query.

    Attributes:
        id: of the decision.
        at_ms: Unix milliseconds of the decision.
        tier: that answered the caller.
        difficulty: the effective one, 0-1: what was compared with the threshold; 1 for an unfamiliar query.
        classifier: id of who said so.
        share: the chance with which it was drawn, above 0 and up to 1; 1 where it was not drawn but scored.
        drawn: the drawn number, 0-1, below `share`; `None` where it was not drawn.
        judged_by: '' while it has no scores.
        missing: why a score is missing, if one is.
        messages: as sent, only on a route with `store_prompts`.
    """

    id: str
    route: str
    at_ms: int
    tier: str
    difficulty: float | None
    threshold: float | None
    threshold_version: int | None
    certificate: str
    classifier: str
    share: float
    drawn: float | None
    small: TierOutcome
    large: TierOutcome
    judged_by: str = ""
    missing: str = ""
    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    @property
    def complete(self) -> bool:
        """Whether both tiers have a score."""
        return self.small.score is not None and self.large.score is not None
