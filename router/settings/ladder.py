"""The `ladder` of a route."""

from pydantic import Field

from policies.ladder import Rung
from router.settings.fields import Tokens
from router.settings.section import Section


class StepSettings(Section):
    """A rung of a route's ladder, and what sets it off: at least one of `budget`, `spike` and `trouble`.

    The list is the order in which the route steps down, the mildest first.
    """

    rung: Rung = Field(
        strict=False,
        description="`prefer_small` raises the threshold, `shorten_output` caps answers, `trim_context` "
        "leaves out the oldest turns, `cache_only` answers from the cache or not at all, `refuse` answers "
        "nothing.",
    )
    budget: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of the nearest hard budget that is used or held, such as 0.8, at and above which "
        "it applies. Unset: budgets do not set it off.",
    )
    spike: float | None = Field(
        None,
        gt=1,
        le=1_000,
        description="How many times the usual rate of requests, such as 3, in the same way.",
    )
    trouble: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of recent calls that failed, such as 0.5, in the same way: of the healthier "
        "model, and for `prefer_small` of the large one where the small one is healthier.",
    )
    threshold: float | None = Field(
        None,
        gt=0,
        le=1,
        description="With `prefer_small`: difficulty at and above which large still answers. Unset: 1, all "
        "that the small model can take.",
    )
    tokens: Tokens | None = Field(
        None,
        description="With `shorten_output`: the most of an answer. With `trim_context`: what the input is "
        "cut down to.",
    )


class PressureSettings(Section):
    """How each worker measures traffic spikes and provider trouble."""

    rate_s: float = Field(
        10.0, ge=0.1, le=3_600, description="Seconds that the present rate of requests is taken over."
    )
    usual_rate_s: float = Field(
        1_800.0,
        ge=1,
        le=604_800,
        description="Seconds that the usual rate is taken over; a tenth of it must have passed before there "
        "is one.",
    )
    failures_s: float = Field(
        30.0, ge=0.1, le=3_600, description="Seconds that failures of a model are remembered for."
    )
