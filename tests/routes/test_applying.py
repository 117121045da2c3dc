"""A tuned threshold goes in force only where nobody decided otherwise while it was tuned."""

import pytest

from router.errors import VersionConflict
from router.routes.thresholds import Change, Thresholds
from router.setup import set_up
from router.store.connection import Store
from router.tuning.applying import put_in_force

CHANGE = Change("default", 0.3, "ada")


def the_route():
    return set_up(None, {}).catalog.route("default")


async def test_it_goes_in_over_what_was_seen_and_over_nothing(store: Store):
    thresholds, route = Thresholds(store), the_route()
    before, now = await put_in_force(thresholds, route, None, CHANGE)
    assert (before, now.value, now.version) == (route.threshold, 0.3, 2)
    before, now = await put_in_force(thresholds, route, now, Change("default", 0.4, "ada"))
    assert (before, now.value, now.version) == (0.3, 0.4, 3)


@pytest.mark.parametrize("by", ["grace", "watch"])
async def test_what_was_decided_meanwhile_stands(store: Store, by: str):
    thresholds, route = Thresholds(store), the_route()
    seen = await thresholds.seed("default", route.threshold)
    newer = await thresholds.set(Change("default", 0.0, by, suspended=by == "watch"))
    with pytest.raises(VersionConflict, match="at version 2, not 1"):
        await put_in_force(thresholds, route, seen, CHANGE)
    assert await thresholds.current("default") == newer


async def test_what_was_decided_meanwhile_on_a_route_nobody_had_seen_stands(store: Store):
    thresholds = Thresholds(store)
    newer = await thresholds.set(Change("default", 0.7, "grace"))
    with pytest.raises(VersionConflict):
        await put_in_force(thresholds, the_route(), None, CHANGE)
    assert await thresholds.current("default") == newer
