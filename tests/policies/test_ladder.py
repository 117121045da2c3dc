"""The ladder: more pressure never gives a milder set, its order holds, and a quality floor allows two rungs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from policies import Choice, Context, ModelLimits, Reason, Tier, choose
from policies.ladder import AT_EASE, LAST_RUNGS, Cause, Ladder, Pressure, Rung, Step, stance_of

share = st.floats(0, 1)
times = st.floats(0, 50)
start = st.none() | st.floats(0.01, 1)
pressures = st.builds(Pressure, share, times, share, share)
steps = st.builds(
    Step,
    rung=st.sampled_from(Rung),
    budget=start,
    spike=st.none() | st.floats(1.01, 50),
    trouble=start,
    threshold=st.floats(0.01, 1),
    tokens=st.integers(1, 1_000),
)
ladders = st.lists(steps, max_size=5, unique_by=lambda step: step.rung).map(
    lambda found: Ladder(tuple(sorted(found, key=lambda step: list(Rung).index(step.rung))))
)


@given(ladders, pressures, share, times)
def test_more_pressure_never_leaves_a_rung(ladder: Ladder, pressure: Pressure, more: float, faster: float):
    harder = replace(pressure, budget=max(pressure.budget, more), spike=max(pressure.spike, faster))
    assert set(stance_of(ladder, pressure).rungs) <= set(stance_of(ladder, harder).rungs)


@given(ladders, pressures, share)
def test_more_failures_of_both_models_never_leave_a_rung_that_calls_none(
    ladder: Ladder, pressure: Pressure, more: float
):
    ill = replace(
        pressure,
        small_trouble=max(pressure.small_trouble, more),
        large_trouble=max(pressure.large_trouble, more),
    )
    before, after = stance_of(ladder, pressure).rungs, stance_of(ladder, ill).rungs
    assert set(before) - {Rung.PREFER_SMALL} <= set(after)


@given(ladders, pressures)
def test_rungs_are_stood_on_in_the_ladders_order_each_from_its_start_on(ladder: Ladder, pressure: Pressure):
    stance = stance_of(ladder, pressure)
    expected = [step.rung for step in ladder.steps if list(step.causes(pressure))]
    assert list(stance.rungs) == expected
    for step in ladder.steps:
        pushed = (step.budget is not None and pressure.budget >= step.budget) or (
            step.spike is not None and pressure.spike >= step.spike
        )
        assert step.rung in stance.rungs or not pushed
    assert (stance.cause is None) == (not stance.rungs)


@given(ladders, pressures)
def test_a_quality_floor_leaves_only_the_rungs_that_call_no_model(ladder: Ladder, pressure: Pressure):
    stance = stance_of(ladder.for_floor(), pressure)
    assert set(stance.rungs) <= LAST_RUNGS
    assert (stance.threshold, stance.output_tokens, stance.input_tokens) == (None, None, None)
    free = set(stance_of(ladder, pressure).rungs)
    assert set(stance.rungs) == free & LAST_RUNGS


@given(ladders)
def test_without_pressure_nothing_is_given_up(ladder: Ladder):
    assert stance_of(ladder, Pressure()) == AT_EASE


@given(ladders, pressures)
def test_where_no_model_is_called_nothing_is_taken_from_a_call(ladder: Ladder, pressure: Pressure):
    stance = stance_of(ladder, pressure)
    taken = (stance.threshold, stance.output_tokens, stance.input_tokens)
    if not LAST_RUNGS.isdisjoint(stance.rungs):
        assert taken == (None, None, None)
        assert stance.cache_only or stance.refuse
    else:
        mild = (Rung.PREFER_SMALL, Rung.SHORTEN_OUTPUT, Rung.TRIM_CONTEXT)
        assert [value is not None for value in taken] == [rung in stance.rungs for rung in mild]


def test_small_is_preferred_for_trouble_of_the_large_model_and_not_of_its_own():
    ladder = Ladder((Step(Rung.PREFER_SMALL, trouble=0.5),))
    assert stance_of(ladder, Pressure(large_trouble=0.8)).rungs == (Rung.PREFER_SMALL,)
    assert stance_of(ladder, Pressure(small_trouble=0.8)) == AT_EASE
    assert stance_of(ladder, Pressure(small_trouble=0.8, large_trouble=0.8)) == AT_EASE


def test_as_long_as_one_model_is_well_trouble_stops_nothing():
    ladder = Ladder((Step(Rung.REFUSE, trouble=0.5),))
    assert not stance_of(ladder, Pressure(large_trouble=1.0, small_trouble=0.1)).refuse
    both = stance_of(ladder, Pressure(large_trouble=1.0, small_trouble=0.6))
    assert both.refuse
    assert both.cause is Cause.TROUBLE


limits = st.builds(ModelLimits, tools=st.booleans(), vision=st.booleans())
contexts = st.builds(
    Context,
    threshold=share,
    small=limits,
    large=limits,
    needs_tools=st.booleans(),
    needs_vision=st.booleans(),
    forced=st.none() | st.sampled_from(Tier),
    withheld=st.none() | st.just(Reason.NO_CERTIFICATE),
    familiar=st.booleans(),
)


@given(share, contexts, share)
def test_preferring_small_changes_a_choice_only_from_large_to_small_below_its_threshold(
    difficulty: float, context: Context, preferred: float
):
    usual = choose(difficulty, context)
    pressed = choose(difficulty, replace(context, preferred=preferred))
    if pressed != usual:
        assert usual.tier is Tier.LARGE
        assert pressed == Choice(Tier.SMALL, Reason.PREFER_SMALL)
        assert difficulty < preferred
        assert context.forced is None
        assert context.familiar
        assert usual.reason not in {Reason.NEEDS_TOOLS, Reason.NEEDS_VISION}


@given(share, contexts, share, share)
def test_a_higher_preference_never_sends_back_to_large(
    difficulty: float, context: Context, one: float, other: float
):
    low, high = sorted((one, other))
    if choose(difficulty, replace(context, preferred=low)).tier is Tier.SMALL:
        assert choose(difficulty, replace(context, preferred=high)).tier is Tier.SMALL
