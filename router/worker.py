"""One worker: opens its parts when the server starts it, closes them when the server stops it."""

import asyncio
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import msgspec

from router.answers.cache import AnswerCache
from router.answers.claims import Claims
from router.answers.idempotency import Idempotency
from router.answers.keys import with_installation_key
from router.answers.seal import Seal
from router.answers.terms import IdempotencyTerms
from router.audit.opening import opened_auditor
from router.bookkeeper import Bookkeeper
from router.clock import World, real_world
from router.core import Router
from router.discovery import Pair
from router.errors import SetupError, StoreUnavailable
from router.http.app import make_app
from router.http.parts import Parts
from router.http.request import App, Receive, Scope, Send
from router.ledger.books import keep as keep_book
from router.ledger.failover import Failover
from router.ledger.ledger import Ledger, Terms
from router.ledger.recent import Recent
from router.live import LiveSettings
from router.outcomes.rounds import WatchRounds
from router.outcomes.store import Outcomes
from router.outcomes.terms import OutcomeTerms
from router.pressure.pressures import Pressures, PressureTerms
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from router.routes.thresholds import Thresholds
from router.settings import LedgerSettings, OutcomeSettings
from router.settings.answers import IdempotencySettings
from router.settings.ladder import PressureSettings
from router.setup import SetUp, opened, set_up, with_address, with_addresses
from router.spool import Spool
from router.upkeep import Rounds, Upkeep

_log = logging.getLogger(__name__)
_SECONDS_A_DAY = 86_400
_ALLOCATIONS_A_COLLECTION = 20_000
_LOOK_AT_PARENT_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What the first process tells its workers.

    Attributes:
        port: the one really listened on.
        store_url: where the store is; may hold a password, so it is never shown.
        addresses: provider → base URL, of the servers started for us.
        pair: the models found where there is no file, so that all workers have the same.
    """

    VARIABLE: ClassVar[str] = "PENNYROUTE_WORKER_PLAN"

    config: Path | None
    data_dir: Path
    host: str
    port: int
    store_url: str
    addresses: Mapping[str, str]
    pair: Pair | None = None

    def as_text(self) -> str:
        """For the environment of a worker's process."""
        return msgspec.json.encode(self, enc_hook=str).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The inverse of `as_text`."""
        return msgspec.json.decode(text, type=cls, dec_hook=lambda kind, value: kind(value))

    def __repr__(self) -> str:
        return f"WorkerPlan({self.host}:{self.port})"


def app_of_plan() -> App:
    """The application of a worker in a process of its own, by the plan in its environment."""
    plan = WorkerPlan.from_text(os.environ[WorkerPlan.VARIABLE])
    _end_with(os.getppid())
    made = set_up(plan.config, os.environ, plan.pair)
    return worker_app(plan, with_address(made, plan.host, plan.port))


def _end_with(parent: int) -> None:
    """Drains and ends this worker once its parent is gone, killed perhaps: nobody else would stop it."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_AT_PARENT_EVERY_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def worker_app(plan: WorkerPlan, made: SetUp) -> App:
    """An ASGI application that opens its parts at the server's start-up and closes them at its end."""
    return _Worker(plan, made)


class _Worker:
    def __init__(self, plan: WorkerPlan, made: SetUp) -> None:
        self._plan = plan
        self._made = made
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            assert self._app is not None
            await self._app(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                parts = await stack.enter_async_context(open_parts(self._plan, self._made, real_world()))
            except (SetupError, StoreUnavailable) as error:
                await send({"type": "lifespan.startup.failed", "message": error.message})
                return
            self._app = make_app(parts)
            _settle_garbage()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def open_parts(plan: WorkerPlan, made: SetUp, world: World) -> AsyncIterator[Parts]:
    """Everything a worker is made of; at the end what was put off is written before anything closes.

    Raises:
        StoreUnavailable: the store does not answer at the start.
    """
    settings = made.settings
    catalog = with_addresses(made.catalog, plan.addresses)
    terms = _terms(settings.ledger)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(plan.store_url))
        thresholds = Thresholds(store)
        for route in catalog.routes.values():
            await thresholds.seed(route.name, route.threshold)
        live = LiveSettings(store, catalog.routes, world)
        await live.refresh()
        await keep_book(store, made.book)
        recent = Recent()
        ledger = Ledger(store, terms, recent)
        spool = Spool(plan.data_dir / "spool", world)
        stack.callback(spool.close)
        books = Bookkeeper(ledger, spool, made.book, world, live)
        upstreams = Upstreams(Session(), world)
        stack.push_async_callback(upstreams.aclose)
        stack.push_async_callback(books.drain)
        outcomes = Outcomes(store, _outcome_terms(settings.outcomes))
        rounds = Rounds(extend_every_s=settings.ledger.extend_every_s)
        upkeep = Upkeep(
            ledger=ledger,
            spool=spool,
            books=books,
            store=store,
            world=world,
            rounds=rounds,
            failover=Failover(store, ledger, recent),
        )
        await stack.enter_async_context(_running(upkeep.run()))  # audits that end behind it need their holds
        auditor = await stack.enter_async_context(
            opened_auditor(store, catalog, books=books, upstreams=upstreams, outcomes=outcomes, world=world)
        )
        once = _idempotency_terms(settings.idempotency)
        claims = Claims(store, once)
        seal = Seal(with_installation_key(made.answer_keys, plan.data_dir))
        idempotency = Idempotency(store, claims, seal, once, world)
        cache = AnswerCache(store, seal)
        stack.push_async_callback(cache.drain)
        watching = WatchRounds(outcomes.watch, live, world)
        for work in (live.keep_fresh(), watching.run(), claims.keep_prolonging()):
            await stack.enter_async_context(_running(work))
        stack.push_async_callback(idempotency.drain)
        yield Parts(
            settings=settings,
            catalog=catalog,
            classifier=made.classifier.id,
            store=store,
            live=live,
            thresholds=thresholds,
            outcomes=outcomes,
            router=Router(
                catalog=catalog,
                classifier=made.classifier,
                live=live,
                books=books,
                upstreams=upstreams,
                auditor=auditor,
                cache=cache,
                pressures=Pressures(
                    catalog.routes.values(),
                    standing=ledger.standing,
                    live=live,
                    world=world,
                    terms=_pressure_terms(settings.pressure),
                ),
                world=world,
            ),
            upstreams=upstreams,
            auditor=auditor,
            idempotency=idempotency,
            spool=spool,
            world=world,
        )


def _settle_garbage() -> None:
    """What start-up made stays for good: the collector need not look at it again with every few requests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_A_COLLECTION, 50, 100)


def _terms(ledger: LedgerSettings) -> Terms:
    return Terms(
        hold_expiry_s=ledger.hold_expiry_s,
        decision_retention_s=ledger.decision_retention_days * _SECONDS_A_DAY,
    )


def _idempotency_terms(settings: IdempotencySettings) -> IdempotencyTerms:
    return IdempotencyTerms(
        keep_s=settings.keep_s,
        max_answer_bytes=settings.max_answer_bytes,
        wait_s=settings.wait_s,
        lease_s=settings.lease_s,
    )


def _pressure_terms(settings: PressureSettings) -> PressureTerms:
    return PressureTerms(settings.rate_s, settings.usual_rate_s, settings.failures_s)


def _outcome_terms(outcomes: OutcomeSettings) -> OutcomeTerms:
    return OutcomeTerms(outcomes.retention_days, outcomes.kept_a_route)


@asynccontextmanager
async def _running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_report)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("background work ended", exc_info=task.exception())
