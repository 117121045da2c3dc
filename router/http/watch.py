"""`/v1/routes/{route}/watch`: what audits say of the certificate in force."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from router.http.metrics import Gauges
from router.http.parts import CallerDep, Parts, PartsDep
from router.live import Known
from router.moments import moment
from router.outcomes.report import WatchReport, watch_report
from router.proof import standing_of

router = APIRouter(tags=["thresholds"])


class WatchAnswer(BaseModel):
    """The watch on the certificate of a route."""

    route: str
    certificate: str | None = Field(description="Id of the one that is watched; null without one.")
    threshold_version: int
    holds: bool | None = Field(
        description="Whether it proves anything of what the route decides now; null without one. While it "
        "does not, no decision is made under it, and none counts."
    )
    why_not: str | None = Field(description="Why it does not; null where it holds or there is none.")
    floor: float | None = Field(description="That it certifies: the share of always-large quality kept.")
    audits: int = Field(description="Audited queries that were counted under it.")
    missing: int = Field(description="Audited queries of the same time that have no score.")
    level: float = Field(description="What the audits came to; the alarm is at `alarm_at`.")
    alarm_at: float
    last_at: str | None = Field(description="When the newest audit was counted.")
    suspended: bool
    suspended_at: str | None


@router.get("/v1/routes/{route:path}/watch", summary="What audits say of a route's certificate")
async def read(route: str, parts: PartsDep, _: CallerDep) -> WatchAnswer:
    """How many audits were counted, and how near they are to the alarm that withdraws the certificate."""
    known = parts.catalog.route(route)
    threshold = await parts.thresholds.current(known.name) or await parts.thresholds.seed(
        known.name, known.threshold
    )
    [found] = await watch_report(parts.outcomes.watch, [threshold])
    return WatchAnswer(
        route=found.route,
        certificate=found.certificate or None,
        **standing_of(known, threshold, parts.classifier).as_json(),
        threshold_version=found.threshold_version,
        floor=found.floor,
        audits=found.audits,
        missing=found.missing,
        level=found.level,
        alarm_at=found.alarm_at,
        last_at=_moment(found.last_at_ms),
        suspended=found.suspended,
        suspended_at=_moment(found.suspended_at_ms),
    )


async def state_watch(gauges: Gauges, parts: Parts) -> None:
    """Brings the gauges of all watches up to date.

    Raises:
        StoreUnavailable: only those that need no store are.
    """
    gauges.set(
        "pennyroute_certificate_suspended",
        "1 where the watch withdrew the certificate and all goes to the large model.",
        _suspended(parts.live.known),
        label="route",
    )
    known = parts.live.known.thresholds.values()
    found = await watch_report(parts.outcomes.watch, [one for one in known if one.certificate])
    for name, meaning, values in (
        ("level", "What the audits under the certificate came to.", _by_route(found, "level")),
        ("alarm_at", "The level at which the certificate is withdrawn.", _by_route(found, "alarm_at")),
        ("audits", "Audits counted under the certificate.", _by_route(found, "audits")),
        ("audits_missing", "Audits of the same time without a score.", _by_route(found, "missing")),
    ):
        gauges.set(f"pennyroute_watch_{name}", meaning, values, label="route")


def _suspended(known: Known) -> dict[str, float]:
    return {route: float(threshold.suspended) for route, threshold in known.thresholds.items()}


def _by_route(found: list[WatchReport], name: str) -> dict[str, float]:
    return {one.route: float(getattr(one, name)) for one in found}


def _moment(at_ms: int | None) -> str | None:
    return None if at_ms is None else moment(at_ms)
