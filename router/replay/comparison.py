"""Two ways of deciding the same queries: differences with intervals, and the queries that change tier."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from policies import Tier
from router.pricing.money import usd
from router.replay.deciding import Decided, Replayed
from router.replay.figures import Figures, score_of

_TWO_SIDED_95: Final = 1.959963984540054
FEWEST: Final = 2
"""Of fewer pairs no spread can be estimated."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference, second less first, over n pairs, with its 95 % interval.

    The interval is the normal one of paired differences; `None` of fewer than two pairs. It says how far the
    difference may be off for other traffic of the same kind, not for these queries: for them it is exact.
    """

    value: float
    low: float | None
    high: float | None
    n: int

    @classmethod
    def of(cls, pairs: Sequence[float]) -> "Difference | None":
        """The mean of the differences; `None` without any."""
        n = len(pairs)
        if not n:
            return None
        mean = math.fsum(pairs) / n
        if n < FEWEST:
            return cls(mean, None, None, n)
        variance = math.fsum((pair - mean) ** 2 for pair in pairs) / (n - 1)
        reach = _TWO_SIDED_95 * math.sqrt(variance / n)
        return cls(mean, mean - reach, mean + reach, n)

    def scaled(self, factor: float) -> "Difference":
        """The same in another unit; `factor` above 0."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Difference(self.value * factor, low, high, self.n)

    def as_json(self) -> dict[str, Any]:
        """The wire form."""
        return {"value": self.value, "low": self.low, "high": self.high, "n": self.n}


@dataclass(frozen=True, slots=True)
class Side:
    """One way of deciding: a configuration, or what the service did; a decision for each query."""

    label: str
    decided: tuple[Decided, ...]

    def figures(self, rows: Sequence[Replayed]) -> Figures:
        """Its sums over all queries."""
        return Figures.of((one, row.sides) for one, row in zip(self.decided, rows, strict=True))

    def by_route(self, rows: Sequence[Replayed]) -> dict[str, Figures]:
        """Its sums for each route, in the order of the traffic."""
        found: dict[str, Figures] = {}
        for one, row in zip(self.decided, rows, strict=True):
            found.setdefault(row.route, Figures()).add(one, row.sides)
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """A query that one side sends elsewhere than the other."""

    row: Replayed
    first: Decided
    second: Decided

    def as_json(self, labels: tuple[str, str]) -> dict[str, Any]:
        """The wire form, each side under its label."""
        return {
            "id": self.row.id,
            "route": self.row.route,
            **{
                label: {
                    "tier": one.tier,
                    "reason": one.reason,
                    "difficulty": one.difficulty,
                    "threshold": one.threshold,
                    "classifier": one.scored_by,
                    "cost_usd": None if one.cost_nano is None else usd(one.cost_nano),
                }
                for label, one in zip(labels, (self.first, self.second), strict=True)
            },
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the second side differs from the first, over the queries that both answer.

    Attributes:
        share_to_large: difference of shares, 0-1.
        cost_nano: mean difference a query, of those whose costs are both known.
        total_nano: the exact sum of the same.
        quality: mean difference of scores, of those that have them.
        share_of_large_quality: the same as a share of always-large quality.
    """

    labels: tuple[str, str]
    both_answer: int
    same_tier: int
    changes: tuple[Change, ...]
    share_to_large: Difference | None
    cost_nano: Difference | None
    total_nano: int | None
    quality: Difference | None
    share_of_large_quality: Difference | None

    @classmethod
    def of(cls, rows: Sequence[Replayed], first: Side, second: Side) -> "Comparison":
        """Compares two sides of the same traffic."""
        triples = list(zip(rows, first.decided, second.decided, strict=True))
        both = [one for one in triples if one[1].tier is not None and one[2].tier is not None]
        changes = tuple(Change(row, a, b) for row, a, b in triples if a.tier != b.tier)
        costs = [
            b.cost_nano - a.cost_nano
            for _, a, b in both
            if a.cost_nano is not None and b.cost_nano is not None
        ]
        judged = [(row.sides, a, b) for row, a, b in both if row.sides is not None]
        large = math.fsum(sides.large_score for sides, _, _ in judged)
        quality = Difference.of([score_of(b, sides) - score_of(a, sides) for sides, a, b in judged])
        return cls(
            labels=(first.label, second.label),
            both_answer=len(both),
            same_tier=len(triples) - len(changes),
            changes=changes,
            share_to_large=Difference.of([_is_large(b) - _is_large(a) for _, a, b in both]),
            cost_nano=Difference.of(costs),
            total_nano=sum(costs) if costs else None,
            quality=quality,
            share_of_large_quality=_share_of_large(judged, large),
        )

    def as_json(self, most_changes: int) -> dict[str, Any]:
        """The wire form, with at most so many changes."""
        parts = {
            "share_to_large": self.share_to_large,
            "cost_nano_usd_a_query": self.cost_nano,
            "quality": self.quality,
            "share_of_always_large_quality": self.share_of_large_quality,
        }
        return {
            "between": list(self.labels),
            "both_answer": self.both_answer,
            "same_tier": self.same_tier,
            "changed": len(self.changes),
            **{name: part.as_json() if part else None for name, part in parts.items()},
            "cost_usd": None if self.total_nano is None else usd(self.total_nano),
            "changes": [change.as_json(self.labels) for change in self.changes[:most_changes]],
        }


def _share_of_large(judged: Iterable[tuple[Any, Decided, Decided]], large: float) -> Difference | None:
    """The difference of two ratios with the same denominator, by the delta method.

    Its spread is that of (qb - qa) - d·large, divided by the mean of large.
    """
    if not large:
        return None
    rows = [(score_of(b, sides) - score_of(a, sides), sides.large_score) for sides, a, b in judged]
    n = len(rows)
    ratio = math.fsum(gained for gained, _ in rows) / large
    around = Difference.of([gained - ratio * score for gained, score in rows])
    if around is None or around.low is None or around.high is None:
        return Difference(ratio, None, None, n)
    mean = large / n
    return Difference(ratio, ratio + around.low / mean, ratio + around.high / mean, n)


def _is_large(decided: Decided) -> float:
    return float(decided.tier == Tier.LARGE)
