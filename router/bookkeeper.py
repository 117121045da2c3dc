"""Opens and closes the money of an attempt: worst case held before, truth written after."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from policies import Tier
from router.budgets.budget import Asker, Claim, Unit, claims_of
from router.catalog import Model
from router.clock import World
from router.decision import Decision
from router.errors import EnforcementUnavailable, StoreUnavailable
from router.ledger.entry import Entry, Kind, Tokens, attempt_id
from router.ledger.ledger import Hold, Ledger, StaleSettings
from router.live import LiveSettings
from router.moments import utc
from router.pricing.book import PriceBook
from router.pricing.price import Price, cost_nano
from router.pricing.usage import Usage, UsageSource
from router.record import OPEN, DecisionRecord, draft, encode_record
from router.spool import Spool
from router.store.connection import StoreRefused
from router.trimming import input_bound
from router.worst_case import bound_of, worst_nano

_log = logging.getLogger(__name__)
_TRIES_AT_FRESH_BUDGETS = 5


class Spent(msgspec.Struct, frozen=True):
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


class Charge(msgspec.Struct, frozen=True):
    """What an attempt cost, in nano-dollars; `None` where a price is not known."""

    usage: Usage | None
    cost_nano: int | None
    baseline_nano: int | None
    source: UsageSource | None

    def after(self, failed: "Charge") -> "Charge":
        """With what a failed attempt before it cost; the less certain source stands for both."""
        both = None
        if self.cost_nano is not None and failed.cost_nano is not None:
            both = self.cost_nano + failed.cost_nano
        return replace(self, cost_nano=both, source=failed.source or self.source)


NOTHING_SPENT = Charge(None, 0, 0, None)
"""Of a decision before its first attempt."""


class OpenAttempt(msgspec.Struct, frozen=True):
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
    """The money side of every attempt of one worker.

    Attributes:
        open_attempts: account → ids of the attempts in flight, whose holds must be kept alive.
    """

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        book: PriceBook,
        world: World,
        live: LiveSettings | None = None,  # without it there are no budgets
    ) -> None:
        self._ledger = ledger
        self._live = live
        self._spool = spool
        self._book = book
        self._world = world
        self._pending: set[asyncio.Task[object]] = set()
        self.open_attempts: dict[str, set[str]] = {}

    async def open(self, decision: Decision, model: Model, number: int, *, version: str) -> OpenAttempt:
        """Holds the worst case of calling `model`, in every budget that applies.

        While the store is away the call goes on without a hold, unless a hard budget applies.

        Args:
            decision: what is attempted.
            model: whom is called.
            number: 1 for a decision's first attempt.
            version: the account's settings version the decision was made with; '' accepts any.

        Raises:
            StaleSettings: decide again.
            BudgetExceeded: a hard budget has too little left; nothing is held.
            EnforcementUnavailable: a hard budget applies, and nobody can tell whether the call fits it.
            StoreRefused: what the store holds does not let it be held.
        """
        attempt = self._draft(decision, model, number)
        account = decision.query.caller.account
        budgets = self._live.budgets(account) if self._live else ()
        claims = claims_of(budgets, asker_of(decision, model))
        _check_priced(claims, attempt)
        try:
            held = await self._ledger.reserve(
                account, Hold(attempt.worst, encode_record(attempt.record), claims), version=version
            )
        except StoreUnavailable as away:
            attempt = replace(attempt, record=replace(attempt.record, enforced=False))
            if any(claim.budget.hard for claim in claims):  # the hold may have landed all the same
                self.close_later(attempt, Spent(outcome=EnforcementUnavailable.code, final=True))
                raise EnforcementUnavailable(
                    "a hard budget applies, and the store does not say what is left of it; try again"
                ) from away
        except asyncio.CancelledError:  # the hold may land all the same
            self.close_later(attempt, Spent(outcome="client_gone", final=True))
            raise
        else:
            attempt = replace(attempt, worst=replace(attempt.worst, at_ms=held.at_ms, budgets=held.budgets))
        self.open_attempts.setdefault(account, set()).add(attempt.worst.attempt_id)
        return attempt

    async def open_next(self, decision: Decision, number: int) -> OpenAttempt:
        """Holds an attempt that no new decision stands before, in the budgets that are in force now.

        Raises:
            PennyrouteError: as `open`, but never that something is stale.
        """
        account = decision.query.caller.account
        for _ in range(_TRIES_AT_FRESH_BUDGETS):
            version = self._live.known.versions.get(account, "0") if self._live else ""
            try:
                return await self.open(decision, decision.model, number, version=version)
            except StaleSettings:
                if self._live:
                    await self._live.refresh()
        raise StoreUnavailable("thresholds, keys or budgets keep changing; try again")

    async def close(self, attempt: OpenAttempt, spent: Spent) -> Charge:
        """Writes what the attempt used; never loses it, whatever the store or the caller does.

        Raises:
            StoreUnavailable: neither the store nor the spool took it; the hold is charged as assumed.
        """
        entry, record, charge = self._closing(attempt, spent)
        account = attempt.record.account
        try:
            await self._write(account, entry, record)
        except asyncio.CancelledError:
            # The caller leaves; what is on its way lands all the same, and doing it again changes nothing.
            self.later(self._write(account, entry, record))
            raise
        return charge

    def close_later(self, attempt: OpenAttempt, spent: Spent) -> None:
        """Closes in the background: for when the caller is gone and nobody waits."""
        entry, record, _ = self._closing(attempt, spent)
        self.later(self._write(attempt.record.account, entry, record))

    def abandon_later(self, failed: OpenAttempt, outcome: str = "client_gone") -> None:
        """Ends a decision after a failed attempt, before the next: that one is void."""
        following = self._draft(failed.decision, failed.model, failed.worst.number + 1)
        self.close_later(following, Spent(outcome=outcome, final=True))

    def later(self, work: Coroutine[Any, Any, object]) -> None:
        """Runs work that outlives its request; `drain` waits for it, and the log has what it raised."""
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._ended)

    async def drain(self) -> None:
        """Waits until everything that was put off is written."""
        while self._pending:
            await asyncio.gather(*self._pending, return_exceptions=True)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._pending.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("work put off was not done: %s", error, exc_info=error)

    def _closing(self, attempt: OpenAttempt, spent: Spent) -> tuple[Entry, bytes, Charge]:
        entry, charge = self._entry(attempt, spent)
        record = replace(
            attempt.record,
            status=spent.outcome if spent.final else OPEN,
            finish_reason=spent.finish_reason,
            output=spent.output if attempt.record.messages is not msgspec.UNSET else None,
        )
        return entry, encode_record(record), charge

    async def _write(self, account: str, entry: Entry, record: bytes) -> None:
        try:
            await self._ledger.settle(account, entry, record)
        except (StoreUnavailable, StoreRefused) as error:
            # An outage is told once, by the upkeep; a store that refuses to settle is nobody else's to tell.
            level = logging.ERROR if isinstance(error, StoreRefused) else logging.INFO
            _log.log(level, "attempt %s is spooled: %s", entry.attempt_id, error)
            self._put_by(account, entry, record)
        finally:
            self.open_attempts.get(account, set()).discard(entry.attempt_id)

    def _put_by(self, account: str, entry: Entry, record: bytes) -> None:
        try:
            self._spool.append(account, entry, record)
        except OSError as error:
            raise StoreUnavailable(
                f"neither the store nor the spool took attempt {entry.attempt_id}: {error}"
            ) from error

    async def cached(
        self, decision: Decision, at_ms: int, usage: Usage, *, finish_reason: str | None, output: str
    ) -> Charge:
        """Books an answer from the cache: it costs nothing, and saves what its tokens cost before.

        Args:
            decision: answered by the cache.
            at_ms: milliseconds of the store's time when it was.
            usage: of the answer, when a model gave it.
            finish_reason: of that.
            output: its text, kept where the route keeps prompts.
        """
        attempt, moment = self._draft(decision, decision.model, 1), utc(at_ms)
        attempt = replace(attempt, worst=replace(attempt.worst, at_ms=at_ms, held_nano=0))
        spent = Spent("ok", final=True, finish_reason=finish_reason, output=output)
        entry, record, _ = self._closing(attempt, spent)
        charge = Charge(usage, 0, _cost(usage, decision.large.price, moment), None)
        saved = _cost(usage, decision.model.price, moment)
        entry = replace(entry, baseline_nano=charge.baseline_nano, cache_saved_nano=saved, latency_ms=None)
        await self._write(attempt.record.account, entry, record)
        return charge

    def foreseen(self, attempt: OpenAttempt, spent: Spent) -> Charge:
        """What closing the attempt so would charge."""
        return self._charge(attempt, spent)[0]

    def price_only(self, decision: Decision) -> Charge:
        """What a dry run would cost at its estimated input and its output cap (or none)."""
        output = (decision.inputs.output_tokens or 0) * decision.query.answers
        usage = Usage(input_tokens=decision.inputs.input_tokens, output_tokens=output)
        now = utc(self._world.now_ms())
        return Charge(
            usage,
            _cost(usage, decision.model.price, now),
            _cost(usage, decision.large.price, now),
            UsageSource.COUNTED,
        )

    def _draft(self, decision: Decision, model: Model, number: int) -> OpenAttempt:
        now_ms = self._world.now_ms()
        record = draft(decision, now_ms, enforced=True)
        bound = bound_of(
            model,
            input_bound=input_bound(decision.query),
            output_tokens=decision.inputs.output_tokens,
            answers=decision.query.answers,
        )
        worst_cost = worst_nano(model, bound)
        held = worst_cost or 0
        query = decision.query
        tier = _tier_of(decision, model)
        worst = Entry(
            kind=Kind.ASSUME,
            attempt_id=attempt_id(decision.id, number),
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
            tokens=Tokens.of(bound),
            cost_nano=worst_cost,
            baseline_nano=0,
            usage_source=UsageSource.ASSUMED,
            price_book=self._book.version,
            price_basis="requested",
            held_nano=held,
            latency_ms=None,
            first_byte_ms=None,
            decision_ms=None,
            certificate=decision.certificate,
            purpose=decision.purpose,
            degraded=decision.degraded,
            uncertified=decision.uncertified,
        )
        record = replace(record, tier=tier, model=model.name, status="worker_died")
        return OpenAttempt(decision, model, worst, record, self._world.monotonic_s(), bound)

    def _entry(self, attempt: OpenAttempt, spent: Spent) -> tuple[Entry, Charge]:
        charge, basis = self._charge(attempt, spent)
        now_s = self._world.monotonic_s()
        arrived_s = attempt.decision.query.arrived_s
        entry = replace(
            attempt.worst,
            kind=Kind.VOID if spent.source is None else Kind.SETTLE,
            final=spent.final,
            outcome=spent.outcome,
            served_model=spent.served_model,
            service_tier=spent.service_tier,
            reason=attempt.record.reason,
            tokens=None if charge.usage is None else Tokens.of(charge.usage),
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
        """What it cost at the prices in force when its hold was made, and whose price that was."""
        if spent.source is None:
            return NOTHING_SPENT, "requested"
        usage, moment = spent.usage, utc(attempt.worst.at_ms)
        price, basis = attempt.model.served_price(self._book, spent.served_model)
        if spent.provider_cost_nano is not None:
            cost: int | None = spent.provider_cost_nano
        elif usage is None:
            usage, cost = attempt.tokens_bound, attempt.worst.cost_nano
        else:
            cost = _cost(usage, price, moment, spent.service_tier)
        large = attempt.decision.large
        baseline: int | None = 0
        if spent.answered:
            baseline = cost if large.name == attempt.model.name else _cost(usage, large.price, moment)
        return Charge(usage, cost, baseline, spent.source), basis


def asker_of(decision: Decision, model: Model) -> Asker:
    """Who a call counts as in budgets."""
    labels, key = decision.query.labels, decision.query.caller.key_id
    return Asker(
        key=key,
        team=labels.team,
        feature=labels.feature,
        route=decision.route_name,
        model=model.name,
        user=labels.user,
    )


def _check_priced(claims: Iterable[Claim], attempt: OpenAttempt) -> None:
    """Refuses what a hard budget of dollars applies to, and whose price nobody knows."""
    if attempt.worst.cost_nano is not None:
        return
    for claim in claims:
        if claim.budget.hard and claim.budget.unit is Unit.USD:
            error = EnforcementUnavailable(
                f"budget {claim.budget.id} limits dollars, and the price of {attempt.model.name!r} is not "
                "known: state its price, or limit tokens instead"
            )
            error.retryable = False
            raise error


def _cost(
    usage: Usage | None, price: Price | None, moment: datetime, service_tier: str | None = None
) -> int | None:
    if usage is None or price is None:
        return None
    return cost_nano(usage, price.at(moment), service_tier)


def _tier_of(decision: Decision, model: Model) -> str:
    if decision.route is not None and model.name == decision.route.small.name:
        return Tier.SMALL
    if decision.route is not None and model.name == decision.route.large.name:
        return Tier.LARGE
    return decision.choice.tier
