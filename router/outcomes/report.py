"""What is to be said of the watch on each route's certificate."""

from collections.abc import Iterable
from dataclasses import dataclass

from router.outcomes.watch import OutcomeWatch
from router.routes.threshold import Threshold
from router.routes.watches import Watched


@dataclass(frozen=True, slots=True)
class WatchReport:
    """The watch on a route's certificate.

    Attributes:
        certificate: its id, also while it is suspended; '' without one.
        audits: counted under it.
        missing: audits decided while it was in force that have no score.
        level: what the audits came to; the alarm is at `alarm_at`.
        last_at_ms: Unix milliseconds of when the newest was counted.
    """

    route: str
    certificate: str
    threshold_version: int
    floor: float | None
    audits: int
    missing: int
    level: float
    alarm_at: float
    last_at_ms: int | None
    suspended: bool
    suspended_at_ms: int | None


async def watch_report(watch: OutcomeWatch, thresholds: Iterable[Threshold]) -> list[WatchReport]:
    """One for each threshold in force, in their order.

    Raises:
        StoreUnavailable: no answer.
    """
    in_force = list(thresholds)
    watches = await watch.routes.of(threshold.route for threshold in in_force)
    return [await _one(watch, threshold, watches.get(threshold.route)) for threshold in in_force]


async def _one(watch: OutcomeWatch, threshold: Threshold, watched: Watched | None) -> WatchReport:
    certificate = threshold.certificate
    found = watched if watched is not None and watched.is_of(threshold.version) else None
    ended_ms = threshold.set_at_ms if threshold.suspended else None
    missing = 0
    if certificate is not None:
        since_ms = found.since_ms if found else threshold.set_at_ms
        missing = await watch.missing(threshold.route, since_ms=since_ms, until_ms=ended_ms)
    return WatchReport(
        route=threshold.route,
        certificate=certificate.id if certificate else "",
        threshold_version=threshold.version,
        floor=certificate.floor if certificate else None,
        audits=found.state.audits if found else 0,
        missing=missing,
        level=found.state.level if found else 0.0,
        alarm_at=watch.routes.terms.alarm_at,
        last_at_ms=found.last_at_ms if found else None,
        suspended=threshold.suspended,
        suspended_at_ms=ended_ms,
    )
