"""Opens and closes the money of an attempt: worst case held before, truth written after."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from policies import Tier
from router.catalog import Model
from router.clock import World
from router.decision import Decision, input_bound
from router.errors import StoreUnavailable
from router.ledger.entry import Entry, Kind, Tokens
from router.ledger.ledger import Hold, Ledger
from router.pricing.book import PriceBook
from router.pricing.price import Price, cost_nano, worst_case_nano
from router.pricing.usage import Usage, UsageSource
from router.record import DecisionRecord, draft, encode_record
from router.spool import Spool

_log = logging.getLogger(__name__)
_OUTPUT_WHEN_UNCAPPED = 16_384


@dataclass(frozen=True, slots=True)
class Spent:
    """How an attempt ended and what it used.

    Attributes:
        outcome: `ok`, or why it failed.
        usage: `None` when it is not known; with `source` `assumed` the worst case is charged.
        source: `None` when the provider charged nothing.
        final: whether the decision ends with it.
        answered: whether the caller got an answer, so that a baseline makes sense.
    """

    outcome: str
    final: bool
    answered: bool = False
    usage: Usage | None = None
    source: UsageSource | None = None
    provider_cost_nano: int | None = None
    served_model: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    first_byte_s: float | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """What an attempt cost, in nano-dollars; `None` where a price is not known."""

    usage: Usage | None
    cost_nano: int | None
    baseline_nano: int | None
    source: UsageSource | None


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt whose money is held.

    Attributes:
        worst: the entry that is written if this worker dies.
        record: the decision as it stands.
        started_s: monotonic seconds.
    """

    decision: Decision
    model: Model
    worst: Entry
    record: DecisionRecord
    started_s: float
    tokens_bound: Usage


class Bookkeeper:
    """The money side of every attempt of one worker."""

    def __init__(
        self, ledger: Ledger, spool: Spool, book: PriceBook, world: World, *, continue_without_store: bool
    ) -> None:
        self._ledger = ledger
        self._spool = spool
        self._book = book
        self._world = world
        self._continue = continue_without_store
        self._pending: set[asyncio.Task[None]] = set()
        self.open_attempts: dict[str, set[str]] = {}

    async def open(self, decision: Decision, model: Model, number: int, *, version: str) -> OpenAttempt:
        """Holds the worst case of calling `model`.

        Raises:
            StaleSettings: decide again.
            StoreUnavailable: the store is away and the configuration does not let calls go on.
        """
        attempt = self._draft(decision, model, number)
        account = decision.query.caller.account
        try:
            at_ms = await self._ledger.reserve(
                account, Hold(attempt.worst, encode_record(attempt.record)), version=version
            )
        except StoreUnavailable:
            if not self._continue:
                self._spool_void(account, attempt)
                raise
            attempt = replace(attempt, record=msgspec.structs.replace(attempt.record, enforced=False))
        except asyncio.CancelledError:
            self.later(self._void(attempt, "client_gone"))
            raise
        else:
            attempt = replace(attempt, worst=msgspec.structs.replace(attempt.worst, at_ms=at_ms))
        self.open_attempts.setdefault(account, set()).add(attempt.worst.attempt_id)
        return attempt

    async def close(self, attempt: OpenAttempt, spent: Spent) -> Charge:
        """Writes what the attempt used; never loses it, whatever the store does."""
        entry, charge = self._entry(attempt, spent)
        record = msgspec.structs.replace(
            attempt.record,
            status=spent.outcome if spent.final else "open",
            finish_reason=spent.finish_reason,
            output=spent.output if attempt.record.messages is not None else None,
        )
        account = attempt.record.account
        try:
            await self._ledger.settle(account, entry, encode_record(record))
        except StoreUnavailable as error:
            _log.warning("attempt %s is spooled: %s", entry.attempt_id, error)
            self._spool.append(account, entry, encode_record(record))
        finally:
            self.open_attempts.get(account, set()).discard(entry.attempt_id)
        return charge

    def close_later(self, attempt: OpenAttempt, spent: Spent) -> None:
        """Closes in the background: for when the caller is gone and nobody waits."""
        self.later(self.close(attempt, spent))

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs work that outlives its request; `drain` waits for it."""

        async def run() -> None:
            try:
                await work
            except Exception:
                _log.exception("background settling failed")

        task = asyncio.get_running_loop().create_task(run())
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def drain(self) -> None:
        """Waits until everything that was put off is written."""
        while self._pending:
            await asyncio.gather(*self._pending)

    def price_only(self, decision: Decision) -> Charge:
        """What a dry run would cost at its estimated input and its output cap (or none)."""
        output = decision.inputs.output_tokens or 0
        usage = Usage(input_tokens=decision.inputs.input_tokens, output_tokens=output)
        cost = None if decision.model.price is None else cost_nano(usage, decision.model.price)
        baseline = None if decision.large.price is None else cost_nano(usage, decision.large.price)
        return Charge(usage, cost, baseline, UsageSource.COUNTED)

    def _draft(self, decision: Decision, model: Model, number: int) -> OpenAttempt:
        now_ms = self._world.now_ms()
        record = draft(decision, now_ms, enforced=True)
        bound = self._bound(decision, model)
        held = (
            0
            if model.price is None
            else worst_case_nano(model.price, bound.input_tokens, bound.output_tokens)
        )
        query = decision.query
        tier = _tier_of(decision, model)
        worst = Entry(
            kind=Kind.ASSUME,
            attempt_id=f"{decision.id}-{number}",
            decision_id=decision.id,
            at_ms=now_ms,
            number=number,
            final=True,
            outcome="worker_died",
            route=decision.route_name,
            tier=tier,
            model=model.name,
            provider=model.provider,
            served_model=None,
            service_tier=None,
            key_id=query.caller.key_id,
            labels=query.labels,
            reason=decision.choice.reason,
            difficulty=record.difficulty,
            threshold=record.threshold,
            threshold_version=record.threshold_version,
            classifier=record.classifier,
            tokens=_tokens(bound),
            cost_nano=None if model.price is None else held,
            baseline_nano=0,
            usage_source=UsageSource.ASSUMED,
            price_book=self._book.version,
            price_basis="requested",
            held_nano=held,
            latency_ms=None,
            first_byte_ms=None,
            decision_ms=None,
        )
        record = msgspec.structs.replace(record, tier=tier, model=model.name, status="worker_died")
        return OpenAttempt(decision, model, worst, record, self._world.monotonic_s(), bound)

    def _bound(self, decision: Decision, model: Model) -> Usage:
        output = decision.inputs.output_tokens or model.max_output_tokens or _OUTPUT_WHEN_UNCAPPED
        return Usage(input_tokens=input_bound(decision.query), output_tokens=output * decision.query.answers)

    def _entry(self, attempt: OpenAttempt, spent: Spent) -> tuple[Entry, Charge]:
        charge, basis = self._charge(attempt, spent)
        now_s = self._world.monotonic_s()
        arrived_s = attempt.decision.query.arrived_s
        entry = msgspec.structs.replace(
            attempt.worst,
            kind=Kind.VOID if spent.source is None else Kind.SETTLE,
            final=spent.final,
            outcome=spent.outcome,
            served_model=spent.served_model,
            service_tier=spent.service_tier,
            reason=attempt.record.reason,
            tokens=None if charge.usage is None else _tokens(charge.usage),
            cost_nano=charge.cost_nano,
            baseline_nano=charge.baseline_nano,
            usage_source=charge.source or "",
            price_basis=basis,
            latency_ms=round((now_s - attempt.started_s) * 1000),
            first_byte_ms=None if spent.first_byte_s is None else round(spent.first_byte_s * 1000),
            decision_ms=round((now_s - arrived_s) * 1000) if spent.final else None,
        )
        return entry, charge

    def _charge(self, attempt: OpenAttempt, spent: Spent) -> tuple[Charge, str]:
        if spent.source is None:
            return Charge(None, 0, 0, None), "requested"
        usage = spent.usage if spent.usage is not None else attempt.tokens_bound
        price, basis = self._price(attempt.model, spent.served_model)
        if spent.provider_cost_nano is not None:
            cost: int | None = spent.provider_cost_nano
        else:
            cost = None if price is None else cost_nano(usage, price, spent.service_tier)
        large = attempt.decision.large
        baseline: int | None = 0
        if spent.answered and large.name == attempt.model.name:
            baseline = cost
        elif spent.answered:
            baseline = None if large.price is None else cost_nano(usage, large.price)
        return Charge(usage, cost, baseline, spent.source), basis

    def _price(self, model: Model, served: str | None) -> tuple[Price | None, str]:
        if model.price is None or not model.price_from_book:
            return model.price, "requested"
        return self._book.served(model.price.provider, model.price.model, served)

    async def _void(self, attempt: OpenAttempt, outcome: str) -> None:
        await self.close(attempt, Spent(outcome=outcome, final=True))

    def _spool_void(self, account: str, attempt: OpenAttempt) -> None:
        """The hold may have landed although no answer came: see that it is not charged as assumed."""
        entry, _ = self._entry(attempt, Spent(outcome="store_unavailable", final=True))
        record = msgspec.structs.replace(attempt.record, status="store_unavailable")
        self._spool.append(account, entry, encode_record(record))


def _tier_of(decision: Decision, model: Model) -> str:
    if decision.route is not None and model.name == decision.route.small.name:
        return Tier.SMALL
    if decision.route is not None and model.name == decision.route.large.name:
        return Tier.LARGE
    return decision.choice.tier


def _tokens(usage: Usage) -> Tokens:
    return Tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.image_input_tokens,
    )
