"""What every command that changes a threshold does: it says who, and keeps a way back."""

import getpass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.catalog import Route
    from router.routes.thresholds import Thresholds


async def brought_in(thresholds: "Thresholds", route: "Route", if_version: int | None = None) -> float:
    """The value before a change.

    A route the store has not seen gets its configured one first, so that a rollback finds it; not so where
    the person says which version they saw.
    """
    current = await thresholds.current(route.name)
    if current is None and if_version is None:
        current = await thresholds.seed(route.name, route.threshold)
    return route.threshold if current is None else current.value


def who() -> str:
    """The login of whoever types."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return "unknown"
