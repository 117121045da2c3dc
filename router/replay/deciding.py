"""Decides recorded queries again, by the service's own code."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from classifiers import Classifier, Difficulty, QueryFacts
from policies import CapOutcome, Context, Reason, Tier, Worth, apply_caps, choose, lacks
from policies.ladder import NO_PRESSURE, Stance, stance_of
from router.access.caller import ANYBODY
from router.catalog import Model, Route
from router.decision import Decision, Inputs, context_of, decide, direct, within_cost
from router.errors import (
    ContextTooLong,
    CostCapExceeded,
    InvalidRequest,
    NotSupported,
    UnknownModel,
    UnknownRoute,
)
from router.http.chat_body import read_chat
from router.pressure.refusal import CODES
from router.proof import certificate_of
from router.query import Query
from router.replay.asked import Asked, Past, Sides, Unreadable
from router.replay.configuration import Configuration
from router.replay.cost import cost_of


@dataclass(frozen=True, slots=True)
class Decided:
    """What one configuration makes of a query.

    Attributes:
        tier: `None` where it is refused; then `reason` is the error's code.
        difficulty: 0-1; `None` for an unrouted call.
        threshold: the one decided with; `None` for an unrouted call.
        cost_nano: nano-dollars; `None` where it is not known.
        large_nano: what it would cost if the large model answered; `None` where it is not known.
        scored_by: id of the classifier whose difficulty it is.
        scored_again: the text was scored for this replay; else the difficulty is the recorded one.
    """

    tier: str | None
    reason: str
    model: str
    difficulty: float | None
    threshold: float | None
    cost_nano: int | None
    large_nano: int | None
    scored_by: str = ""
    scored_again: bool = True


@dataclass(frozen=True, slots=True)
class Replayed:
    """One query, decided by each configuration in their order; `past` is what the service decided."""

    id: str
    route: str
    decided: tuple[Decided, ...]
    past: Decided | None = None
    whole: bool = True
    sides: Sides | None = None


class Foreseen:
    """A classifier whose difficulties are worked out already, many at once: see `classifiers.Classifier`."""

    def __init__(self, classifier: Classifier, texts: Sequence[QueryFacts]) -> None:
        self._classifier = classifier
        once = list(dict.fromkeys(texts))
        effective = classifier.effective_many(once)
        self._known = {
            facts: Difficulty(value) if value < 1.0 else _at_the_top(classifier, facts)
            for facts, value in zip(once, effective, strict=True)
        }

    @property
    def id(self) -> str:
        """The classifier's own."""
        return self._classifier.id

    @property
    def default_threshold(self) -> float:
        """The classifier's own."""
        return self._classifier.default_threshold

    def assess(self, facts: QueryFacts) -> Difficulty:
        """The value, without reasons: nobody reads them here."""
        return self._known[facts]

    def explain(self, facts: QueryFacts) -> Difficulty:
        """The same."""
        return self._known[facts]

    def score(self, facts: QueryFacts) -> float:
        """The value."""
        return self._known[facts].value

    def score_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """The values."""
        return [self.score(one) for one in facts]

    def is_familiar(self, facts: QueryFacts) -> bool:
        """Whether the value means something."""
        return self._known[facts].familiar

    def effective_many(self, facts: Sequence[QueryFacts]) -> list[float]:
        """The values, 1.0 for what is unfamiliar."""
        return [one.value if one.familiar else 1.0 for one in map(self.assess, facts)]


def _at_the_top(classifier: Classifier, facts: QueryFacts) -> Difficulty:
    """1.0 is either the difficulty itself or stands for an unfamiliar query."""
    return Difficulty(classifier.score(facts), familiar=classifier.is_familiar(facts))


def decide_all(
    batch: Sequence[Asked], configurations: Sequence[Configuration]
) -> list[Replayed | Unreadable]:
    """Each query of a batch through each configuration.

    Raises:
        InvalidRequest: a query names what is neither a route nor a model of a configuration; says where.
    """
    read = [_read(asked) for asked in batch]
    texts = [facts for asked, query in zip(batch, read, strict=True) if (facts := _facts(asked, query))]
    scored: dict[str, Foreseen] = {}
    for configuration in configurations:
        if configuration.classifier.id not in scored:
            scored[configuration.classifier.id] = Foreseen(configuration.classifier, texts)
    return [
        query if isinstance(query, Unreadable) else _replayed(asked, query, configurations, scored)
        for asked, query in zip(batch, read, strict=True)
    ]


def _replayed(
    asked: Asked,
    query: Query | None,
    configurations: Sequence[Configuration],
    scored: Mapping[str, Foreseen],
) -> Replayed | Unreadable:
    decided = [_decided(asked, query, one, scored[one.classifier.id]) for one in configurations]
    for one in decided:
        if isinstance(one, Unreadable):
            return one
    return Replayed(
        asked.id,
        asked.route,
        tuple(one for one in decided if isinstance(one, Decided)),
        None if asked.past is None else _as_it_was(asked, asked.past),
        asked.past is None or asked.past.whole,
        asked.sides,
    )


def _read(asked: Asked) -> Query | Unreadable | None:
    """What the service would have read; `None` where only what it was decided on is known."""
    if asked.body is None:
        return None
    try:
        return read_chat(asked.body, ANYBODY, {}, 0.0)
    except InvalidRequest as error:
        return Unreadable(asked.place, str(error))


def _facts(asked: Asked, query: Query | Unreadable | None) -> QueryFacts | None:
    return query.facts if isinstance(query, Query) else asked.facts


def _decided(
    asked: Asked, query: Query | None, configuration: Configuration, scored: Foreseen
) -> Decided | Unreadable:
    try:
        if query is not None:
            return _by_body(asked, query, configuration, scored)
        return _by_inputs(asked, configuration, scored)
    except (UnknownModel, UnknownRoute) as error:
        raise InvalidRequest(
            f"{asked.place} goes through {asked.route!r}; in configuration {configuration.label}, {error}",
            param="route",
        ) from error


def _by_body(asked: Asked, query: Query, configuration: Configuration, scored: Foreseen) -> Decided:
    target = configuration.catalog.find(asked.route)
    if isinstance(target, Model):
        usual = configuration.catalog.usual_tier(target)
        return _made(asked, direct(asked.id, query, target, usual), configuration)
    route, threshold = configuration.in_force(target, asked.past)
    try:
        return _made(asked, decide(asked.id, query, route, threshold, scored), configuration)
    except (ContextTooLong, CostCapExceeded, NotSupported) as error:
        return _refused(error.code, scored.score(query.facts), threshold.value)


def _made(asked: Asked, decision: Decision, configuration: Configuration) -> Decided:
    difficulty, threshold, choice = decision.difficulty, decision.threshold, decision.choice
    return Decided(
        tier=choice.tier.value,
        reason=choice.reason.value,
        model=decision.model.name,
        difficulty=difficulty.value if difficulty else None,
        threshold=threshold.value if threshold else None,
        cost_nano=cost_of(asked, decision.model, choice.tier, configuration),
        large_nano=cost_of(asked, decision.large, Tier.LARGE, configuration),
        scored_by=decision.classifier,
    )


def _by_inputs(asked: Asked, configuration: Configuration, scored: Foreseen) -> Decided | Unreadable:
    past = asked.past
    if past is not None and past.reason == Reason.DIRECT:
        return _direct_again(asked, past, configuration)
    target = configuration.catalog.route(asked.route)
    route, threshold = configuration.in_force(target, past)
    difficulty, scored_by = _difficulty(asked, scored)
    inputs = asked.inputs
    if difficulty is None or inputs is None:
        raise ValueError(f"{asked.place} has neither a text nor a difficulty")
    stance = stance_of(route.ladder, inputs.pressure or NO_PRESSURE)
    asked_output = [cap for cap in (inputs.output_tokens, stance.output_tokens) if cap is not None]
    caps = apply_caps(
        route.caps,
        input_tokens=inputs.input_tokens,
        output_asked=min(asked_output, default=None),
        turns=inputs.turns - inputs.trimmed_turns,
    )
    code = _refusal(stance, caps)
    if code:
        return _refused(code, difficulty.value, threshold.value)
    inputs = replace(inputs, output_tokens=caps.output_tokens, familiar=difficulty.familiar)
    certificate = certificate_of(route, threshold, scored_by)
    context = _with_extra(asked, inputs, context_of(inputs, route, threshold, certificate))
    if context is None:
        return Unreadable(
            asked.place,
            f"route {route.name!r} weighs what large costs more (value_usd), and neither the tokens "
            '("usage") nor both costs ("cost_usd") are known',
        )
    choice = choose(difficulty.value, context)
    model = _model(route, choice.tier)
    lacking = lacks(model.limits, context)
    if lacking is not None:
        code = ContextTooLong.code if lacking is Reason.CONTEXT_TOO_LONG else NotSupported.code
        return _refused(code, difficulty.value, threshold.value)
    if not within_cost(route, model, inputs):
        return _refused(CostCapExceeded.code, difficulty.value, threshold.value)
    return Decided(
        tier=choice.tier.value,
        reason=choice.reason.value,
        model=model.name,
        difficulty=difficulty.value,
        threshold=threshold.value,
        cost_nano=cost_of(asked, model, choice.tier, configuration),
        large_nano=cost_of(asked, route.large, Tier.LARGE, configuration),
        scored_by=scored_by,
        scored_again=asked.facts is not None,
    )


def _refusal(stance: Stance, caps: CapOutcome) -> str:
    """Code of the error where the ladder or a cap refuses before anything is chosen; '' where none does.

    What answers from the cache only is decided all the same: what the cache has is not known here.
    """
    if stance.cause is not None and stance.refuse:
        return CODES[stance.cause]
    return ContextTooLong.code if caps.refused else ""


def _with_extra(asked: Asked, inputs: Inputs, context: Context) -> Context | None:
    """The same, with what the answers cost where what large costs more cannot be told from the input.

    `None` where that is not known either, and would decide.
    """
    if context.worth is None or inputs.input_tokens:
        return context
    sides = asked.sides
    if sides is not None and sides.small_nano is not None and sides.large_nano is not None:
        extra = Worth(context.worth.answer_nano, sides.large_nano - sides.small_nano)
        return dataclasses.replace(context, worth=extra)
    decides = choose(0.0, context).reason in {Reason.WORTH_IT, Reason.NOT_WORTH_IT}
    return None if decides else context


def _direct_again(asked: Asked, past: Past, configuration: Configuration) -> Decided:
    """A call that named its model goes to it in every configuration."""
    model = configuration.catalog.models.get(past.model)
    if model is None:
        raise UnknownModel(f"there is no model {past.model!r}", param="model")
    cost = cost_of(asked, model, past.tier, configuration)
    return Decided(past.tier, past.reason, model.name, None, None, cost, cost)


def _difficulty(asked: Asked, scored: Foreseen) -> tuple[Difficulty | None, str]:
    if asked.facts is not None:
        return scored.assess(asked.facts), scored.id
    known = asked.known
    if known is None:
        return None, ""
    return Difficulty(known.value, familiar=known.familiar), known.classifier


def _model(route: Route, tier: Tier) -> Model:
    return route.small if tier is Tier.SMALL else route.large


def _refused(code: str, difficulty: float | None, threshold: float) -> Decided:
    """The service would answer an error, and no model anything: that costs nothing."""
    return Decided(None, code, "", difficulty, threshold, 0, 0)


def _as_it_was(asked: Asked, past: Past) -> Decided:
    costs = [entry.cost_nano for entry in past.attempts]
    known = [cost for cost in costs if cost is not None]
    baselines = [entry.baseline_nano for entry in past.attempts]
    stated = [baseline for baseline in baselines if baseline is not None]
    recorded = asked.known
    return Decided(
        tier=past.tier,
        reason=past.reason,
        model=past.model,
        difficulty=recorded.value if recorded else None,
        threshold=past.threshold.value if past.threshold else None,
        cost_nano=sum(known) if len(known) == len(costs) else None,
        large_nano=sum(stated) if len(stated) == len(baselines) else None,
        scored_by=recorded.classifier if recorded else "",
        scored_again=False,
    )
