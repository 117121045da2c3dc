"""How an audit ends when its worker is stopped, or when something breaks that nobody foresaw."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_query

from classifiers import Heuristic
from router.audit.answering import Answering
from router.audit.auditor import Auditor
from router.audit.draw import lot_of
from router.audit.judge import Judge, Pair
from router.audit.opening import opened_auditor
from router.audit.share import Shares
from router.audit.terms import AuditTerms, JudgeTerms
from router.bookkeeper import Bookkeeper
from router.catalog import Catalog
from router.clock import real_world
from router.core import Completion, CompletionStream, Router
from router.decision import Decision
from router.ledger.entry import Entry, attempt_id, decode
from router.ledger.verify import verify
from router.live import LiveSettings
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores
from router.outcomes.store import Outcomes
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from router.routes.thresholds import Thresholds
from router.spool import Spool
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.audit.tongues import Tongues
from tests.ladder.parts import no_cache, no_pressure
from tests.ledger.decisions import BIG, BOOK, TINY, a_query, a_route
from tests.ledger.examples import ACCOUNT, fleeting, lasting
from tests.store.servers import StoreServer
from tests.waiting import until

SECRET = "the answer of the small model"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Tongues]:
    with Tongues() as running:
        yield running


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path / "spool", real_world())
    yield found
    found.close()


@dataclass
class Worker:
    """The parts that answer and audit."""

    store: Store
    books: Bookkeeper
    router: Router
    auditor: Auditor

    async def answers(self) -> Decision:
        """Answers a query and sends the answer to nobody; its audit begins."""
        done = await self.router.complete(a_query())
        assert isinstance(done, Completion)
        assert done.answer is not None
        with self.auditor.after(done.decision, done.charge, done.answer, done.answer.text):
            pass
        return done.decision

    async def outcome(self, decision: Decision) -> OutcomeRecord:
        found = await Outcomes(self.store).get(ACCOUNT, decision.id)
        assert found is not None
        return found

    async def audits(self) -> list[Entry]:
        """The ledger's entries of audits; nothing is open or in doubt."""
        await self.books.drain()
        found = await verify(self.store, ACCOUNT)
        assert found.clean
        assert found.open_holds == 0
        assert not any(self.books.open_attempts.values())
        stream = self.store.stream(AccountKeys(ACCOUNT).entries)
        entries = [decode(fields[b"e"]) async for _, fields in stream]
        return [entry for entry in entries if entry.purpose]


@asynccontextmanager
async def working(
    store: Store, spool: Spool, upstream: Tongues, judge: Judge | None = None
) -> AsyncIterator[Worker]:
    upstream.clear()
    upstream.texts = {"tiny-1": SECRET}
    world = real_world()
    small, large = (
        replace(model, endpoint=replace(model.endpoint, base_url=upstream.base_url)) for model in (TINY, BIG)
    )
    terms = AuditTerms(JudgeTerms(JudgedBy.AGREEMENT), share=1.0)
    route = a_route(small=small, large=large, fallbacks=(), threshold=0.0, audit=terms)
    catalog = Catalog({"tiny": small, "big": large}, {route.name: route})
    live = LiveSettings(store, [route.name], world)
    books = Bookkeeper(lasting(store), spool, BOOK, world)
    upstreams = Upstreams(Session(), world)
    await Thresholds(store).seed(route.name, 0.0)
    await live.refresh()
    outcomes = Outcomes(store)
    async with opened_auditor(
        store, catalog, books=books, upstreams=upstreams, outcomes=outcomes, world=world
    ) as auditor:
        if judge is None:
            judging = auditor
        else:
            shares = Shares(store, catalog.routes, catalog.models)
            judging = Auditor(
                lot=await lot_of(store),
                shares=shares,
                judges={route.name: judge},
                answering=Answering(books, upstreams, world, shares.booked),
                outcomes=outcomes,
                world=world,
            )
        router = Router(
            catalog=catalog,
            classifier=Heuristic(),
            live=live,
            books=books,
            upstreams=upstreams,
            auditor=judging,
            cache=no_cache(store),
            pressures=no_pressure(lasting(store), live, world),
            world=world,
        )
        yield Worker(store, books, router, judging)
        await judging.drain(20.0)
        await books.drain()
    await upstreams.aclose()


async def test_an_audit_that_outlasts_its_worker_is_cut_short_and_paid_for(
    store: Store, spool: Spool, upstream: Tongues
):
    async with working(store, spool, upstream) as worker:
        upstream.hold("tiny-1")
        decision = await worker.answers()
        await until(lambda: len(upstream.of("tiny-1")) == 1)
        assert (await worker.outcome(decision)).missing == "worker_died"  # if it did now
        await worker.auditor.drain(0.0)
        outcome = await worker.outcome(decision)
        assert (outcome.missing, outcome.complete) == ("shutdown", False)
        (entry,) = await worker.audits()
        assert (entry.outcome, entry.usage_source, entry.purpose) == ("shutdown", "assumed", "audit")
        assert entry.cost_nano is not None
        assert entry.cost_nano > 0
        upstream.release("tiny-1")


async def test_an_audit_that_ends_in_time_is_waited_for(store: Store, spool: Spool, upstream: Tongues):
    async with working(store, spool, upstream) as worker:
        decision = await worker.answers()
        await worker.auditor.drain(20.0)
        assert (await worker.outcome(decision)).complete
        assert [entry.outcome for entry in await worker.audits()] == ["ok"]


async def test_an_audit_that_was_booked_as_assumed_meanwhile_is_put_right_when_it_ends(
    store: Store, spool: Spool, upstream: Tongues
):
    async with working(store, spool, upstream) as worker:
        upstream.hold("tiny-1")
        decision = await worker.answers()
        await until(lambda: len(upstream.of("tiny-1")) == 1)
        assert decision.audit is not None
        another = fleeting(store)
        await another.extend(ACCOUNT, [attempt_id(decision.audit.audit_id, 1)])  # and it is overdue
        assert await another.reap(ACCOUNT) == 1
        upstream.release("tiny-1")
        await worker.auditor.drain(20.0)
        outcome = await worker.outcome(decision)
        assert outcome.complete
        assumed, put_right = await worker.audits()
        assert (assumed.kind, put_right.kind) == ("assume", "adjust")
        assert put_right.replaces is not None
        assert put_right.cost_nano == outcome.small.cost_nano != assumed.cost_nano


async def test_a_caller_who_leaves_while_a_stream_is_settled_is_recorded_as_gone(
    store: Store, store_server: StoreServer, spool: Spool, upstream: Tongues
):
    async def read(stream: CompletionStream) -> None:
        async with stream, aclosing(stream.events()) as events:
            async for _ in events:
                pass

    async with working(store, spool, upstream) as worker:
        stream = await worker.router.complete(replace_query(a_query(), stream=True))
        assert isinstance(stream, CompletionStream)
        beside = Store.at_url(store_server.url)
        await beside.command("CLIENT", "PAUSE", 20_000, "WRITE")
        reading = asyncio.create_task(read(stream))
        async with asyncio.timeout(15):
            while b" flags=b" not in await beside.command("CLIENT", "LIST"):
                continue  # until one is blocked: the settle waits
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
        await beside.command("CLIENT", "UNPAUSE")
        await beside.aclose()
        await worker.auditor.drain(20.0)
        outcome = await worker.outcome(stream.decision)
        assert (outcome.missing, outcome.share) == ("client_gone", 1.0)
        assert await worker.audits() == []


class Broken(Judge):
    """Breaks in a way of its own, quoting what it was shown."""

    async def scores(self, pair: Pair) -> Scores:
        raise ZeroDivisionError(pair.small)


async def test_what_nobody_foresaw_is_recorded_and_told_without_a_word_of_the_answers(
    store: Store, spool: Spool, upstream: Tongues, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.DEBUG):
        async with working(store, spool, upstream, Broken()) as worker:
            decision = await worker.answers()
            await worker.auditor.drain(20.0)
            outcome = await worker.outcome(decision)
    assert (outcome.missing, outcome.complete) == ("internal_error", False)
    (said,) = [record.getMessage() for record in caplog.records if "failed inside" in record.getMessage()]
    assert "ZeroDivisionError at test_ending.py:" in said
    assert SECRET not in caplog.text


async def test_a_worker_without_audited_routes_makes_no_salt(store: Store, spool: Spool):
    world = real_world()
    route = a_route()
    catalog = Catalog({"tiny": TINY, "big": BIG}, {route.name: route})
    upstreams = Upstreams(Session(), world)
    books = Bookkeeper(lasting(store), spool, BOOK, world)
    async with opened_auditor(
        store, catalog, books=books, upstreams=upstreams, outcomes=Outcomes(store), world=world
    ) as auditor:
        assert auditor.shares == {}
    assert await store.command("KEYS", "*") == []
    await upstreams.aclose()
