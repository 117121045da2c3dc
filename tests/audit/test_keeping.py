"""What waits for a store that is away: outcomes and no prompts, and no more of them than there is room for."""

import gc
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from router.audit.answering import Answering
from router.audit.auditor import LOST, Auditor
from router.audit.draw import lot_of
from router.audit.keeping import ROOM_BYTES
from router.audit.share import Shares
from router.audit.terms import AuditTerms, JudgeTerms
from router.bookkeeper import Bookkeeper
from router.clock import World, real_world
from router.decision import Decision
from router.outcomes.record import JudgedBy
from router.outcomes.store import Outcomes
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from router.spool import Spool
from router.store.connection import Store
from tests.ledger.decisions import BOOK, a_decision, a_route
from tests.ledger.examples import ACCOUNT, lasting
from tests.store.servers import MakeServer
from tests.waiting import until

MANY = 6_000
TERMS = AuditTerms(JudgeTerms(JudgedBy.AGREEMENT), share=1.0)


async def test_of_a_store_that_is_away_so_many_outcomes_wait_as_there_is_room_for_and_no_prompts(
    own_server: MakeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    server, world = own_server(), real_world()
    store, spool = Store.at_url(server.url), Spool(tmp_path / "spool", world)
    upstreams = Upstreams(Session(), world)
    auditor = await an_auditor(store, spool, upstreams, world)
    results: Counter[str] = Counter()
    auditor.counts.append(lambda _, result: results.update([result]))
    server.kill()
    gc.collect()
    before = decisions()
    for number in range(MANY):
        auditor.unanswered(drawn(auditor, number), None)
    gc.collect()
    assert decisions() == before
    assert 0 < results[LOST] < MANY
    assert (MANY - results[LOST]) * 4_096 < ROOM_BYTES

    server.start()
    await until(lambda: results.total() == MANY)
    assert results["client_gone"] == MANY - results[LOST]
    kept = [found async for found in Outcomes(store).each(ACCOUNT, "support")]
    assert len(kept) == results["client_gone"]
    lost = [record for record in caplog.records if "is lost" in record.getMessage()]
    assert len(lost) == 1
    assert lost[0].levelno == logging.ERROR

    auditor.unanswered(drawn(auditor, MANY), None)  # there is room again
    await auditor.drain(20.0)
    assert results.total() == MANY + 1
    assert results["client_gone"] == len(kept) + 1
    await upstreams.aclose()
    await store.aclose()
    spool.close()


async def an_auditor(store: Store, spool: Spool, upstreams: Upstreams, world: World) -> Auditor:
    route = replace(a_route(), audit=TERMS)
    shares = Shares(store, {route.name: route}, {})
    books = Bookkeeper(lasting(store), spool, BOOK, world)
    return Auditor(
        lot=await lot_of(store),
        shares=shares,
        judges={route.name: None},
        answering=Answering(books, upstreams, world, shares.booked),
        outcomes=Outcomes(store),
        world=world,
    )


def drawn(auditor: Auditor, number: int) -> Decision:
    """A decision of its own, with a prompt of its own."""
    decision = a_decision(f"dec_{number}", replace(a_route(), audit=TERMS), text=f"What is {number}?")
    return auditor.drawn(changed(decision))


def decisions() -> int:
    """How many there are in memory."""
    return sum(isinstance(found, Decision) for found in gc.get_objects())
