"""The threshold of a route at one version."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Threshold:
    """A route's threshold at one version.

    Attributes:
        value: difficulty at and above it goes to the large model, 0-1.
        set_at_ms: Unix milliseconds of the store's time.
        set_by: a key's id, a person's login, or `config`.
    """

    route: str
    value: float
    version: int
    set_by: str
    set_at_ms: int
    reason: str

    def as_json(self) -> dict[str, object]:
        """The wire form."""
        return {
            "route": self.route,
            "threshold": self.value,
            "version": self.version,
            "set_by": self.set_by,
            "set_at": datetime.fromtimestamp(self.set_at_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "reason": self.reason,
        }
