"""The threshold of a route at one version."""

from dataclasses import dataclass

from router.moments import moment
from router.routes.certificate import CertificateInForce


@dataclass(frozen=True, slots=True)
class Threshold:
    """A route's threshold at one version.

    Attributes:
        value: difficulty at and above it goes to the large model, 0-1.
        set_at_ms: Unix milliseconds of the store's time.
        set_by: a key's id, a person's login, `config`, or `watch`.
        certificate: what was proven of it, if anything was.
        suspended: the watch withdrew the certificate; all goes to large until a person or a new certificate
            sets another threshold.
    """

    route: str
    value: float
    version: int
    set_by: str
    set_at_ms: int
    reason: str
    certificate: CertificateInForce | None = None
    suspended: bool = False

    def as_json(self) -> dict[str, object]:
        """The wire form."""
        return {
            "route": self.route,
            "threshold": self.value,
            "version": self.version,
            "set_by": self.set_by,
            "set_at": moment(self.set_at_ms),
            "reason": self.reason,
            "suspended": self.suspended,
            "certificate": self.certificate.as_json() if self.certificate else None,
        }
