"""Audits: a drawn query is answered by the other tier too, once its caller is served, and both are judged."""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from typing import Final

from msgspec.structs import replace

from policies import Reason
from policies.sampling import is_drawn
from router.audit.answering import Answering
from router.audit.case import Case, with_scores
from router.audit.draw import Lot
from router.audit.judge import Judge, Unjudged, scores_of
from router.audit.keeping import Keeping, KeepsOutcomes
from router.audit.missing import Missing
from router.audit.share import Shares
from router.bookkeeper import Charge
from router.clock import World
from router.decision import Decision, Drawn
from router.errors import BudgetExceeded, EnforcementUnavailable, StoreUnavailable
from router.outcomes.record import OutcomeRecord
from router.providers.answer import Stated
from router.providers.failure import AttemptFailed
from router.store.connection import StoreRefused

_log = logging.getLogger(__name__)

JUDGED: Final = "judged"
LOST: Final = "lost"
_TOLD_APART_S: Final = 60.0
_OF_TOOLS: Final = frozenset({"tool_calls", "function_call"})
_USUAL: Final = frozenset(
    {
        Missing.AWAITING_SCORES,
        Missing.CLIENT_GONE,
        Missing.FAILED,
        Missing.FALLBACK,
        Missing.NO_TEXT,
        Missing.OTHER_CANNOT_TAKE,
    }
)
"""What happens on a healthy service; the rest is for somebody to look at."""


Count = Callable[[str, str], None]
"""Told of the route of each drawn query, and what it came to: `judged`, why not, or `lost`."""


class Auditor:
    """The audits of one worker.

    Attributes:
        counts: are told of each drawn query when it is over.
    """

    def __init__(
        self,
        *,
        lot: Lot | None,
        shares: Shares,
        judges: Mapping[str, Judge | None],
        answering: Answering,
        outcomes: KeepsOutcomes,
        world: World,
    ) -> None:
        """Takes the judge of each audited route, `None` where scores come later; no lot where none is."""
        self._lot = lot
        self._shares = shares
        self._judges = judges
        self._answering = answering
        self._keeping = Keeping(outcomes, world)
        self._world = world
        self._going: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._told_s: dict[tuple[str, str], float] = {}
        self._missing: Counter[tuple[str, str]] = Counter()
        self.counts: list[Count] = []

    @property
    def shares(self) -> Mapping[str, float]:
        """Audited route → the share in force, 0-1."""
        return self._shares.in_force()

    def drawn(self, decision: Decision) -> Decision:
        """The decision with what it drew; as it was where nothing is drawn.

        Of what the ladder took something from nothing is drawn: it is not what a certificate speaks of.
        """
        route = decision.route
        if self._lot is None or route is None or route.audit is None:
            return decision
        if decision.choice.reason is Reason.FORCED or decision.query.dry_run or decision.degraded:
            return decision
        share, number = self._shares.share(route.name), self._lot.number(decision.id)
        chosen = is_drawn(number, share)
        audit_id = self._world.new_id("dec") if chosen else ""
        return replace(decision, audit=Drawn(share=share, drawn=number, chosen=chosen, audit_id=audit_id))

    @contextmanager
    def after(self, decision: Decision, charge: Charge, answer: Stated | None, text: str) -> Iterator[None]:
        """Around the sending of an answer: the audit of what was drawn begins behind it, in the background.

        Args:
            decision: that was answered.
            charge: what that cost.
            answer: what the provider states of it.
            text: what the caller got.
        """
        try:
            yield
        finally:
            if decision.audit is not None and decision.audit.chosen:
                self._begin(Case(decision, text, charge.cost_nano), answer)

    def unanswered(self, decision: Decision, error: BaseException | None) -> None:
        """Records that a decision which was drawn brought no answer; without an error its caller left."""
        if decision.audit is not None and decision.audit.chosen:
            gone = error is None or isinstance(error, asyncio.CancelledError)
            self._miss(Case(decision), Missing.CLIENT_GONE if gone else Missing.FAILED)

    async def drain(self, patience_s: float) -> None:
        """Waits for the audits that go on; what then still does is cut short, and recorded as that."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_s)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        self._keeping.tell_cut_short()

    def _begin(self, case: Case, answer: Stated | None) -> None:
        missing, name = self._why_not(case, answer), case.route.name
        if missing is None:
            self._going[name] = self._going.get(name, 0) + 1  # here, so that the next one sees it
            self._run(self._audit(case))
        else:
            self._miss(case, missing)

    def _why_not(self, case: Case, answer: Stated | None) -> Missing | None:
        assert case.route.audit is not None
        if case.decision.first is not None:
            return Missing.FALLBACK
        if case.speaks or (answer is not None and _calls_tools(answer)):
            return Missing.NO_TEXT
        if not case.other_can_take_it:
            return Missing.OTHER_CANNOT_TAKE
        if self._going.get(case.route.name, 0) >= case.route.audit.in_flight:
            return Missing.BUSY
        return None

    def _miss(self, case: Case, missing: Missing) -> None:
        """Records what is not audited: the outcome alone waits for the store, and not the query with it."""
        outcome = case.outcome(missing, self._world)
        size = self._keeping.take(outcome)
        if size is None:
            self._count(outcome.route, LOST)
        else:
            self._run(self._missed(case.account, outcome, size))

    async def _missed(self, account: str, outcome: OutcomeRecord, size: int) -> None:
        try:
            await self._end(account, outcome)
        finally:
            self._keeping.leave(size)

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("an audit failed inside: %s", _place_of(error))

    async def _audit(self, case: Case) -> None:
        """Answers, judges, and records what came of it; first, what is to be known if this worker dies."""
        outcome = case.outcome(Missing.WORKER_DIED, self._world)
        try:
            if await self._keeping.keep(case.account, outcome):
                outcome = await self._looked_at(case, outcome)
                await self._end(case.account, outcome)
            else:
                self._count(outcome.route, LOST)
        except asyncio.CancelledError:
            if outcome.missing == Missing.WORKER_DIED:
                outcome = replace(outcome, missing=Missing.SHUTDOWN)
            await self._keeping.keep(case.account, outcome, tries=1)
            raise
        finally:
            self._going[case.route.name] -= 1

    async def _looked_at(self, case: Case, outcome: OutcomeRecord) -> OutcomeRecord:
        try:
            return await self._judged(case, outcome)
        except Unjudged as why:
            return replace(outcome, missing=why.missing)
        except AttemptFailed:
            return replace(outcome, missing=Missing.OTHER_FAILED)
        except BudgetExceeded:
            return replace(outcome, missing=Missing.BUDGET_EXCEEDED)
        except (StoreUnavailable, StoreRefused, EnforcementUnavailable):
            return replace(outcome, missing=Missing.STORE_UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - whatever it is, the outcome says that there is none
            _log.error("audit of decision %s failed inside: %s", case.decision.id, _place_of(error))
            return replace(outcome, missing=Missing.INTERNAL_ERROR)

    async def _judged(self, case: Case, outcome: OutcomeRecord) -> OutcomeRecord:
        assert case.route.audit is not None
        other = case.other_decision(self._world.monotonic_s())
        answer, charge = await self._answering.answer(other)
        outcome = case.with_other(outcome, answer, charge)
        if _calls_tools(answer):
            return replace(outcome, missing=Missing.OTHER_NO_TEXT)
        judge = self._judges[case.route.name]
        if judge is None:
            return replace(outcome, missing=Missing.AWAITING_SCORES)
        try:
            scores = await scores_of(judge, case.pair(answer.text))
        except Unjudged as why:
            return replace(outcome, missing=why.missing)
        return with_scores(outcome, scores, case.route.audit.judge.by)

    async def _end(self, account: str, outcome: OutcomeRecord) -> None:
        if outcome.missing:
            self._tell(outcome)
        kept = await self._keeping.keep(account, outcome)
        self._count(outcome.route, (outcome.missing or JUDGED) if kept else LOST)

    def _count(self, route: str, result: str) -> None:
        for count in self.counts:
            count(route, result)

    def _tell(self, outcome: OutcomeRecord) -> None:
        """Logs why a drawn query has no scores; the same reason of a route once a minute."""
        at, now_s = (outcome.route, outcome.missing), self._world.monotonic_s()
        self._missing[at] += 1
        if now_s - self._told_s.get(at, -_TOLD_APART_S) < _TOLD_APART_S:
            return
        self._told_s[at] = now_s
        _log.log(
            logging.INFO if outcome.missing in _USUAL else logging.WARNING,
            "route %s: decision %s was drawn to be audited (%.6f < %g) and has no scores: %s (%d so far)",
            outcome.route,
            outcome.id,
            outcome.drawn,
            outcome.share,
            outcome.missing,
            self._missing[at],
        )


def _calls_tools(answer: Stated) -> bool:
    return answer.calls_tools or answer.finish_reason in _OF_TOOLS


def _place_of(error: BaseException) -> str:
    """What was raised and where, without its text: that may quote a prompt or an answer."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
