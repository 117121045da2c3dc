"""Calls of models for nobody's answer: held, booked and priced like any attempt, with the purpose `audit`."""

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from router.attempts import call_of, never_left_open, spent_on
from router.bookkeeper import NOTHING_SPENT, Bookkeeper, Charge, OpenAttempt, Spent
from router.clock import World
from router.decision import Decision
from router.errors import StoreUnavailable
from router.failures import charged_for, cut_short
from router.providers.answer import Answer
from router.providers.failure import AttemptFailed
from router.providers.retries import Retry, next_step
from router.providers.upstreams import Upstreams

Booked = Callable[[str, int | None], None]
"""Told of what each attempt of a route cost, nano-dollars."""

_TRIES = 2
_STOPPED = "shutdown"


class Answering:
    """Lets a model answer that no caller waits for."""

    def __init__(self, books: Bookkeeper, upstreams: Upstreams, world: World, booked: Booked) -> None:
        self._books = books
        self._upstreams = upstreams
        self._world = world
        self._booked = booked

    async def answer(self, decision: Decision) -> tuple[Answer, Charge]:
        """The whole answer, and what all attempts at it cost.

        Raises:
            AttemptFailed: there is none; what was used is booked.
            BudgetExceeded: a hard budget has too little left, so nobody was asked.
            EnforcementUnavailable: the money cannot be held, so nobody was asked.
            StoreUnavailable: as above.
            StoreRefused: as above.
        """
        before = NOTHING_SPENT
        number = 1
        while True:
            attempt = await self._open(decision, number)
            try:
                answer = await self._attempt(attempt)
            except AttemptFailed as failure:
                step = next_step(
                    failure,
                    attempt_no=number,
                    budget=_TRIES,
                    fallbacks_left=0,
                    random_unit=self._world.chance(),
                )
                final = not isinstance(step, Retry)
                charge = await self._close(attempt, charged_for(attempt, failure, final=final))
                before = charge.after(before)
                if not isinstance(step, Retry):
                    raise
                await self._wait(step.after_s, attempt)
            else:
                spent = replace(spent_on(answer, attempt, "ok"), answered=False, output=answer.text)
                charge = await self._close(attempt, spent)
                return answer, charge.after(before)
            number += 1

    async def _open(self, decision: Decision, number: int) -> OpenAttempt:
        attempt = await self._books.open_next(decision, number)
        if not attempt.record.enforced:  # a caller's call goes on without a hold; this one can wait
            await self._books.close(attempt, Spent(outcome="store_unavailable", final=True))
            raise StoreUnavailable("the store is away: no audit is made without holding its money")
        return attempt

    async def _close(self, attempt: OpenAttempt, spent: Spent) -> Charge:
        charge = await self._books.close(attempt, spent)
        self._booked(attempt.decision.route_name, charge.cost_nano)
        return charge

    async def _attempt(self, attempt: OpenAttempt) -> Answer:
        call = call_of(attempt.decision)
        with never_left_open(self._books, attempt, call.sending):
            try:
                answer = await self._upstreams.call(call)
            except asyncio.CancelledError:
                self._books.close_later(attempt, cut_short(attempt, _STOPPED, sent=call.sending.begun))
                raise
        assert isinstance(answer, Answer)
        return answer

    async def _wait(self, seconds: float, failed: OpenAttempt) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self._books.abandon_later(failed)
            raise
