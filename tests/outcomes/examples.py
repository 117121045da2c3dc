"""Outcomes and certificates that tests of outcomes begin with."""

import time
from typing import Any

from msgspec.structs import replace

from router.outcomes.record import OutcomeRecord, TierOutcome
from router.routes.certificate import CertificateInForce
from router.routes.threshold import Threshold
from router.routes.thresholds import Change, Thresholds
from router.store.connection import Store
from tests.certificates import a_certificate

ROUTE = "support"
FLOOR = 0.9


def decision_id(number: int) -> str:
    return f"dec_{number:026d}"


def an_outcome(number: int = 1, **more: Any) -> OutcomeRecord:
    """Drawn by the audit, and not scored yet."""
    plain: dict[str, Any] = {
        "id": decision_id(number),
        "route": ROUTE,
        "at_ms": time.time_ns() // 1_000_000 - 60_000 + number,
        "tier": "small",
        "difficulty": 0.05,
        "threshold": 0.12,
        "threshold_version": 1,
        "certificate": "",
        "classifier": "clf",
        "share": 0.02,
        "drawn": 0.001,
        "small": TierOutcome(model="tiny", cost_nano=1_000),
        "large": TierOutcome(model="big", cost_nano=40_000),
    }
    return OutcomeRecord(**plain | more)


def judged(number: int, small: float, large: float, *, by: str = "judge", **more: Any) -> OutcomeRecord:
    """The same with both scores."""
    plain = an_outcome(number, **more)
    return replace(
        plain,
        small=replace(plain.small, score=small),
        large=replace(plain.large, score=large),
        judged_by=by,
    )


async def in_force(store: Store, certificate: CertificateInForce | None = None) -> Threshold:
    """Puts a certificate in force on the route."""
    certificate = certificate or a_certificate(floor=FLOOR)
    change = Change(ROUTE, certificate.threshold, "tests", "", None, certificate)
    return await Thresholds(store).set(change)
