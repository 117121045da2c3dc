"""How long outcomes are kept, and how many."""

from dataclasses import dataclass

_A_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class OutcomeTerms:
    """How long outcomes are kept, and how many: the newest ones of each route.

    Attributes:
        retention_days: after the decision.
        kept_a_route: of each account; so many audited ones, and beside them so many that somebody scored.
    """

    retention_days: int = 90
    kept_a_route: int = 20_000

    @property
    def retention_ms(self) -> int:
        """The same in milliseconds."""
        return self.retention_days * _A_DAY_MS
