"""One audited decision: whom else to ask, and what is known of the outcome."""

from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from policies import Choice, Reason, Tier
from router.audit.judge import Pair
from router.audit.missing import Missing
from router.bookkeeper import Charge
from router.catalog import Model, Route
from router.clock import World
from router.decision import Decision, Drawn, takes
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores, TierOutcome
from router.providers.answer import Answer

PURPOSE = "audit"


@dataclass(frozen=True, slots=True, repr=False)
class Case:
    """A decision that was drawn, and how it was answered.

    Attributes:
        text: what the caller got; '' where that was nothing.
        cost_nano: of that; `None` where it is not known.
    """

    decision: Decision
    text: str = ""
    cost_nano: int | None = None

    @property
    def account(self) -> str:
        """Whose query it was."""
        return self.decision.query.caller.account

    @property
    def speaks(self) -> bool:
        """Whether spoken answers are asked for: their text says nothing of them."""
        return "audio" in self.decision.query.body

    @property
    def route(self) -> Route:
        """The audited route."""
        assert self.decision.route is not None
        return self.decision.route

    @property
    def drawn(self) -> Drawn:
        """What the decision drew."""
        assert self.decision.audit is not None
        return self.decision.audit

    @property
    def tier(self) -> Tier:
        """Which one answered the caller, or was to."""
        return self.decision.choice.tier

    @property
    def other(self) -> Model:
        """Who answers for the audit."""
        return self.route.large if self.tier is Tier.SMALL else self.route.small

    @property
    def other_can_take_it(self) -> bool:
        """Whether the other model takes such a query at all."""
        return takes(self.other, self.decision)

    def other_decision(self, now_s: float) -> Decision:
        """The decision by which the other model answers the same query; `now_s` is monotonic seconds."""
        query = self.decision.query
        body = {name: raw for name, raw in query.body.items() if name not in ("stream", "stream_options")}
        query = replace(query, body=body, stream=False, usage_wanted=False, arrived_s=now_s)
        return replace(
            self.decision,
            id=self.drawn.audit_id,
            query=query,
            asked=query,
            model=self.other,
            choice=Choice(Tier.LARGE if self.tier is Tier.SMALL else Tier.SMALL, Reason.AUDIT),
            audit=None,
            purpose=PURPOSE,
            audits=self.decision.id,
        )

    def pair(self, other_text: str) -> Pair:
        """Both answers, by tier."""
        small, large = (self.text, other_text) if self.tier is Tier.SMALL else (other_text, self.text)
        return Pair(self.decision, small, large)

    def outcome(self, missing: Missing, world: World) -> OutcomeRecord:
        """What is known before the other model has answered."""
        decision, threshold = self.decision, self.decision.threshold
        keeps = self.route.store_prompts
        answered = TierOutcome(
            model=decision.model.name, cost_nano=self.cost_nano, output=self.text if keeps else None
        )
        other = TierOutcome(model=self.other.name)
        small, large = (answered, other) if self.tier is Tier.SMALL else (other, answered)
        return OutcomeRecord(
            id=decision.id,
            route=self.route.name,
            at_ms=world.now_ms() - round((world.monotonic_s() - decision.query.arrived_s) * 1000),
            tier=self.tier,
            difficulty=effective_difficulty(decision),
            threshold=threshold.value if threshold else None,
            threshold_version=threshold.version if threshold else None,
            certificate=decision.certificate,
            classifier=decision.classifier,
            share=self.drawn.share,
            drawn=self.drawn.drawn,
            small=small,
            large=large,
            missing=missing,
            messages=decision.asked.body["messages"] if keeps else msgspec.UNSET,
            needs_tools=decision.query.needs_tools,
        )

    def with_other(self, outcome: OutcomeRecord, answer: Answer, charge: Charge) -> OutcomeRecord:
        """The outcome once the other model has answered."""
        keeps = self.route.store_prompts
        side = TierOutcome(
            model=self.other.name, cost_nano=charge.cost_nano, output=answer.text if keeps else None
        )
        if self.tier is Tier.SMALL:
            return replace(outcome, large=side)
        return replace(outcome, small=side)


def with_scores(outcome: OutcomeRecord, scores: Scores, by: JudgedBy) -> OutcomeRecord:
    """The outcome with both scores."""
    return replace(
        outcome,
        small=replace(outcome.small, score=scores.small),
        large=replace(outcome.large, score=scores.large),
        judged_by=by.value,
        missing="",
    )


def effective_difficulty(decision: Decision) -> float | None:
    """What was compared with the threshold: 1 where the query is unfamiliar, which goes to large anyway."""
    if decision.difficulty is None:
        return None
    return decision.difficulty.value if decision.inputs.familiar else 1.0
