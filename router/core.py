"""The way of one query. Read this file first: it says the whole product.

Query -> Difficulty -> Choice -> reservation -> call -> Cost -> settle -> Completion
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from classifiers import Classifier
from policies.ladder import Pressure, Rung, stance_of
from router.admission import admitted
from router.answers.cache import AnswerCache, Keeping
from router.answers.cached import CachedStream, Hit
from router.attempts import call_of, never_left_open, spent_on
from router.audit.auditor import Auditor
from router.bookkeeper import NOTHING_SPENT, Bookkeeper, Charge, OpenAttempt, Spent
from router.catalog import Catalog, Model, Route
from router.clock import World
from router.decision import Decision, decide, direct, fallbacks_of, fallen_back, stand_ins, within_cost
from router.errors import PennyrouteError, StoreUnavailable
from router.failures import as_error, charged_for, cut_short
from router.ledger.ledger import StaleSettings
from router.live import LiveSettings
from router.pressure.pressures import Pressures
from router.pressure.refusal import refusal_of
from router.providers.answer import Answer, StreamAnswer, StreamEvent
from router.providers.failure import AttemptFailed
from router.providers.retries import Fallback, GiveUp, Retry, Step, next_step
from router.providers.upstreams import Upstreams
from router.query import Query

_TRIES_AT_FRESH_SETTINGS = 5


@dataclass(frozen=True, slots=True)
class Completion:
    """A query answered, recorded and paid for.

    Attributes:
        charge: usage of the answer; cost of all attempts.
        answer: the provider's, or the cache's; `None` on a dry run.
    """

    decision: Decision
    charge: Charge
    answer: Answer | None


class CompletionStream:
    """A streamed answer: enter it, iterate its events, then read `charge`.

    The events end once the entry is written, so that whoever then says the end of the stream may promise the
    ledger has it. Leaving early cancels the provider's call and books what was used.
    """

    def __init__(
        self,
        decision: Decision,
        attempt: OpenAttempt,
        answer: StreamAnswer,
        before: Charge,
        *,
        books: Bookkeeper,
        auditor: Auditor,
        keeping: Keeping | None = None,
    ) -> None:
        self.decision = decision
        self.charge: Charge | None = None
        self.answer = answer
        self._texts: list[str] = []
        self._attempt = attempt
        self._books = books
        self._before = before
        self._auditor = auditor
        self._keeping = keeping
        self._closed = False

    @property
    def text(self) -> str:
        """Content of the first choice, as far as its events were read."""
        return "".join(self._texts)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._closed:
            self._closed = True
            self._auditor.unanswered(self.decision, None)
            self._books.later(self.answer.aclose())
            with never_left_open(self._books, self._attempt):
                self._books.close_later(self._attempt, self._spent("client_gone"))

    async def events(self) -> AsyncGenerator[StreamEvent, None]:
        """The provider's server-sent events, as they came.

        Raises:
            PennyrouteError: the stream broke; what was used is booked.
        """
        with never_left_open(self._books, self._attempt):
            try:
                async for event in self.answer:
                    if event.text:
                        self._texts.append(event.text)
                    if self._keeping is not None:
                        self._keeping.take(event)
                    yield event
            except AttemptFailed as failure:
                self._auditor.unanswered(self.decision, failure)
                await self._close(failure.kind)
                raise as_error(failure, self._attempt) from failure
            except Exception as error:
                self._closed = True
                self._auditor.unanswered(self.decision, error)
                self._books.later(self.answer.aclose())
                raise
            try:
                await self._close("ok")
            except BaseException as error:
                self._auditor.unanswered(self.decision, error)
                raise
            if self._keeping is not None:
                self._keeping.done(self.answer, self.text)

    async def _close(self, outcome: str) -> None:
        self._closed = True
        charge = await self._books.close(self._attempt, self._spent(outcome))
        self.charge = charge.after(self._before)

    def _spent(self, outcome: str) -> Spent:
        return replace(spent_on(self.answer, self._attempt, outcome), output=self.text)


class Router:
    """Answers queries in place of the provider: small or large, recorded and priced."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        classifier: Classifier,
        live: LiveSettings,
        books: Bookkeeper,
        upstreams: Upstreams,
        auditor: Auditor,
        cache: AnswerCache,
        pressures: Pressures,
        world: World,
    ) -> None:
        self._catalog = catalog
        self._classifier = classifier
        self._live = live
        self._books = books
        self._upstreams = upstreams
        self._auditor = auditor
        self._cache = cache
        self._pressures = pressures
        self._world = world

    async def complete(
        self, query: Query, decision_id: str = ""
    ) -> Completion | CompletionStream | CachedStream:
        """Decides, holds, calls, prices and settles.

        Args:
            query: what is asked.
            decision_id: the id it gets; '' for a fresh one.

        Raises:
            PennyrouteError: refused or failed; whatever was used is booked.
        """
        decision = await self._decide(query, decision_id or self._world.new_id("dec"))
        if query.dry_run:
            return Completion(decision, self._books.price_only(decision), None)
        if decision.route is not None:
            self._pressures.arrived(decision.route)
            decision, hit = await self._look_up(decision)
            if hit is not None:
                return await self._given_again(hit)
        decision, attempt = await self._open_first(decision)
        try:
            return await self._answered(decision, attempt)
        except BaseException as error:
            self._auditor.unanswered(decision, error)
            raise

    async def _answered(self, decision: Decision, attempt: OpenAttempt) -> Completion | CompletionStream:
        """Tries the chosen model, again if that may help, then those that follow it in line."""
        waiting, number, before = fallbacks_of(decision), 1, NOTHING_SPENT
        while True:
            try:
                return await self._attempt(decision, attempt, before)
            except AttemptFailed as failure:
                self._pressures.failed(attempt.model, failure)
                step = next_step(
                    failure,
                    attempt_no=number,
                    budget=decision.attempts,
                    fallbacks_left=len(waiting),
                    random_unit=self._world.chance(),
                )
                step = self._affordable(step, attempt, failure, waiting, before)
                charge = await self._close_failed(attempt, failure, step)
                before = charge.after(before)
                if isinstance(step, GiveUp):
                    raise as_error(failure, attempt) from failure
                if isinstance(step, Fallback):
                    model, *waiting = waiting
                    decision = fallen_back(decision, model)
            number += 1
            attempt = await self._open_next(decision, attempt)

    def _affordable(
        self, step: Step, attempt: OpenAttempt, failure: AttemptFailed, waiting: list[Model], before: Charge
    ) -> Step:
        """The step, or giving up where another attempt could cost more than the route lets a query cost."""
        decision = attempt.decision
        if isinstance(step, GiveUp) or decision.route is None or decision.inputs.input_bound is None:
            return step
        model = waiting[0] if isinstance(step, Fallback) else attempt.model
        spent = self._books.foreseen(attempt, charged_for(attempt, failure, final=False)).after(before)
        if within_cost(decision.route, model, decision.inputs, spent.cost_nano):
            return step
        return GiveUp("another attempt could cost more than the route lets a query cost")

    async def _decide(self, query: Query, decision_id: str) -> Decision:
        target = self._catalog.find(query.target)
        query = admitted(query, target, self._catalog)
        if isinstance(target, Model):
            return direct(decision_id, query, target, self._catalog.usual_tier(target))
        threshold = self._live.threshold(target.name)
        pressure = await self._pressure(query, target)
        made = decide(decision_id, query, target, threshold, self._classifier, pressure=pressure)
        return self._auditor.drawn(made)

    async def _pressure(self, query: Query, route: Route) -> Pressure:
        """What presses on the route.

        Raises:
            PennyrouteError: so much that its ladder refuses.
        """
        reading = await self._pressures.on(query, route)
        stance = stance_of(route.ladder, reading.pressure)
        if stance.refuse:
            raise refusal_of(route, stance, reading, self._pressures.terms)
        return reading.pressure

    async def _look_up(self, decision: Decision) -> tuple[Decision, Hit | None]:
        """The answer in the cache, deciding again as often as settings change meanwhile.

        Raises:
            PennyrouteError: there is none, and the route's ladder allows no other.
        """
        account, hit = decision.query.caller.account, None
        for _ in range(_TRIES_AT_FRESH_SETTINGS):
            version = self._live.known.versions.get(account, "0")
            try:
                hit = await self._cache.lookup(decision, version=version, others=stand_ins(decision))
                break
            except StaleSettings:
                decision = await self._decided_again(decision)
        route, stance = decision.route, decision.stance
        if route is None or not stance.cache_only:
            return decision, hit
        if hit is None:
            reading = await self._pressures.on(decision.query, route)
            raise refusal_of(route, stance, reading, self._pressures.terms)
        return decision, Hit(replace(hit.decision, degraded=(Rung.CACHE_ONLY,)), hit.kept, hit.at_ms)

    async def _given_again(self, hit: Hit) -> Completion | CachedStream:
        kept = hit.kept
        charge = await self._books.cached(
            hit.decision, hit.at_ms, kept.tokens.usage, finish_reason=kept.finish_reason, output=kept.text
        )
        if hit.decision.query.stream:
            return CachedStream(hit, charge)
        return Completion(hit.decision, charge, kept.answer)

    async def _decided_again(self, decision: Decision) -> Decision:
        await self._live.refresh()
        query = replace(decision.asked, caller=self._live.confirm(decision.query.caller))
        return await self._decide(query, decision.id)

    async def _open_first(self, decision: Decision) -> tuple[Decision, OpenAttempt]:
        """Holds the first attempt, deciding again as often as settings change meanwhile."""
        account = decision.query.caller.account
        for _ in range(_TRIES_AT_FRESH_SETTINGS):
            version = self._live.known.versions.get(account, "0")
            try:
                return decision, await self._books.open(decision, decision.model, 1, version=version)
            except StaleSettings:
                decision = await self._decided_again(decision)
        raise StoreUnavailable("thresholds, keys or budgets keep changing; try again")

    async def _open_next(self, decision: Decision, failed: OpenAttempt) -> OpenAttempt:
        """Holds the attempt after one that failed: a fallback may cost more than what it stands in for."""
        try:
            return await self._books.open_next(decision, failed.worst.number + 1)
        except PennyrouteError as error:
            self._books.abandon_later(failed, error.code)
            error.decision_id = decision.id
            raise

    async def _close_failed(self, attempt: OpenAttempt, failure: AttemptFailed, step: Step) -> Charge:
        """Books an attempt that failed, and waits as long as the next step says."""
        final = isinstance(step, GiveUp)
        try:
            charge = await self._books.close(attempt, charged_for(attempt, failure, final=final))
            if isinstance(step, Retry):
                await asyncio.sleep(step.after_s)
        except asyncio.CancelledError:
            if not final:
                self._books.abandon_later(attempt)
            raise
        return charge

    async def _attempt(
        self, decision: Decision, attempt: OpenAttempt, before: Charge
    ) -> Completion | CompletionStream:
        call = call_of(decision)
        with never_left_open(self._books, attempt, call.sending):
            try:
                answer = await self._upstreams.call(call)
            except asyncio.CancelledError:
                self._books.close_later(attempt, cut_short(attempt, "client_gone", sent=call.sending.begun))
                raise
            self._pressures.answered(decision.model)
            if isinstance(answer, Answer):
                spent = replace(spent_on(answer, attempt, "ok"), output=answer.text)
                charge = await self._books.close(attempt, spent)
                keeping = self._cache.keeping(decision)
                if keeping is not None:
                    keeping.done(answer, answer.text, answer.body)
                return Completion(decision, charge.after(before), answer)
            return CompletionStream(
                decision,
                attempt,
                answer,
                before,
                books=self._books,
                auditor=self._auditor,
                keeping=self._cache.keeping(decision),
            )
