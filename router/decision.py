"""A decision: which model answers and why. Replaying its recorded inputs gives the same one."""

import msgspec
from msgspec.structs import replace

from classifiers import Classifier, Difficulty
from policies import CapOutcome, Choice, Context, Reason, Tier, Worth, choose, lacks
from policies.ladder import AT_EASE, LAST_RUNGS, NO_PRESSURE, Pressure, Rung, Stance, stance_of
from router.catalog import Model, Route
from router.errors import ContextTooLong, CostCapExceeded, NotSupported
from router.pricing.money import usd
from router.pricing.price import cost_nano
from router.pricing.usage import Usage
from router.proof import certificate_of
from router.query import Query
from router.routes.certificate import CertificateInForce
from router.routes.threshold import Threshold
from router.trimming import Fitted, fitted, input_bound, input_estimate
from router.worst_case import bound_of, worst_nano

_ATTEMPTS_UNROUTED = 3


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided on: enough to decide again, and no text.

    Attributes:
        input_tokens: estimate, after trimming.
        trimmed_turns: how many of the oldest turns were left out.
        output_tokens: the cap that goes to the provider, of each answer; `None` leaves it to the model.
        answers: `n`, how many answers are wanted.
        familiar: the query resembles what the classifier learned from.
        extra_nano: what the large model is expected to cost more, where the route values its answers.
        images_left: how many of the images are in the turns that were kept; `None` where all were.
        input_bound: tokens the input cannot exceed, where the route caps what a query may cost.
        pressure: what it was decided under, where the route has a ladder and anything pressed.
    """

    text_chars: int
    turns: int
    system_chars: int
    history_chars: int
    images: int
    needs_tools: bool
    input_tokens: int
    output_tokens: int | None
    output_clamped: bool
    trimmed_turns: int
    forced: str | None
    familiar: bool = True
    extra_nano: int | None = None
    images_left: int | None = None
    answers: int = 1
    input_bound: int | None = None
    pressure: Pressure | None = None


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision drew on a route that is audited.

    Attributes:
        share: the chance of being chosen when it drew, 0-1.
        drawn: its number, 0-1; chosen if below the share.
        audit_id: id of the decision by which the other tier answers too; '' where it was not chosen.
    """

    share: float
    drawn: float
    chosen: bool
    audit_id: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Which model answers a query, and why.

    Attributes:
        query: as it goes to the model: perhaps with its oldest turns left out.
        asked: as the caller sent it.
        route: `None` for an unrouted call.
        model: who answers.
        large: whose price is the baseline.
        difficulty: `None` for an unrouted call.
        threshold: `None` for an unrouted call.
        certificate: id of the one that holds for this decision; '' without one, or where the caller forced
            the tier and so took the proof from it, or the ladder did.
        first: the decision as the policy made it, where this one fell back from it.
        audit: what it drew; `None` where nothing is drawn.
        purpose: '' where it is to answer a caller, else as the ledger's entries have it.
        audits: id of the decision it was made to audit; '' where it is to answer a caller.
        degraded: the rungs of the route's ladder that took something from the answer.
    """

    id: str
    query: Query
    asked: Query
    route: Route | None
    model: Model
    large: Model
    choice: Choice
    difficulty: Difficulty | None
    threshold: Threshold | None
    classifier: str
    inputs: Inputs
    certificate: str = ""
    first: "Decision | None" = None
    audit: Drawn | None = None
    purpose: str = ""
    audits: str = ""
    degraded: tuple[Rung, ...] = ()

    @property
    def uncertified(self) -> bool:
        """Whether the route has a quality floor, and the ladder may have taken the answer below it."""
        floor = None if self.route is None else self.route.quality_floor
        return floor is not None and not LAST_RUNGS.issuperset(self.degraded)

    @property
    def stance(self) -> Stance:
        """Where its route stood on its ladder."""
        return stance_of(self.route.ladder, self.inputs.pressure or NO_PRESSURE) if self.route else AT_EASE

    @property
    def attempts(self) -> int:
        """Calls it may make in all."""
        return self.route.attempts if self.route else _ATTEMPTS_UNROUTED

    @property
    def route_name(self) -> str:
        """What reports call it."""
        return self.route.name if self.route else self.model.name

    @property
    def explanation(self) -> str:
        """Why, in a sentence or two."""
        return explain(self.choice, self.difficulty, self.threshold.value if self.threshold else None)


_SENTENCES = {
    Reason.FORCED: "The caller asked for the {tier} tier.",
    Reason.CONTEXT_TOO_LONG: "The query does not fit the small model's context, so it goes to the large one.",
    Reason.NEEDS_TOOLS: "The query offers tools, which the small model does not support.",
    Reason.NEEDS_VISION: "The query has images, which the small model does not read.",
    Reason.NO_CERTIFICATE: "The route has a quality floor and no certificate that it is met, so all goes to "
    "the large model; `pennyroute tune` makes one.",
    Reason.CERTIFICATE_SUSPENDED: "Audited answers fell below the certified quality floor, so all goes to "
    "the large model until there is a new certificate or somebody sets the threshold.",
    Reason.UNFAMILIAR: "The query is unlike anything the classifier learned from, so it goes to the large "
    "model.",
    Reason.PREFER_SMALL: "The route is under pressure, so the small model answers in place of the large one.",
    Reason.WORTH_IT: "What the large model is expected to gain is worth its extra cost.",
    Reason.NOT_WORTH_IT: "What the large model is expected to gain is not worth its extra cost.",
    Reason.CACHED: "The same call was answered before, and its answer is given again: nobody was called.",
    Reason.DIRECT: "The model was named directly; no routing.",
    Reason.AUDIT: "Made for an audit: what would the other model have answered, and which answer is better?",
    Reason.FALLBACK: "The chosen model failed; the next one in line answered.",
}


def explain(choice: Choice, difficulty: Difficulty | None, threshold: float | None) -> str:
    """The reason in words, with what pushed the score up or down."""
    if choice.reason in _SENTENCES or difficulty is None or threshold is None:
        said = _SENTENCES.get(choice.reason, "").format(tier=choice.tier)
        return f"{said} Difficulty {difficulty.value:.3f}. {difficulty.sentence}" if difficulty else said
    side = "below" if choice.reason is Reason.BELOW_THRESHOLD else "at or above"
    return (
        f"Difficulty {difficulty.value:.3f} is {side} the threshold {threshold:g}: "
        f"{choice.tier} model. {difficulty.sentence}"
    )


def decide(
    decision_id: str,
    query: Query,
    route: Route,
    threshold: Threshold,
    classifier: Classifier,
    *,
    pressure: Pressure = NO_PRESSURE,
) -> Decision:
    """Chooses a route's model for a query. Pure: no clock, no chance, no I/O.

    The last two rungs of its ladder are not looked at: where they hold, nothing is to be decided.

    Raises:
        ContextTooLong: over the route's input cap, and the route refuses or trimming cannot help;
            or too long for the large model too.
        NotSupported: it has tools or images that the chosen model does not take: a forced one, or large.
        CostCapExceeded: at worst it costs more than the route lets a query cost.
    """
    named = query.explained or route.store_prompts
    difficulty = classifier.explain(query.facts) if named else classifier.assess(query.facts)
    asked = query
    whole = fitted(query, route, stance_of(route.ladder, pressure))
    query = whole.query
    certificate = certificate_of(route, threshold, classifier.id)
    inputs = _inputs(whole, familiar=difficulty.familiar)
    if route.ladder.steps and pressure != NO_PRESSURE:
        inputs = replace(inputs, pressure=pressure)
    context = context_of(inputs, route, threshold, certificate)
    choice = choose(difficulty.value, context)
    model = route.small if choice.tier is Tier.SMALL else route.large
    _check_takes(model, query)
    _check_fits(model, inputs.input_tokens, inputs.output_tokens or 0)
    if route.caps.max_cost_nano is not None:
        inputs = replace(inputs, input_bound=input_bound(query))
        _check_cost(route, model, inputs)
    if context.worth is not None:
        inputs = replace(inputs, extra_nano=context.worth.extra_nano)
    preferred = (Rung.PREFER_SMALL,) if choice.reason is Reason.PREFER_SMALL else ()
    degraded = (*preferred, *whole.degraded)
    unproven = choice.reason is Reason.FORCED or degraded
    return Decision(
        id=decision_id,
        query=query,
        asked=asked,
        route=route,
        model=model,
        large=route.large,
        choice=choice,
        difficulty=difficulty,
        threshold=threshold,
        classifier=classifier.id,
        inputs=inputs,
        certificate=certificate.id if certificate and not unproven else "",
        degraded=degraded,
    )


def context_of(
    inputs: Inputs, route: Route, threshold: Threshold, certificate: CertificateInForce | None
) -> Context:
    """What the choice depends on beside the difficulty, from what is recorded of a decision.

    Args:
        inputs: the recorded ones; `extra_nano` is not read but worked out again.
        route: as it is configured.
        threshold: in force.
        certificate: the one that holds, see `router.proof`.
    """
    return Context(
        threshold=threshold.value,
        small=route.small.limits,
        large=route.large.limits,
        input_tokens=inputs.input_tokens,
        output_tokens=inputs.output_tokens or 0,
        needs_tools=inputs.needs_tools,
        needs_vision=(inputs.images if inputs.images_left is None else inputs.images_left) > 0,
        forced=None if inputs.forced is None else Tier(inputs.forced),
        withheld=_withheld(route, threshold, certificate),
        familiar=inputs.familiar,
        worth=_worth(route, inputs),
        preferred=stance_of(route.ladder, inputs.pressure or NO_PRESSURE).threshold,
    )


def _withheld(route: Route, threshold: Threshold, certificate: CertificateInForce | None) -> Reason | None:
    """Why the small model may answer nothing, if so."""
    if threshold.suspended:
        return Reason.CERTIFICATE_SUSPENDED
    if route.quality_floor is not None and certificate is None:
        return Reason.NO_CERTIFICATE
    return None


def _worth(route: Route, inputs: Inputs) -> Worth | None:
    """What decides in place of the threshold where the route values its answers and knows both prices."""
    if route.answer_nano is None or route.small.price is None or route.large.price is None:
        return None
    output, cap = route.usual_output_tokens, inputs.output_tokens
    usage = Usage(inputs.input_tokens, inputs.answers * (output if cap is None else min(output, cap)))
    return Worth(route.answer_nano, cost_nano(usage, route.large.price) - cost_nano(usage, route.small.price))


def direct(decision_id: str, query: Query, model: Model, tier: Tier) -> Decision:
    """The decision of a call that names its model: recorded, not routed.

    Raises:
        NotSupported: the query has tools or images, and the model takes none.
    """
    _check_takes(model, query)
    caps = CapOutcome(refused=False, trim=False, output_tokens=query.output_asked, output_clamped=False)
    return Decision(
        id=decision_id,
        query=query,
        asked=query,
        route=None,
        model=model,
        large=model,
        choice=Choice(tier, Reason.DIRECT),
        difficulty=None,
        threshold=None,
        classifier="",
        inputs=_inputs(Fitted(query, caps, input_estimate(query), 0)),
    )


def fallbacks_of(decision: Decision) -> list[Model]:
    """Who is tried, in order, when the chosen model fails.

    For a small one its route's large one, unless the caller forced the tier; then the route's fallbacks. None
    that cannot take the query or would at worst cost more than it may, and none twice.
    """
    route = decision.route
    if route is None:
        return []
    partner = [route.large] if decision.choice.tier is Tier.SMALL else []
    if decision.choice.reason is Reason.FORCED:
        partner = []
    found: dict[str, Model] = {}
    for model in (*partner, *route.fallbacks):
        if model.name == decision.model.name or not takes(model, decision):
            continue
        if within_cost(route, model, decision.inputs):
            found.setdefault(model.name, model)
    return list(found.values())


def takes(model: Model, decision: Decision) -> bool:
    """Whether a model takes the query of a decision: its length, its tools, its images."""
    query, inputs = decision.query, decision.inputs
    context = Context(
        threshold=0.0,
        small=model.limits,
        large=model.limits,
        input_tokens=inputs.input_tokens,
        output_tokens=inputs.output_tokens or 0,
        needs_tools=query.needs_tools,
        needs_vision=query.images > 0,
    )
    return lacks(model.limits, context) is None


def within_cost(route: Route, model: Model, inputs: Inputs, spent_nano: int | None = 0) -> bool:
    """Whether a call keeps a decision, at worst, within what its route lets a query cost.

    Args:
        route: as it is configured.
        model: who would be called.
        inputs: of the decision.
        spent_nano: what its attempts cost so far; `None` where that is not known.
    """
    cap, bound = route.caps.max_cost_nano, _bound(model, inputs)
    if cap is None or bound is None:
        return True
    worst = worst_nano(model, bound)
    return worst is not None and spent_nano is not None and spent_nano + worst <= cap


def _bound(model: Model, inputs: Inputs) -> Usage | None:
    if inputs.input_bound is None:  # an old record, or one of another configuration
        return None
    return bound_of(
        model,
        input_bound=inputs.input_bound,
        output_tokens=inputs.output_tokens,
        answers=inputs.answers,
    )


def stand_ins(decision: Decision) -> tuple[Model, ...]:
    """Whose cached answers will do where the ladder allows no others: the other model's.

    Not where the caller forced a tier, and on a route with a quality floor only the large model's.
    """
    route = decision.route
    if route is None or not decision.stance.cache_only or decision.choice.reason is Reason.FORCED:
        return ()
    allowed = (route.small, route.large) if route.quality_floor is None else (route.large,)
    return tuple(model for model in allowed if model.name != decision.model.name)


def fallen_back(decision: Decision, model: Model) -> Decision:
    """The same decision with the next model in line."""
    tier = Tier.SMALL if decision.route and model.name == decision.route.small.name else Tier.LARGE
    first = decision.first or decision
    degraded = decision.degraded
    if tier is Tier.LARGE:
        degraded = tuple(rung for rung in degraded if rung is not Rung.PREFER_SMALL)
    return replace(
        decision, model=model, choice=Choice(tier, Reason.FALLBACK), first=first, degraded=degraded
    )


def _check_takes(model: Model, query: Query) -> None:
    lacking = "tools" if query.needs_tools and not model.limits.tools else ""
    if query.images and not model.limits.vision:
        lacking = "images"
    if lacking:
        raise NotSupported(
            f"model {model.name!r} does not take {lacking}; leave them out, or let the route choose",
            param="tools" if lacking == "tools" else "messages",
        )


def _check_fits(model: Model, input_tokens: int, output_tokens: int) -> None:
    limit = model.limits.context_tokens
    if limit is not None and input_tokens + output_tokens > limit:
        raise ContextTooLong(
            f"the query has about {input_tokens} input tokens and asks for up to {output_tokens} of output; "
            f"model {model.name!r} takes {limit} in all",
            param="messages",
        )


def _check_cost(route: Route, model: Model, inputs: Inputs) -> None:
    cap, bound = route.caps.max_cost_nano, _bound(model, inputs)
    if cap is None or bound is None or within_cost(route, model, inputs):
        return
    worst = worst_nano(model, bound)
    costs = "an amount that is not known" if worst is None else f"up to ${usd(worst)}"
    raise CostCapExceeded(
        f"the query can cost {costs} at model {model.name!r}, by at most {bound.input_tokens} input and "
        f"{bound.output_tokens} output tokens; route {route.name!r} takes what costs at most ${usd(cap)} "
        "(caps.max_cost_usd). Ask for fewer output tokens, or send less",
        param="max_tokens",
    )


def _inputs(whole: Fitted, *, familiar: bool = True) -> Inputs:
    query, caps = whole.query, whole.caps
    facts = query.facts
    return Inputs(
        text_chars=len(facts.text),
        turns=facts.turns,
        system_chars=facts.system_chars,
        history_chars=facts.history_chars,
        images=facts.images,
        needs_tools=query.needs_tools,
        input_tokens=whole.input_tokens,
        output_tokens=caps.output_tokens,
        output_clamped=caps.output_clamped,
        trimmed_turns=whole.trimmed,
        forced=query.forced,
        familiar=familiar,
        images_left=query.images if whole.trimmed else None,
        answers=query.answers,
    )
