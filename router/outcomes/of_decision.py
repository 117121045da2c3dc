"""The outcome of a decision nobody audited, for when somebody scores it."""

from collections.abc import Sequence

from policies import Reason
from router.catalog import Route
from router.decisions import Ended
from router.errors import InvalidRequest
from router.ledger.entry import Entry
from router.outcomes.record import OutcomeRecord, TierOutcome
from router.record import DecisionRecord

_ANSWERED = "ok"


def outcome_of(ended: Ended, route: Route | None) -> OutcomeRecord:
    """What its record says, without scores.

    Args:
        ended: the decision with its attempts.
        route: as it is configured now; `None` where it no longer is, and then the other model is not known.

    Raises:
        InvalidRequest: it was not routed, or nobody was answered.
    """
    decision = ended.record
    if decision.reason == Reason.DIRECT:
        raise InvalidRequest(
            f"decision {decision.id} named its model directly: there were no two tiers to compare",
            param="decision_id",
        )
    if decision.status != _ANSWERED:
        raise InvalidRequest(
            f"decision {decision.id} has no answer to score: it is {decision.status!r}", param="decision_id"
        )
    return OutcomeRecord(
        id=decision.id,
        route=decision.route,
        at_ms=decision.created_ms,
        tier=decision.tier,
        difficulty=decision.difficulty if decision.inputs.familiar else 1.0,
        threshold=decision.threshold,
        threshold_version=decision.threshold_version,
        certificate=decision.certificate,
        classifier=decision.classifier,
        share=1.0,
        drawn=None,
        small=_tier("small", ended, route.small.name if route else ""),
        large=_tier("large", ended, route.large.name if route else ""),
        messages=decision.messages,
        needs_tools=decision.inputs.needs_tools,
    )


def _tier(tier: str, ended: Ended, configured: str) -> TierOutcome:
    decision = ended.record
    if tier != decision.tier:
        return TierOutcome(model=configured)
    return TierOutcome(
        model=decision.model,
        cost_nano=_cost(decision, ended.attempts),
        output=decision.output,
    )


def _cost(decision: DecisionRecord, attempts: Sequence[Entry]) -> int | None:
    """What the model that answered cost, its failed attempts too."""
    costs = [entry.cost_nano for entry in attempts if entry.model == decision.model]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None
