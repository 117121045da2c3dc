"""`/metrics`: what Prometheus scrapes, summed over all workers."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from router.bookkeeper import Charge
from router.decision import Decision

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""Set where there are several workers: prometheus_client then keeps its numbers in files there."""

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Gauges(Collector):
    """What is read at the moment of a scrape, of the worker that answers it."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, str, dict[str, float]]] = {}

    def set(self, name: str, meaning: str, values: dict[str, float], *, label: str = "model") -> None:
        """States a gauge; `values` by what the label says, or by '' where it has no label."""
        self.values[name] = (meaning, label, values)

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        for name, (meaning, label, values) in self.values.items():
            family = GaugeMetricFamily(name, meaning, labels=[label] if "" not in values else None)
            for of, value in values.items():
                family.add_metric([of] if of else [], value)
            yield family


@dataclass(frozen=True, slots=True)
class _Series:
    """The numbers of one route, tier, model and reason: looked up once, since labels are slow to find."""

    completions: Counter
    seconds: Histogram
    cost: Counter
    baseline: Counter
    input_tokens: Counter
    output_tokens: Counter


class Metrics:
    """One worker's counters."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._known: dict[tuple[str, str, str, str], _Series] = {}
        self.gauges = Gauges()
        self._registry.register(self.gauges)
        by = ("route", "tier", "model")
        self._completions = Counter(
            "pennyroute_completions", "Queries answered.", (*by, "reason"), registry=self._registry
        )
        self._refusals = Counter(
            "pennyroute_refusals",
            "Queries that got an error, by its code.",
            ("code",),
            registry=self._registry,
        )
        self._replays = Counter(
            "pennyroute_replays",
            "Queries answered by the kept answer to their Idempotency-Key.",
            registry=self._registry,
        )
        self._audits = Counter(
            "pennyroute_audits",
            "Queries drawn to be audited, by what came of it: judged, or why not.",
            ("route", "result"),
            registry=self._registry,
        )
        self._cost = Counter(
            "pennyroute_cost_nano_usd",
            "Cost of answered queries in nano-dollars; the ledger is the exact record.",
            by,
            registry=self._registry,
        )
        self._baseline = Counter(
            "pennyroute_baseline_nano_usd",
            "What the large model would have cost at the same tokens, in nano-dollars.",
            by,
            registry=self._registry,
        )
        self._tokens = Counter(
            "pennyroute_tokens", "Tokens of answered queries.", (*by, "kind"), registry=self._registry
        )
        self._seconds = Histogram(
            "pennyroute_completion_seconds",
            "From the request's arrival to the end of its answer.",
            ("route", "tier"),
            buckets=_SECONDS,
            registry=self._registry,
        )

    def answered(self, decision: Decision, charge: Charge, took_s: float) -> None:
        """Counts an answered query."""
        choice = decision.choice
        by = (decision.route_name, choice.tier.value, decision.model.name, choice.reason.value)
        series = self._known.get(by)
        if series is None:
            series = self._known[by] = self._series(*by)
        series.completions.inc()
        series.seconds.observe(took_s)
        if charge.cost_nano is not None:
            series.cost.inc(charge.cost_nano)
        if charge.baseline_nano is not None:
            series.baseline.inc(charge.baseline_nano)
        if charge.usage is not None:
            series.input_tokens.inc(charge.usage.input_tokens)
            series.output_tokens.inc(charge.usage.output_tokens)

    def _series(self, route: str, tier: str, model: str, reason: str) -> _Series:
        return _Series(
            completions=self._completions.labels(route, tier, model, reason),
            seconds=self._seconds.labels(route, tier),
            cost=self._cost.labels(route, tier, model),
            baseline=self._baseline.labels(route, tier, model),
            input_tokens=self._tokens.labels(route, tier, model, "input"),
            output_tokens=self._tokens.labels(route, tier, model, "output"),
        )

    def refused(self, code: str) -> None:
        """Counts a query that got an error."""
        self._refusals.labels(code).inc()

    def replayed(self) -> None:
        """Counts a query that got an answer given before."""
        self._replays.inc()

    def audited(self, route: str, result: str) -> None:
        """Counts a query that was drawn to be audited."""
        self._audits.labels(route, result).inc()

    def page(self) -> bytes:
        """The text Prometheus reads."""
        if SHARED_FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        registry.register(self.gauges)
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
