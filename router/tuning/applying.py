"""A tuned threshold in force, unless somebody decided otherwise while it was tuned."""

from dataclasses import replace

from router.catalog import Route
from router.routes.threshold import Threshold
from router.routes.thresholds import CONFIG, Change, Thresholds


async def put_in_force(
    thresholds: Thresholds, route: Route, seen: Threshold | None, change: Change
) -> tuple[float, Threshold]:
    """The value before the change and the threshold after it.

    A route the store has not seen gets its configured threshold first, so that a rollback finds it.

    Args:
        thresholds: where it goes.
        route: whose it is.
        seen: what was in force when tuning began; `None` where that was nothing.
        change: what is wanted, of any version.

    Raises:
        VersionConflict: a person or the watch changed the threshold since.
    """
    before = seen or await thresholds.seed(route.name, route.threshold)
    as_seen = seen is not None or before.set_by == CONFIG
    expected = before.version if as_seen else 0
    return before.value, await thresholds.set(replace(change, expected_version=expected))
