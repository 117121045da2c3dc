"""The share of a route's queries that is audited: as configured, or as much as a month's money allows."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from router.audit.terms import AuditTerms
from router.audit.traffic import TierTraffic, Traffic, TrafficReader
from router.catalog import Model, Route
from router.errors import StoreUnavailable
from router.pricing.money import usd
from router.pricing.price import cost_nano
from router.pricing.usage import Usage
from router.store.connection import Store, StoreRefused

_log = logging.getLogger(__name__)

SOLVE_EVERY_S: Final = 60.0
FIRST_SHARE: Final = 0.01
"""Where a month's money is given and there is no traffic yet to say how far it goes."""

_JUDGEMENTS: Final = 2  # both orders
_JUDGE_READS_BESIDE: Final = 300  # tokens of instructions
_JUDGE_SAYS: Final = 10  # tokens


def solved_share(left_nano: int, traffic: Traffic, audit_nano: float) -> float:
    """The share with which the rest of the month's money lasts to its end, 0-1.

    Args:
        left_nano: what audits may still cost this month.
        traffic: how much there was lately, and will be.
        audit_nano: what one audit is expected to cost.
    """
    if left_nano <= 0:
        return 0.0
    requests = traffic.small.requests + traffic.large.requests
    if not requests:
        return FIRST_SHARE
    expected = requests / traffic.hours * traffic.month_hours_left * audit_nano
    return 1.0 if expected <= left_nano else left_nano / expected


def expected_audit_nano(route: Route, traffic: Traffic, judge: Model | None) -> float:
    """What auditing one query is expected to cost, nano-dollars: the other tier's answer, and judging both.

    A tier that answered nobody lately is taken to need the other one's tokens at its own price.
    """
    small, large = traffic.small, traffic.large
    requests = small.requests + large.requests
    if not requests:
        return 0.0
    other = (
        small.requests * _answer_nano(route.large, large, small)
        + large.requests * _answer_nano(route.small, small, large)
    ) / requests
    return other + _judging_nano(judge, small, large)


def _answer_nano(model: Model, own: TierTraffic, other: TierTraffic) -> float:
    if own.requests and own.cost_nano > 0:
        return own.cost_nano / own.requests
    size = _mean_usage(own if own.requests else other)
    return 0.0 if model.price is None else float(cost_nano(size, model.price))


def _judging_nano(judge: Model | None, small: TierTraffic, large: TierTraffic) -> float:
    if judge is None or judge.price is None:
        return 0.0
    sizes = [_mean_usage(tier) for tier in (small, large) if tier.attempts]
    question = max(size.input_tokens for size in sizes)
    answers = sum(size.output_tokens for size in sizes) * 2 // len(sizes)
    usage = Usage(question + answers + _JUDGE_READS_BESIDE, _JUDGE_SAYS)
    return float(_JUDGEMENTS * cost_nano(usage, judge.price))


def _mean_usage(tier: TierTraffic) -> Usage:
    attempts = max(1, tier.attempts)
    return Usage(round(tier.input_tokens / attempts), round(tier.output_tokens / attempts))


@dataclass(slots=True)
class _Allowance:
    """A route whose audits have an amount a month.

    Attributes:
        booked_nano: what this worker's audits cost since the ledger was read.
    """

    route: Route
    amount_nano: int
    judge: Model | None
    reader: TrafficReader
    share: float = 0.0
    spent_nano: int = 0
    month: str = ""
    booked_nano: int = 0
    told: str = ""

    @property
    def spent_up(self) -> bool:
        return self.spent_nano + self.booked_nano >= self.amount_nano


class Shares:
    """The share in force on each audited route, solved again every minute where it follows from money."""

    def __init__(self, store: Store, routes: Mapping[str, Route], models: Mapping[str, Model]) -> None:
        audited = {name: route.audit for name, route in routes.items() if route.audit is not None}
        self._fixed = {name: terms.share for name, terms in audited.items() if terms.share is not None}
        self._allowances = {
            name: _Allowance(
                routes[name], terms.month_nano, _judge(terms, models), TrafficReader(store, name)
            )
            for name, terms in audited.items()
            if terms.month_nano is not None
        }

    def share(self, route: str) -> float:
        """The chance with which a query of the route is audited now, 0-1; 0 once its money is spent."""
        fixed = self._fixed.get(route)
        if fixed is not None:
            return fixed
        allowance = self._allowances.get(route)
        if allowance is None:
            return 0.0
        self._tell(allowance)
        return 0.0 if allowance.spent_up else allowance.share

    def in_force(self) -> dict[str, float]:
        """Route → its share, for those that are audited."""
        return {name: self.share(name) for name in (*self._fixed, *self._allowances)}

    def booked(self, route: str, nano: int | None) -> None:
        """Counts what an audit cost, until the ledger is read again and has it."""
        allowance = self._allowances.get(route)
        if allowance is not None:
            allowance.booked_nano += nano or 0

    async def solve(self) -> None:
        """Reads the ledger and works every share out anew.

        Raises:
            StoreUnavailable: no answer; what was worked out before stays.
            StoreRefused: what is there cannot be read.
        """
        for allowance in self._allowances.values():
            before = allowance.booked_nano
            traffic = await allowance.reader.read()
            allowance.spent_nano = traffic.month_audit_nano
            allowance.booked_nano -= before  # what was booked during the reading counts twice, for a minute
            allowance.month = traffic.month
            left = allowance.amount_nano - allowance.spent_nano
            each = expected_audit_nano(allowance.route, traffic, allowance.judge)
            allowance.share = solved_share(left, traffic, each)
            self._tell(allowance)

    async def keep_solving(self) -> None:
        """Runs for as long as the worker does."""
        while self._allowances:
            await asyncio.sleep(SOLVE_EVERY_S)
            try:
                await self.solve()
            except StoreUnavailable:
                continue  # an outage is told by the upkeep; nothing is audited meanwhile
            except (StoreRefused, ValueError) as error:
                _log.error("the shares of audits cannot be worked out: %s", error)

    def _tell(self, allowance: _Allowance) -> None:
        """Says once a month that the money is spent."""
        if allowance.spent_up and allowance.told != allowance.month:
            allowance.told = allowance.month
            _log.warning(
                "route %s: no more audits in %s: they cost %s of %s US dollars (audit.usd_per_month)",
                allowance.route.name,
                allowance.month,
                usd(allowance.spent_nano + allowance.booked_nano),
                usd(allowance.amount_nano),
            )


def _judge(terms: AuditTerms, models: Mapping[str, Model]) -> Model | None:
    return models[terms.judge.model] if terms.judge.model else None
