"""What a report says of one group: sums of counters, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from router.ledger.histogram import percentile
from router.pricing.money import usd
from router.pricing.usage import UsageSource

TO_LARGE = "requests_to_large"
_HISTOGRAMS = ("latency", "input", "output", "cached")


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a group, or of all of them together.

    A request is a decision that ended; it counts in the group of its last attempt. Tokens, money and
    `attempts` count in the group of the attempt they belong to.

    Attributes:
        all_requests: of the whole report, what `share` is a share of.
        to_large: requests whose last attempt was the large tier's.
        reasoning_tokens: contained in `output_tokens`, as cached ones are in `input_tokens`.
        cost_nano: the sum of what is known.
        baseline_nano: the sum of what is known.
        savings_nano: baseline less cost, over the attempts of which both are known.
        unknown_cost: attempts whose cost is not known.
        unknown_baseline: attempts whose baseline is not known.
        overruns: attempts that cost more than was held for them.
        certified: requests that a certificate held for.
        suspended: requests that went to large because a certificate was suspended.
        cache_hits: requests that a route's cache answered.
        cache_saved_nano: what their models would have charged, where that is known.
        degraded: requests that a ladder took something from.
        uncertified: of those, the ones it may have taken below the route's quality floor.
        audit_nano: the part of the cost that answered nobody: seeing what the other model would have said.
        cost_by_source: nano-dollars by where the usage came from.
        histograms: `latency` (ms), `input`, `output`, `cached` (tokens a request): bucket → requests.
    """

    all_requests: int
    requests: int = 0
    attempts: int = 0
    to_large: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    baseline_nano: int = 0
    savings_nano: int = 0
    unknown_cost: int = 0
    unknown_baseline: int = 0
    overruns: int = 0
    certified: int = 0
    suspended: int = 0
    cache_hits: int = 0
    cache_saved_nano: int = 0
    degraded: int = 0
    uncertified: int = 0
    audit_nano: int = 0
    cost_by_source: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, counters: Mapping[str, int], all_requests: int) -> Self:
        """The figures that a group's summed counters (`router.ledger.entry.increments`) come to."""
        histograms: dict[str, dict[int, int]] = {name: {} for name in _HISTOGRAMS}
        by_source: dict[str, int] = {}
        for metric, amount in counters.items():
            name, _, part = metric.partition(".")
            if part and name in histograms:
                histograms[name][int(part)] = amount
            elif part and name == "cost_nano":
                by_source[part] = amount
        return cls(
            all_requests=all_requests,
            requests=counters.get("requests", 0),
            attempts=counters.get("attempts", 0),
            to_large=counters.get(TO_LARGE, 0),
            errors=counters.get("errors", 0),
            input_tokens=counters.get("input_tokens", 0),
            output_tokens=counters.get("output_tokens", 0),
            cached_input_tokens=counters.get("cached_input_tokens", 0),
            reasoning_tokens=counters.get("reasoning_tokens", 0),
            cost_nano=counters.get("cost_nano", 0),
            baseline_nano=counters.get("baseline_nano", 0),
            savings_nano=counters.get("savings_nano", 0),
            unknown_cost=counters.get("unknown_cost", 0),
            unknown_baseline=counters.get("unknown_baseline", 0),
            overruns=counters.get("overruns", 0),
            certified=counters.get("certified", 0),
            suspended=counters.get("suspended", 0),
            cache_hits=counters.get("cache_hits", 0),
            cache_saved_nano=counters.get("cache_saved_nano", 0),
            degraded=counters.get("degraded", 0),
            uncertified=counters.get("uncertified", 0),
            audit_nano=counters.get("audit_nano", 0),
            cost_by_source={source: by_source[source] for source in UsageSource if by_source.get(source)},
            histograms=histograms,
        )

    @property
    def share(self) -> float | None:
        """Of all requests, 0-1; `None` when there were none."""
        return _ratio(self.requests, self.all_requests)

    @property
    def share_to_large(self) -> float | None:
        """Of the group's requests, 0-1; `None` when it had none."""
        return _ratio(self.to_large, self.requests)

    @property
    def known_cost_nano(self) -> int | None:
        """`cost_nano`, or `None` when the cost of no attempt at all is known."""
        return None if self.unknown_cost and self.unknown_cost >= self.attempts else self.cost_nano

    @property
    def known_baseline_nano(self) -> int | None:
        """`baseline_nano`, or `None` when the baseline of no attempt at all is known."""
        return (
            None if self.unknown_baseline and self.unknown_baseline >= self.attempts else self.baseline_nano
        )

    @property
    def known_savings_nano(self) -> int | None:
        """`savings_nano`, or `None` when there may be no attempt of which both sides are known."""
        unknown = self.unknown_cost + self.unknown_baseline
        return None if unknown and unknown >= self.attempts and not self.savings_nano else self.savings_nano

    @property
    def cost_per_request_nano(self) -> int | None:
        """Rounded half up; `None` without requests, or when a part of the cost is not known."""
        if not self.requests or self.unknown_cost:
            return None
        return (2 * self.cost_nano + self.requests) // (2 * self.requests)

    @property
    def source_shares(self) -> dict[str, float]:
        """Source of usage → share of the known cost; empty when that is 0."""
        if not self.cost_nano:
            return {}
        return {source: round(nano / self.cost_nano, 6) for source, nano in self.cost_by_source.items()}

    def percentile(self, histogram: str, share: float) -> int | None:
        """To within 4.5 %; `None` when nothing was counted."""
        return percentile(self.histograms.get(histogram, {}), share)

    def as_json(self) -> dict[str, Any]:
        """The wire form; docs/reports.md says what each name means."""
        return {
            "requests": self.requests,
            "share": self.share,
            "share_to_large": self.share_to_large,
            "attempts": self.attempts,
            "errors": self.errors,
            "input_tokens": self.input_tokens,
            "input_tokens_p50": self.percentile("input", 0.50),
            "input_tokens_p95": self.percentile("input", 0.95),
            "output_tokens": self.output_tokens,
            "output_tokens_p50": self.percentile("output", 0.50),
            "output_tokens_p95": self.percentile("output", 0.95),
            "cached_input_tokens": self.cached_input_tokens,
            "cached_input_tokens_p50": self.percentile("cached", 0.50),
            "cached_input_tokens_p95": self.percentile("cached", 0.95),
            "reasoning_tokens": self.reasoning_tokens,
            "cost_usd": _usd(self.known_cost_nano),
            "nano_usd": self.known_cost_nano,
            "cost_per_request_usd": _usd(self.cost_per_request_nano),
            "baseline_usd": _usd(self.known_baseline_nano),
            "baseline_nano_usd": self.known_baseline_nano,
            "savings_usd": _usd(self.known_savings_nano),
            "savings_nano_usd": self.known_savings_nano,
            "audit_usd": usd(self.audit_nano),
            "audit_nano_usd": self.audit_nano,
            "cost_by_source": self.source_shares,
            "unknown_cost": self.unknown_cost,
            "unknown_baseline": self.unknown_baseline,
            "overruns": self.overruns,
            "certified": self.certified,
            "suspended": self.suspended,
            "cache_hits": self.cache_hits,
            "cache_saved_usd": usd(self.cache_saved_nano),
            "cache_saved_nano_usd": self.cache_saved_nano,
            "degraded": self.degraded,
            "uncertified": self.uncertified,
            "latency_p50_ms": self.percentile("latency", 0.50),
            "latency_p95_ms": self.percentile("latency", 0.95),
        }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None


def _usd(nano: int | None) -> str | None:
    return None if nano is None else usd(nano)
