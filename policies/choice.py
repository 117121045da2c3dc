"""The choice between small and large, and why."""

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """Which of a route's two models."""

    SMALL = "small"
    LARGE = "large"


class Reason(StrEnum):
    """Why a decision came out as it did. The list is closed; docs/api.md explains each."""

    BELOW_THRESHOLD = "below_threshold"
    AT_OR_ABOVE_THRESHOLD = "at_or_above_threshold"
    FORCED = "forced"
    CONTEXT_TOO_LONG = "context_too_long"
    NEEDS_TOOLS = "needs_tools"
    NEEDS_VISION = "needs_vision"
    NO_CERTIFICATE = "no_certificate"
    CERTIFICATE_SUSPENDED = "certificate_suspended"
    UNFAMILIAR = "unfamiliar"
    PREFER_SMALL = "prefer_small"
    WORTH_IT = "worth_it"
    NOT_WORTH_IT = "not_worth_it"
    FALLBACK = "fallback"
    CACHED = "cached"
    DIRECT = "direct"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class ModelLimits:
    """What a model can take.

    Attributes:
        context_tokens: input and output together; `None` when not known, and then not a reason.
    """

    context_tokens: int | None = None
    tools: bool = True
    vision: bool = True


@dataclass(frozen=True, slots=True)
class Worth:
    """The economist's rule: large where difficulty x what a good answer is worth >= what large costs more.

    Attributes:
        answer_nano: what a good answer is worth, nano-dollars.
        extra_nano: what this very query costs more at the large model, nano-dollars; may be negative.
    """

    answer_nano: int
    extra_nano: int


@dataclass(frozen=True, slots=True)
class Context:
    """What a choice depends on beside the difficulty.

    Attributes:
        threshold: 0-1, the route's.
        input_tokens: estimate of the input.
        output_tokens: what the answer may take; 0 when the caller set no cap.
        needs_tools: the query offers tools.
        needs_vision: the query has images.
        forced: the tier the caller insists on.
        withheld: why the small model may answer nothing for now, if so: no certificate, or a suspended one.
        familiar: the query resembles what the difficulty was learned from.
        worth: decides in place of the threshold where a route values its answers.
        preferred: difficulty below which small answers all the same, under pressure: see `policies.ladder`.
    """

    threshold: float
    small: ModelLimits
    large: ModelLimits
    input_tokens: int = 0
    output_tokens: int = 0
    needs_tools: bool = False
    needs_vision: bool = False
    forced: Tier | None = None
    withheld: Reason | None = None
    familiar: bool = True
    worth: Worth | None = None
    preferred: float | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A tier and the reason for it."""

    tier: Tier
    reason: Reason


def lacks(limits: ModelLimits, context: Context) -> Reason | None:
    """What keeps a model from taking the query, if anything."""
    if context.needs_tools and not limits.tools:
        return Reason.NEEDS_TOOLS
    if context.needs_vision and not limits.vision:
        return Reason.NEEDS_VISION
    needed = context.input_tokens + context.output_tokens
    if limits.context_tokens is not None and needed > limits.context_tokens:
        return Reason.CONTEXT_TOO_LONG
    return None


def choose(difficulty: float, context: Context) -> Choice:
    """Difficulty at or above the threshold goes to the large model; what small cannot take goes there too.

    What is unfamiliar goes there whatever its difficulty: a score of something unlike the training data says
    little. Under pressure a route may prefer the small model, for all that it can take and that is familiar.

    Args:
        difficulty: 0-1, the calibrated expected quality lost if the small model answers.
        context: see `Context`.
    """
    if context.forced is not None:
        return Choice(context.forced, Reason.FORCED)
    reason = lacks(context.small, context)
    if reason is not None:
        return Choice(Tier.LARGE, reason)
    usual = _usual(difficulty, context)
    preferred = context.preferred if context.familiar else None
    if usual.tier is Tier.LARGE and preferred is not None and difficulty < preferred:
        return Choice(Tier.SMALL, Reason.PREFER_SMALL)
    return usual


def _usual(difficulty: float, context: Context) -> Choice:
    """Of what the small model can take, without pressure."""
    if context.withheld is not None:
        return Choice(Tier.LARGE, context.withheld)
    if not context.familiar:
        return Choice(Tier.LARGE, Reason.UNFAMILIAR)
    if context.worth is not None:
        return _by_worth(difficulty, context.worth)
    if difficulty >= context.threshold:
        return Choice(Tier.LARGE, Reason.AT_OR_ABOVE_THRESHOLD)
    return Choice(Tier.SMALL, Reason.BELOW_THRESHOLD)


def _by_worth(difficulty: float, worth: Worth) -> Choice:
    if difficulty * worth.answer_nano >= worth.extra_nano:
        return Choice(Tier.LARGE, Reason.WORTH_IT)
    return Choice(Tier.SMALL, Reason.NOT_WORTH_IT)
