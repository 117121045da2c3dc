"""Caps of a route, and which turns stay when a conversation is trimmed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from policies import Caps, ExcessInput, apply_caps, fewest_turns, turns_to_keep

Turns = list[tuple[str, int]]

tokens = st.integers(0, 5_000)
cap = st.none() | st.integers(1, 5_000)
all_caps = st.builds(
    Caps, max_input_tokens=cap, on_excess_input=st.sampled_from(ExcessInput), max_output_tokens=cap
)
ROLES = ("system", "developer", "user", "assistant", "tool")
conversations = st.lists(st.tuples(st.sampled_from(ROLES), st.integers(0, 50)), max_size=14)


@given(all_caps, tokens, cap)
def test_over_the_input_cap_is_refused_or_trimmed_as_the_route_says_and_nothing_else_is(
    caps: Caps, input_tokens: int, asked: int | None
):
    outcome = apply_caps(caps, input_tokens=input_tokens, output_asked=asked)
    over = caps.max_input_tokens is not None and input_tokens > caps.max_input_tokens
    assert outcome.refused == (over and caps.on_excess_input is ExcessInput.REFUSE)
    assert outcome.trim == (over and caps.on_excess_input is ExcessInput.TRIM)


@given(all_caps, tokens, cap)
def test_the_output_cap_is_the_tighter_of_the_callers_and_the_routes(
    caps: Caps, input_tokens: int, asked: int | None
):
    outcome = apply_caps(caps, input_tokens=input_tokens, output_asked=asked)
    given_caps = {asked, caps.max_output_tokens} - {None}
    assert outcome.output_tokens == (min(given_caps) if given_caps else None)
    assert outcome.output_clamped == (asked is not None and outcome.output_tokens != asked)


def always_kept(turns: Turns) -> set[int]:
    users = [at for at, (role, _) in enumerate(turns) if role == "user"]
    prompts = {at for at, (role, _) in enumerate(turns) if role in ("system", "developer")}
    return prompts | set(users[-1:]) | ({len(turns) - 1} if turns else set())


def asker(turns: Turns, at: int) -> int:
    while at > 0 and turns[at][0] == "tool":
        at -= 1
    return at


@given(conversations, st.integers(-10, 400))
def test_trimming_never_leaves_out_a_system_prompt_the_last_user_turn_or_the_last_turn(
    turns: Turns, limit: int
):
    kept = turns_to_keep(turns, limit)
    if kept is not None:
        assert always_kept(turns) <= set(kept)


@given(conversations, st.integers(-10, 400))
def test_what_stays_is_within_the_limit_and_in_order(turns: Turns, limit: int):
    kept = turns_to_keep(turns, limit)
    if kept is not None:
        assert kept == sorted(set(kept))
        assert sum(turns[at][1] for at in kept) <= limit or not turns


@given(conversations, st.integers(-10, 400))
def test_a_tools_answer_and_the_turn_that_asked_stay_or_go_together(turns: Turns, limit: int):
    kept = turns_to_keep(turns, limit)
    if kept is not None:
        for at, (role, _) in enumerate(turns):
            if role == "tool":
                assert (at in kept) == (asker(turns, at) in kept)


@given(conversations, st.integers(0, 400))
def test_what_fits_is_left_whole(turns: Turns, slack: int):
    total = sum(size for _, size in turns)
    assert turns_to_keep(turns, total + slack) == list(range(len(turns)))


@given(conversations, st.integers(0, 400))
def test_the_oldest_go_first_and_no_more_than_needed(turns: Turns, limit: int):
    kept = turns_to_keep(turns, limit)
    if kept is None:
        return
    gone = [at for at in range(len(turns)) if at not in kept]
    if gone:
        last = asker(turns, gone[-1])
        back = [at for at in gone if asker(turns, at) == last]
        assert sum(turns[at][1] for at in [*kept, *back]) > limit
        free = {asker(turns, at) for at in range(last)} - {asker(turns, at) for at in always_kept(turns)}
        assert free.isdisjoint(kept)


@given(conversations, st.integers(-10, 400))
def test_none_only_when_what_always_stays_is_over_the_limit(turns: Turns, limit: int):
    held_together = {
        at for at in range(len(turns)) if asker(turns, at) in {asker(turns, it) for it in always_kept(turns)}
    }
    least = sum(turns[at][1] for at in held_together)
    assert (turns_to_keep(turns, limit) is None) == (least > limit)


def test_a_tools_answer_at_the_end_keeps_the_turn_that_asked_and_the_question():
    turns = [("user", 50), ("assistant", 50), ("tool", 50), ("user", 5), ("assistant", 10), ("tool", 10)]
    assert turns_to_keep(turns, 30) == [3, 4, 5]
    assert turns_to_keep(turns, 20) is None


def test_legacy_function_answers_go_with_the_turn_that_asked():
    turns = [("assistant", 10), ("function", 10), ("user", 10)]
    assert turns_to_keep(turns, 25) == [2]


@given(conversations, st.integers(0, 14))
def test_no_more_turns_stay_than_may_and_the_oldest_go_first(turns: Turns, most: int):
    kept = turns_to_keep(turns, None, most)
    if kept is None:
        assert len(fewest_turns(turns)) > most
    else:
        assert len(kept) <= most
        assert set(fewest_turns(turns)) <= set(kept)
        gone = set(range(len(turns))) - set(kept)
        free = set(range(len(turns))) - set(fewest_turns(turns))
        assert all(at in gone for at in free if gone and at < max(gone))


@given(conversations)
def test_the_fewest_turns_hold_every_system_prompt_and_the_last_user_turn(turns: Turns):
    assert always_kept(turns) <= set(fewest_turns(turns))


@given(all_caps, st.integers(1, 20), st.integers(1, 20))
def test_too_many_turns_count_as_too_long(caps: Caps, turns: int, most: int):
    outcome = apply_caps(replace(caps, max_turns=most), input_tokens=0, output_asked=None, turns=turns)
    assert (outcome.refused or outcome.trim) == (turns > most)
