"""One outcome as it is kept: a decision, both tiers' scores, and how it came to be looked at."""

from enum import StrEnum
from typing import Any

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
    TENANT = "tenant"
    """Of an admin of another account than the operator's: they may be right, but prove nothing to others."""


ALWAYS_BESIDE = frozenset({JudgedBy.HAND, JudgedBy.TENANT})
"""Whose scores never stand in the row."""


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """What one source says of both tiers' answers, 0-1 each; `None` of one it said nothing of."""

    small: float | None = None
    large: float | None = None

    @property
    def complete(self) -> bool:
        """Whether both tiers have a score."""
        return self.small is not None and self.large is not None


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

    Both scores of a row are of one source: the difference of two sources' scores would measure the sources.

    Attributes:
        id: of the decision.
        at_ms: Unix milliseconds of the decision.
        tier: that answered the caller.
        difficulty: the effective one, 0-1: what was compared with the threshold; 1 for an unfamiliar query.
        classifier: id of who said so.
        share: the chance with which it was drawn, above 0 and up to 1; 1 where it was not drawn but scored.
        drawn: the drawn number, 0-1, below `share`; `None` where it was not drawn.
        judged_by: whose the scores of `small` and `large` are; '' while it has none.
        missing: why a score is missing, if one is.
        messages: as the caller sent them, only on a route with `store_prompts`.
        needs_tools: the query offered tools.
        beside: scores of others, which stand beside those and never in their place; hand scores and a
            tenant's always do.
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
    needs_tools: bool = False
    beside: dict[JudgedBy, Scores] = {}

    @property
    def complete(self) -> bool:
        """Whether both tiers have a score."""
        return self.scores.complete

    @property
    def audited(self) -> bool:
        """Whether it was drawn, and so stands for what was not."""
        return self.drawn is not None

    @property
    def scores(self) -> Scores:
        """The scores of `judged_by`."""
        return Scores(small=self.small.score, large=self.large.score)

    @property
    def hand(self) -> Scores | None:
        """What a person gave it by hand, if one did."""
        return self.beside.get(JudgedBy.HAND)

    @property
    def judged(self) -> tuple[JudgedBy, Scores] | None:
        """Who scored both tiers, and how, hands and tenants apart: the row's source, else one beside it."""
        if self.complete:
            return JudgedBy(self.judged_by), self.scores
        for by, scores in sorted(self.beside.items()):
            if scores.complete and by not in ALWAYS_BESIDE:
                return by, scores
        return None

    @property
    def counting(self) -> tuple[JudgedBy, Scores] | None:
        """Both scores and whose they are, as the watch counts them: a judge's, else a person's, if any."""
        if self.judged is not None:
            return self.judged
        return (JudgedBy.HAND, self.hand) if self.hand is not None and self.hand.complete else None

    def as_json(self) -> dict[str, Any]:
        """The wire form; messages and answers only where they are kept."""
        found: dict[str, Any] = msgspec.to_builtins(msgspec.structs.replace(self, messages=msgspec.UNSET))
        for tier in ("small", "large"):
            if found[tier]["output"] is None:
                del found[tier]["output"]
        if isinstance(self.messages, msgspec.Raw):
            found["messages"] = msgspec.json.decode(self.messages)
        return found


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(OutcomeRecord)


def encode_outcome(record: OutcomeRecord) -> bytes:
    """The stored form: JSON; the same record is always the same bytes."""
    return _encoder.encode(record)


def decode_outcome(raw: bytes) -> OutcomeRecord:
    """The inverse.

    Raises:
        msgspec.ValidationError: not an outcome.
    """
    return _decoder.decode(raw)
