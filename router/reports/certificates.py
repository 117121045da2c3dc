"""Which certificates stood with the thresholds while a report's money was spent.

Whether one held for a decision, its ledger entry says: that depends on what was configured then.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from router.moments import HOUR_MS, moment
from router.routes.certificate import CertificateInForce
from router.routes.thresholds import VERSIONS_KEPT, Thresholds
from router.store.connection import Store


@dataclass(frozen=True, slots=True)
class CertificateTerm:
    """The time one certificate stood with a route's threshold.

    Attributes:
        to_ms: Unix milliseconds of when another threshold replaced it; `None` while none did.
        suspended: what replaced it was the watch's withdrawal.
    """

    route: str
    certificate: CertificateInForce
    threshold_version: int
    from_ms: int
    to_ms: int | None
    suspended: bool

    def as_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "route": self.route,
            "certificate": self.certificate.id,
            "floor": self.certificate.floor,
            "confidence": self.certificate.confidence,
            "provisional": self.certificate.provisional,
            "threshold": self.certificate.threshold,
            "threshold_version": self.threshold_version,
            "from": moment(self.from_ms),
            "to": None if self.to_ms is None else moment(self.to_ms),
            "suspended": self.suspended,
        }


async def certificate_terms(
    store: Store, routes: Iterable[str], first_hour: int, end_hour: int
) -> tuple[CertificateTerm, ...]:
    """Those of these routes that overlap a time, by route, oldest first.

    Args:
        store: where thresholds are kept.
        routes: names, of routes or of models that were called directly, which have none.
        first_hour: Unix hour.
        end_hour: Unix hour, exclusive.

    Raises:
        StoreUnavailable: no answer.
    """
    found: list[CertificateTerm] = []
    for route in routes:
        history = await Thresholds(store).history(route, VERSIONS_KEPT)
        for one, following in pairwise([*history[::-1], None]):
            assert one is not None
            ended_ms = following.set_at_ms if following else None
            overlaps = one.set_at_ms < end_hour * HOUR_MS and (
                ended_ms is None or ended_ms >= first_hour * HOUR_MS
            )
            if one.certificate is not None and not one.suspended and overlaps:
                withdrawn = following is not None and following.suspended
                found.append(
                    CertificateTerm(
                        route, one.certificate, one.version, one.set_at_ms, ended_ms, suspended=withdrawn
                    )
                )
    return tuple(found)
