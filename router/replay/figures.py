"""What one configuration makes of all the traffic: shares, reasons, money and quality, in sums."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from policies import Tier
from router.pricing.money import usd
from router.replay.asked import Sides
from router.replay.deciding import Decided


@dataclass(slots=True)
class Figures:
    """Sums over queries; money in nano-dollars.

    Attributes:
        refused: the service would have answered an error.
        cost_nano: over those whose cost is known.
        unknown_cost: how many are in no sum.
        saved_nano: against always-large, over those of which both costs are known.
        compared_nano: what always-large would have cost, over the same.
        judged: how many have scores.
        quality: the sum of the routed tiers' scores; `large_quality` and `small_quality` of each tier's.
    """

    queries: int = 0
    refused: int = 0
    to_large: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    cost_nano: int = 0
    unknown_cost: int = 0
    saved_nano: int = 0
    compared_nano: int = 0
    compared: int = 0
    judged: int = 0
    quality: float = 0.0
    large_quality: float = 0.0
    small_quality: float = 0.0

    @classmethod
    def of(cls, decisions: Iterable[tuple[Decided, Sides | None]]) -> "Figures":
        """The sums over decisions, each with what is known of both tiers' answers."""
        found = cls()
        for decided, sides in decisions:
            found.add(decided, sides)
        return found

    def add(self, decided: Decided, sides: Sides | None) -> None:
        """One more."""
        self.queries += 1
        self.reasons[decided.reason] += 1
        self.refused += decided.tier is None
        self.to_large += decided.tier == Tier.LARGE
        if decided.cost_nano is None:
            self.unknown_cost += 1
        else:
            self.cost_nano += decided.cost_nano
            if decided.large_nano is not None:
                self.compared += 1
                self.compared_nano += decided.large_nano
                self.saved_nano += decided.large_nano - decided.cost_nano
        if sides is not None and decided.tier is not None:
            self.judged += 1
            self.quality += score_of(decided, sides)
            self.large_quality += sides.large_score
            self.small_quality += sides.small_score

    @property
    def answered(self) -> int:
        """Queries that a model answers."""
        return self.queries - self.refused

    @property
    def share_to_large(self) -> float | None:
        """Of those answered, 0-1; `None` without any."""
        return self.to_large / self.answered if self.answered else None

    @property
    def known_cost_nano(self) -> int | None:
        """`None` where not one cost is known."""
        return self.cost_nano if self.unknown_cost < self.queries else None

    @property
    def mean_quality(self) -> float | None:
        """0-1; `None` without scores."""
        return self.quality / self.judged if self.judged else None

    @property
    def share_of_large_quality(self) -> float | None:
        """Routed quality as a share of always-large quality; `None` without scores, or where that is 0."""
        return self.quality / self.large_quality if self.large_quality else None

    def as_json(self) -> dict[str, Any]:
        """The wire form; money as exact decimal strings of US dollars."""
        cost = self.known_cost_nano
        judged = self.judged or None
        return {
            "queries": self.queries,
            "refused": self.refused,
            "to_large": self.to_large,
            "share_to_large": self.share_to_large,
            "reasons": dict(self.reasons.most_common()),
            "cost_usd": None if cost is None else usd(cost),
            "cost_nano_usd": cost,
            "unknown_cost": self.unknown_cost,
            "always_large_usd": usd(self.compared_nano) if self.compared else None,
            "savings_usd": usd(self.saved_nano) if self.compared else None,
            "judged": self.judged,
            "quality": self.mean_quality,
            "always_small_quality": judged and self.small_quality / judged,
            "always_large_quality": judged and self.large_quality / judged,
            "share_of_always_large_quality": self.share_of_large_quality,
        }


def score_of(decided: Decided, sides: Sides) -> float:
    """What the chosen tier's answer scored, 0-1."""
    return sides.large_score if decided.tier == Tier.LARGE else sides.small_score
