"""Figures and differences: sums are exact, intervals what the textbook says, and no cost is made up."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.replay.asked import Sides
from router.replay.comparison import Comparison, Difference, Side
from router.replay.deciding import Decided, Replayed
from router.replay.figures import Figures

tiers = st.sampled_from(["small", "large", None])
nanos = st.none() | st.integers(0, 10**12)
scores = st.floats(0, 1)


@st.composite
def decisions(draw: st.DrawFn) -> Decided:
    tier = draw(tiers)
    return Decided(tier, f"why-{tier}", "m", draw(scores), 0.5, draw(nanos), draw(nanos), "c")


@st.composite
def traffic(draw: st.DrawFn) -> list[Replayed]:
    sides = st.none() | st.builds(Sides, scores, scores)
    made = draw(st.lists(st.tuples(decisions(), decisions(), sides), max_size=30))
    return [
        Replayed(f"q{at}", draw(st.sampled_from(["r", "s"])), (a, b), sides=sides)
        for at, (a, b, sides) in enumerate(made)
    ]


def both(rows: list[Replayed]) -> tuple[Side, Side]:
    return (
        Side("A", tuple(row.decided[0] for row in rows)),
        Side("B", tuple(row.decided[1] for row in rows)),
    )


@given(traffic())
def test_every_query_is_counted_once_and_no_unknown_cost_as_nothing(rows: list[Replayed]):
    side, _ = both(rows)
    found = side.figures(rows)
    assert found.queries == len(rows) == sum(found.reasons.values())
    known = [one.cost_nano for one in side.decided if one.cost_nano is not None]
    assert found.cost_nano == sum(known)
    assert found.unknown_cost == len(rows) - len(known)
    assert found.known_cost_nano == (sum(known) if known else None)
    by_route = side.by_route(rows).values()
    assert sum(one.cost_nano for one in by_route) == found.cost_nano
    assert sum(one.to_large for one in by_route) == found.to_large
    assert found.share_to_large is None or 0 <= found.share_to_large <= 1


@given(traffic())
def test_what_changes_is_what_has_another_tier(rows: list[Replayed]):
    first, second = both(rows)
    found = Comparison.of(rows, first, second)
    changed = [row for row in rows if row.decided[0].tier != row.decided[1].tier]
    assert [change.row for change in found.changes] == changed
    assert found.same_tier == len(rows) - len(changed)
    backwards = Comparison.of(rows, second, first)
    if found.total_nano is not None and backwards.total_nano is not None:
        assert found.total_nano == -backwards.total_nano
    shown = found.as_json(3)
    assert shown["changed"] == len(changed)
    assert len(shown["changes"]) == min(3, len(changed))


@given(traffic())
def test_a_side_does_not_differ_from_itself(rows: list[Replayed]):
    side, _ = both(rows)
    found = Comparison.of(rows, side, side)
    assert not found.changes
    for part in (found.share_to_large, found.cost_nano, found.quality, found.share_of_large_quality):
        assert part is None or (part.value == 0 and part.low in {None, 0} and part.high in {None, 0})


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=50))
def test_the_interval_is_the_normal_one_of_paired_differences(pairs: list[float]):
    found = Difference.of(pairs)
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    reach = 1.959963984540054 * statistics.stdev(pairs) / len(pairs) ** 0.5
    assert found.value == pytest.approx(statistics.fmean(pairs), abs=1e-12)
    assert found.high - found.value == pytest.approx(reach, abs=1e-9)
    assert found.value - found.low == pytest.approx(reach, abs=1e-9)


def test_of_one_pair_there_is_no_interval_and_of_none_no_difference():
    one = Difference.of([0.25])
    assert one == Difference(0.25, None, None, 1)
    assert one is not None
    assert one.scaled(100) == Difference(25.0, None, None, 1)
    assert Difference.of([]) is None


@given(traffic())
def test_quality_differs_by_what_the_queries_that_move_gain(rows: list[Replayed]):
    first, second = both(rows)
    found = Comparison.of(rows, first, second)
    judged = [
        row
        for row in rows
        if row.sides and row.decided[0].tier is not None and row.decided[1].tier is not None
    ]
    if found.quality is not None:
        kept = [Figures.of((row.decided[at], row.sides) for row in judged) for at in (0, 1)]
        gained = kept[1].quality - kept[0].quality
        assert found.quality.value * len(judged) == pytest.approx(gained, abs=1e-9)
        if found.share_of_large_quality is not None and kept[0].large_quality > 1e-6:
            share = gained / kept[0].large_quality
            assert found.share_of_large_quality.value == pytest.approx(share, rel=1e-6, abs=1e-9)
