"""The watch on a certificate: its arithmetic, its alarms, and that the store's Lua comes to the same bits."""

import random
from collections.abc import Iterator
from itertools import pairwise
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.choice import Tier
from policies.watch import WatchState, WatchTerms, advance, alarmed, begin, excess, watch
from router.store.connection import Store

scores = st.floats(0, 1)
floors = st.floats(0, 1)
excesses = st.floats(-1, 1)
some_terms = st.builds(
    WatchTerms,
    alarm_at=st.floats(1, 1e6),
    lambdas=st.lists(st.floats(0, 1, exclude_min=True), min_size=1, max_size=4).map(tuple),
)

LUA = """
local alarm_at, bets = tonumber(ARGV[1]), cjson.decode(ARGV[2])
local levels, total, audits = {}, 0, 0
for i = 1, #bets do levels[i] = 0 end
for at = 3, #ARGV do
  local z = tonumber(ARGV[at])
  if total / #bets < alarm_at then
    total = 0
    for i = 1, #bets do
      levels[i] = (1 + levels[i]) * (1 + bets[i] * z)
      total = total + levels[i]
    end
    audits = audits + 1
  end
end
local told = {tostring(audits)}
for i = 1, #levels do told[i + 1] = string.format('%.17g', levels[i]) end
return told
"""
"""The recurrence as docs/watch.md gives it."""


@given(st.sampled_from(Tier), scores, scores, floors)
def test_the_excess_is_what_was_lost_less_what_may_be(tier: Tier, small: float, large: float, floor: float):
    routed = small if tier is Tier.SMALL else large
    z = excess(tier, small, large, floor)
    assert -1 <= z <= 1
    assert z == pytest.approx(floor * large - routed, abs=1e-12)


@pytest.mark.parametrize(
    ("small", "large", "floor", "named"),
    [
        (float("nan"), 0.5, 0.9, "small_score"),
        (-0.1, 0.5, 0.9, "small_score"),
        (0.5, 1.1, 0.9, "large_score"),
        (0.5, 0.5, 98.0, "floor"),
    ],
)
def test_a_score_or_floor_out_of_range_is_named(small: float, large: float, floor: float, named: str):
    with pytest.raises(ValueError, match=named):
        excess(Tier.SMALL, small, large, floor)


@pytest.mark.parametrize("z", [float("nan"), 1.5, -1.01, float("inf")])
def test_an_impossible_excess_is_refused(z: float):
    with pytest.raises(ValueError, match="from -1 to 1"):
        advance(begin(WatchTerms()), z, WatchTerms())


@pytest.mark.parametrize("lambdas", [(), (0.0,), (1.5,), (0.3, -0.1), (float("nan"),)])
def test_bets_out_of_range_are_refused(lambdas: tuple[float, ...]):
    with pytest.raises(ValueError, match="lambdas"):
        WatchTerms(lambdas=lambdas)


@pytest.mark.parametrize("alarm_at", [0.0, -5.0, float("inf"), float("nan")])
def test_an_alarm_that_would_always_or_never_sound_is_refused(alarm_at: float):
    with pytest.raises(ValueError, match="alarm_at"):
        WatchTerms(alarm_at=alarm_at)


def test_a_state_of_other_bets_is_refused():
    with pytest.raises(ValueError, match="2 levels"):
        advance(WatchState((0.0, 0.0)), 0.0, WatchTerms(lambdas=(0.3,)))


@given(some_terms, st.lists(excesses, max_size=60))
def test_the_level_is_never_negative_and_counts_what_it_saw(terms: WatchTerms, zs: list[float]):
    state = watch(zs, terms)
    assert all(level >= 0 for level in state.levels)
    assert state.level >= 0
    assert state.audits == len(zs) or alarmed(state, terms)


@given(some_terms, st.lists(excesses, min_size=1, max_size=40), st.data())
def test_a_worse_audit_never_lowers_the_level(terms: WatchTerms, zs: list[float], data: st.DataObject):
    at = data.draw(st.integers(0, len(zs) - 1))
    worse = [*zs[:at], data.draw(st.floats(zs[at], 1)), *zs[at + 1 :]]
    assert watch(worse, terms).level >= watch(zs, terms).level or alarmed(watch(worse, terms), terms)


@given(some_terms, st.lists(excesses, max_size=60), st.lists(excesses, max_size=20))
def test_an_alarm_stays_until_the_watch_is_begun_again(
    terms: WatchTerms, before: list[float], after: list[float]
):
    state = WatchState((terms.alarm_at * 1.01,) * len(terms.lambdas), len(before))
    for z in after:
        assert advance(state, z, terms) == state
    assert alarmed(state, terms)
    assert begin(terms) == WatchState((0.0,) * len(terms.lambdas))
    assert not alarmed(begin(terms), terms)


@given(st.lists(st.floats(-1, 0), max_size=300))
def test_no_alarm_sounds_in_fewer_audits_than_its_level_while_every_query_keeps_the_floor(zs: list[float]):
    assert watch(zs, WatchTerms()).level <= len(zs)


def test_a_good_past_does_not_make_it_slow():
    terms = WatchTerms()
    healthy = watch([-0.04] * 5_000, terms)
    delays = [audits_to_alarm(state, terms, iter([0.5] * 200)) for state in (begin(terms), healthy)]
    assert delays[1] <= delays[0]


def test_at_the_floor_false_alarms_are_as_rare_as_promised():
    """Mean run at least A, within three standard errors: runs of a small A, so that it is quick."""
    terms = WatchTerms(alarm_at=100.0)
    chance = random.Random(20_260)
    runs = [audits_to_alarm(begin(terms), terms, at_the_floor(chance)) for _ in range(500)]
    error = (sum((run - mean(runs)) ** 2 for run in runs) / (len(runs) - 1) / len(runs)) ** 0.5
    assert mean(runs) >= 100 - 3 * error


def test_five_points_below_the_floor_an_alarm_sounds_soon():
    terms = WatchTerms()
    chance = random.Random(20_261)
    runs = [audits_to_alarm(begin(terms), terms, below_the_floor(chance)) for _ in range(100)]
    assert median(runs) <= 420


def audits_to_alarm(state: WatchState, terms: WatchTerms, zs: Iterator[float]) -> int:
    start = state.audits
    while not alarmed(state, terms):
        state = advance(state, next(zs), terms)
    return state.audits - start


def at_the_floor(chance: random.Random) -> Iterator[float]:
    """Large always right, small wrong on one in five: every fourth to small keeps the floor .95 exactly."""
    while True:
        yield drawn(chance, to_small=0.25)


def below_the_floor(chance: random.Random) -> Iterator[float]:
    """Half to small: routed quality .90, 5 points below."""
    while True:
        yield drawn(chance, to_small=0.5)


def drawn(chance: random.Random, *, to_small: float) -> float:
    tier = Tier.SMALL if chance.random() < to_small else Tier.LARGE
    return excess(tier, float(chance.random() < 0.8), 1.0, 0.95)


@pytest.mark.parametrize("lambdas", [(0.3,), (0.1, 0.3, 0.7)])
async def test_the_store_comes_to_the_same_bits(store: Store, lambdas: tuple[float, ...]):
    chance = random.Random(20_262)
    terms = WatchTerms(lambdas=lambdas)
    zs = [
        excess(chance.choice(list(Tier)), chance.random(), chance.random(), chance.random())
        for _ in range(600)
    ]
    state = watch(zs, terms)
    bets = "[" + ",".join(map(repr, lambdas)) + "]"
    told = await store.command("EVAL", LUA, 0, repr(terms.alarm_at), bets, *map(repr, zs))
    audits, *levels = [part.decode() for part in told]
    assert int(audits) == state.audits
    assert tuple(map(float, levels)) == state.levels


def test_each_audit_is_the_documented_step():
    terms = WatchTerms(lambdas=(0.3, 0.5))
    states = [begin(terms)]
    for z in (0.95, -0.05, 0.0):
        states.append(advance(states[-1], z, terms))
    assert [state.audits for state in states] == [0, 1, 2, 3]
    for (before, after), z in zip(pairwise(states), (0.95, -0.05, 0.0), strict=True):
        assert after.levels[0] == (1 + before.levels[0]) * (1 + 0.3 * z)
        assert after.levels[1] == (1 + before.levels[1]) * (1 + 0.5 * z)
