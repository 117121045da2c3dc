"""The choice between small and large: what outranks what, and what the threshold does."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import Choice, Context, ModelLimits, Reason, Tier, Worth, choose

unit = st.floats(0, 1)
limits = st.builds(
    ModelLimits,
    context_tokens=st.none() | st.integers(0, 10_000),
    tools=st.booleans(),
    vision=st.booleans(),
)
contexts = st.builds(
    Context,
    threshold=unit,
    small=limits,
    large=limits,
    input_tokens=st.integers(0, 10_000),
    output_tokens=st.integers(0, 10_000),
    needs_tools=st.booleans(),
    needs_vision=st.booleans(),
    forced=st.none() | st.sampled_from(Tier),
    withheld=st.none() | st.sampled_from([Reason.NO_CERTIFICATE, Reason.CERTIFICATE_SUSPENDED]),
    familiar=st.booleans(),
    worth=st.none() | st.builds(Worth, st.integers(1, 10**9), st.integers(-(10**6), 10**9)),
)
CAPABLE = ModelLimits()
PLAIN = Context(threshold=0.5, small=CAPABLE, large=CAPABLE)


def small_can_take(context: Context) -> bool:
    small = context.small
    fits = small.context_tokens is None or (
        context.input_tokens + context.output_tokens <= small.context_tokens
    )
    return fits and (small.tools or not context.needs_tools) and (small.vision or not context.needs_vision)


@given(unit, contexts)
def test_at_or_above_the_threshold_goes_to_large_and_below_to_small_unless_an_earlier_reason(
    difficulty: float, context: Context
):
    choice = choose(difficulty, context)
    if context.forced is not None:
        assert choice == Choice(context.forced, Reason.FORCED)
    elif not small_can_take(context):
        assert choice.tier is Tier.LARGE
        assert choice.reason in (Reason.NEEDS_TOOLS, Reason.NEEDS_VISION, Reason.CONTEXT_TOO_LONG)
    elif context.withheld is not None:
        assert choice == Choice(Tier.LARGE, context.withheld)
    elif not context.familiar:
        assert choice == Choice(Tier.LARGE, Reason.UNFAMILIAR)
    elif context.worth is not None:
        large = difficulty * context.worth.answer_nano >= context.worth.extra_nano
        assert choice == (
            Choice(Tier.LARGE, Reason.WORTH_IT) if large else Choice(Tier.SMALL, Reason.NOT_WORTH_IT)
        )
    elif difficulty >= context.threshold:
        assert choice == Choice(Tier.LARGE, Reason.AT_OR_ABOVE_THRESHOLD)
    else:
        assert choice == Choice(Tier.SMALL, Reason.BELOW_THRESHOLD)


@given(unit, contexts, unit)
def test_a_lower_threshold_never_moves_a_query_from_large_to_small(
    difficulty: float, context: Context, other: float
):
    low, high = sorted((context.threshold, other))
    if choose(difficulty, replace(context, threshold=high)).tier is Tier.LARGE:
        assert choose(difficulty, replace(context, threshold=low)).tier is Tier.LARGE


@given(unit, unit, contexts)
def test_a_harder_query_never_goes_to_small_where_an_easier_one_went_to_large(
    one: float, other: float, context: Context
):
    easy, hard = sorted((one, other))
    if choose(easy, context).tier is Tier.LARGE:
        assert choose(hard, context).tier is Tier.LARGE


@given(unit, contexts)
def test_the_same_inputs_give_the_same_choice(difficulty: float, context: Context):
    assert choose(difficulty, context) == choose(difficulty, replace(context))


@given(contexts)
def test_a_threshold_of_0_sends_everything_that_is_not_forced_to_large(context: Context):
    assert choose(0.0, replace(context, threshold=0.0, forced=None, worth=None)).tier is Tier.LARGE


def test_a_query_exactly_as_long_as_the_small_models_context_still_goes_to_small():
    context = replace(PLAIN, small=ModelLimits(context_tokens=100), input_tokens=60, output_tokens=40)
    assert choose(0.1, context).tier is Tier.SMALL
    assert choose(0.1, replace(context, output_tokens=41)) == Choice(Tier.LARGE, Reason.CONTEXT_TOO_LONG)


def test_an_unknown_context_size_is_not_a_reason():
    assert choose(0.1, replace(PLAIN, input_tokens=10**9)).reason is Reason.BELOW_THRESHOLD


@pytest.mark.parametrize(
    ("needs", "lacking", "reason"),
    [
        ({"needs_tools": True}, {"tools": False}, Reason.NEEDS_TOOLS),
        ({"needs_vision": True}, {"vision": False}, Reason.NEEDS_VISION),
    ],
)
def test_what_small_lacks_goes_to_large_only_where_the_query_needs_it(
    needs: dict[str, bool], lacking: dict[str, bool], reason: Reason
):
    context = replace(PLAIN, small=ModelLimits(**lacking))
    assert choose(0.0, context).tier is Tier.SMALL
    assert choose(0.0, replace(context, **needs)) == Choice(Tier.LARGE, reason)


def test_a_forced_tier_outranks_what_the_model_lacks():
    context = replace(PLAIN, small=ModelLimits(tools=False), needs_tools=True, forced=Tier.SMALL)
    assert choose(1.0, context) == Choice(Tier.SMALL, Reason.FORCED)


def test_an_answer_worth_nothing_more_is_given_by_the_small_model_and_a_precious_one_by_the_large():
    at_a_cent = Worth(answer_nano=10_000_000, extra_nano=2_000_000)
    assert choose(0.19, replace(PLAIN, worth=at_a_cent)) == Choice(Tier.SMALL, Reason.NOT_WORTH_IT)
    assert choose(0.20, replace(PLAIN, worth=at_a_cent)) == Choice(Tier.LARGE, Reason.WORTH_IT)


def test_a_large_model_that_costs_no_more_is_always_worth_it():
    assert choose(0.0, replace(PLAIN, worth=Worth(1, -5))) == Choice(Tier.LARGE, Reason.WORTH_IT)


def test_what_is_withheld_outranks_what_is_unfamiliar_and_a_forced_tier_outranks_both():
    strange = replace(PLAIN, familiar=False, withheld=Reason.CERTIFICATE_SUSPENDED)
    assert choose(0.0, strange) == Choice(Tier.LARGE, Reason.CERTIFICATE_SUSPENDED)
    assert choose(0.0, replace(strange, withheld=None)) == Choice(Tier.LARGE, Reason.UNFAMILIAR)
    assert choose(0.0, replace(strange, forced=Tier.SMALL)) == Choice(Tier.SMALL, Reason.FORCED)
