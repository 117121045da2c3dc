"""One node in cluster mode: it refuses any script or transaction whose keys lie on two slots."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from router.access.keys import KeyRing, Scope
from router.ledger.verify import repair, verify
from router.outcomes.record import JudgedBy
from router.outcomes.store import Outcomes
from router.outcomes.terms import OutcomeTerms
from router.routes.thresholds import Change, Thresholds
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.settings import look
from tests.ledger.examples import a_decision, a_hold, an_entry, fleeting, lasting
from tests.outcomes.examples import ROUTE, decision_id, in_force, judged
from tests.store.servers import KINDS, MakeServer

KEYS = AccountKeys("acme")


@pytest.fixture(params=[kind for kind, binary in KINDS.items() if binary])
async def clustered(request: pytest.FixtureRequest, own_server: MakeServer) -> AsyncIterator[Store]:
    # The bus would be the same port for every such server: 10000 above a client port that there is none of.
    bus = {"cluster_enabled": "yes", "cluster_port": str(a_free_port()), "bind": "127.0.0.1"}
    store = Store.at_url(own_server(request.param, appendonly="no", **bus).url)
    await store.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    async with asyncio.timeout(60):
        while b"cluster_state:ok" not in await store.command("CLUSTER", "INFO"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    yield store
    await store.aclose()


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


async def test_the_keys_of_every_script_lie_on_the_one_slot_of_their_account(clustered: Store):
    ledger = fleeting(clustered)
    await KeyRing(clustered).create("ci", (Scope.CALL,), account="acme")
    await Thresholds(clustered).set(Change("support", 0.5, "me"))
    by_account = (await look(clustered)).versions
    at_ms = (await ledger.reserve("acme", a_hold(), version=by_account["acme"])).at_ms
    await ledger.reserve("acme", a_hold("dec_2"), version="")
    await lasting(clustered).extend("acme", ["dec_1-1"])
    assert await ledger.reap("acme") == 1
    await ledger.settle("acme", an_entry("dec_2", at_ms=at_ms), a_decision())
    await ledger.settle("acme", an_entry(at_ms=at_ms), a_decision())
    await clustered.command("DEL", KEYS.counters(at_ms // 3_600_000))
    assert not (await verify(clustered, "acme")).clean
    assert await repair(clustered, "acme") == 1
    found = await verify(clustered, "acme")
    assert (found.clean, found.entries, found.cost_nano) == (True, 3, 2_000)
    await an_account_is_on_one_slot_and_another_on_another(clustered)


async def test_an_outcome_lies_with_its_account_and_the_watch_with_the_settings(clustered: Store):
    threshold = await in_force(clustered)
    assert threshold.certificate is not None
    made_under = {"certificate": threshold.certificate.id, "threshold_version": threshold.version}
    outcomes, number = Outcomes(clustered, OutcomeTerms(kept_a_route=20)), 0
    while not (now := await Thresholds(clustered).current(ROUTE)) or not now.suspended:
        number += 1
        await outcomes.put("acme", judged(number, 0.0, 1.0, **made_under))
    await outcomes.score("acme", decision_id(number), small=0.0, large=1.0, judged_by=JudgedBy.HAND)
    assert len((await outcomes.page("acme")).outcomes) == 20
    assert (await outcomes.watch.routes.of([ROUTE]))[ROUTE].state.audits == number


async def an_account_is_on_one_slot_and_another_on_another(clustered: Store) -> None:
    names = (KEYS.attempt("x"), KEYS.decision("y"), KEYS.counters(1), KEYS.holds, KEYS.entries, KEYS.version)
    names += (KEYS.outcome("z"), KEYS.outcomes("r"), KEYS.unscored("r"), KEYS.outcome_routes, KEYS.uncounted)
    names += (KEYS.undrawn("r"),)
    slots = {await clustered.command("CLUSTER", "KEYSLOT", name) for name in names}
    assert len(slots) == 1
    assert await clustered.command("CLUSTER", "KEYSLOT", AccountKeys("main").holds) not in slots
