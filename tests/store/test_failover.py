"""A real Cluster and real Sentinels, and their primaries replaced: in order, and dead with what only they knew."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from router.access.keys import KeyRing, Scope
from router.cli.checkup.store import store as store_rows
from router.errors import BudgetExceeded, StoreUnavailable
from router.ledger.failover import Failover
from router.ledger.ledger import Ledger, Recorded, Terms
from router.ledger.recent import Recent
from router.ledger.verify import verify
from router.routes.thresholds import Change, Thresholds
from router.settings.zero_config import offline_settings
from router.store.connection import Store
from router.store.keys import API_KEYS, AccountKeys
from router.store.settings import look
from tests.budgets.examples import a_budget, hold, left_in, settle
from tests.ledger.examples import HELD_NANO, a_decision, a_hold, an_entry
from tests.service import Service
from tests.store.servers import MakeServer
from tests.store.several import KINDS_OF_SEVERAL, Several
from tests.waiting import until

if TYPE_CHECKING:
    from router.ledger.entry import Entry

ACCOUNTS = ("acme", "hooli", "zeta")  # in a Cluster one on each primary
COST = 1_000


@pytest.fixture(scope="module", params=list(KINDS_OF_SEVERAL))
def several(request: pytest.FixtureRequest) -> Iterator[Several]:
    servers = KINDS_OF_SEVERAL[request.param]("valkey")
    try:
        yield cast("Several", servers.start())
    finally:
        servers.stop()


@pytest.fixture
async def shared(several: Several) -> AsyncIterator[Store]:
    several.whole()
    store = Store.at_url(several.url)
    await store.everywhere("FLUSHALL")
    yield store
    await store.aclose()


class Worker:
    """The ledger of one worker, and what it was told is written."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.recent = Recent()
        self.ledger = Ledger(store, Terms(), self.recent)
        self.failover = Failover(store, self.ledger, self.recent)
        self.acknowledged: dict[str, list[Entry]] = {account: [] for account in ACCOUNTS}

    async def call(self, account: str, name: str) -> None:
        """Holds and settles, as a call does; what is not acknowledged is not counted."""
        hold = a_hold(name)
        reserved = await self.ledger.reserve(account, hold, version="")
        entry = an_entry(name, at_ms=reserved.at_ms)
        await self.ledger.settle(account, entry, a_decision(name))
        self.acknowledged[account].append(entry)

    async def calls(self, name: str, count: int) -> None:
        await asyncio.gather(
            *(self.call(account, f"{name}_{number}") for account in ACCOUNTS for number in range(count))
        )

    async def back(self) -> None:
        """Until every account can be written to again."""
        async with asyncio.timeout(60):
            while True:
                try:
                    await asyncio.gather(*(self.ledger.extend(account, ["x"]) for account in ACCOUNTS))
                except StoreUnavailable:
                    await asyncio.sleep(0.02)
                else:
                    return

    async def all_is_written(self) -> None:
        for account, entries in self.acknowledged.items():
            found = await verify(self.store, account)
            assert (found.clean, found.cost_nano) == (True, COST * len(entries)), account


async def test_each_account_lives_on_one_server_and_settings_on_another(several: Several, shared: Store):
    await KeyRing(shared).create("ci", (Scope.CALL,), account="acme")
    await Thresholds(shared).set(Change("support", 0.5, "me"))
    seen = await look(shared, ["acme"], ("HGETALL", API_KEYS))
    assert seen.versions == {"acme": "2", "main": "2"}
    assert len(seen.more[0]) == 1
    worker = Worker(shared)
    await worker.calls("dec", 20)
    await worker.all_is_written()
    servers = {several.primary_of(AccountKeys(account).holds).address for account in ACCOUNTS}
    assert len(servers) == (3 if shared.kind == "cluster" else 1)
    primaries = [server for server in await shared.servers() if server.primary]
    replicas = [server for server in await shared.servers() if not server.primary]
    assert len(primaries) == len(replicas) == len(servers)


async def test_a_primary_replaced_in_order_under_load_loses_nothing(several: Several, shared: Store):
    worker = Worker(shared)
    await worker.calls("before", 10)
    await worker.failover.look()
    stop = asyncio.Event()

    async def load(account: str) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                await worker.call(account, f"during_{number}")
            except StoreUnavailable:  # a service spools it
                await asyncio.sleep(0.005)

    callers = [asyncio.create_task(load(account)) for account in ACCOUNTS]
    await asyncio.to_thread(several.fail_over, AccountKeys("acme").holds)
    await worker.back()
    stop.set()
    await asyncio.gather(*callers)
    await worker.calls("after", 10)
    await worker.failover.look()
    await held_by_nobody_known(worker)
    await worker.all_is_written()


async def held_by_nobody_known(worker: Worker) -> None:
    """Calls that a failover interrupted are written or reaped: here they are settled as their worker would."""
    for account in ACCOUNTS:
        for raw in await worker.store.command("ZRANGE", AccountKeys(account).holds, 0, -1):
            name = raw.decode().removesuffix("-1")
            await worker.ledger.settle(account, an_entry(name), a_decision(name))
            worker.acknowledged[account].append(an_entry(name))


async def test_what_only_the_dead_primary_knew_is_told_to_the_next_once(
    several: Several, shared: Store, caplog: pytest.LogCaptureFixture
):
    """No acknowledged settle is lost; of holds no more than their sum, which is what may be overspent."""
    worker = Worker(shared)
    await worker.calls("before", 5)
    await worker.failover.look()
    account = "acme"
    open_before = await worker.ledger.reserve(account, a_hold("open_before"), version="")
    with several.losing(AccountKeys(account).holds):
        await worker.calls("lost", 100)
        for number in range(7):
            await worker.ledger.reserve(account, a_hold(f"open_{number}"), version="")
    await worker.back()
    caplog.set_level(logging.WARNING)
    lost_nano = COST * 105 - (await verify(shared, account)).cost_nano
    assert lost_nano == COST * 100, "the test is of something"
    told = await worker.failover.look()
    others = 0 if shared.kind == "cluster" else 2 * 100  # with Sentinels all accounts are on the one primary
    assert (told.written, told.refused) == (100 + others, 0)
    assert f"{100 + others} were lost and are written again" in caplog.text
    await worker.all_is_written()
    assert (await worker.failover.look()).written == 0
    await worker.all_is_written()
    assert (await verify(shared, account)).open_holds == 1, (
        "the seven are lost, and with them 7 times their worst case"
    )
    missing = await worker.ledger.extend(account, [f"open_{number}-1" for number in range(7)])
    assert len(missing) == 7, "the worker is told which"
    for number in range(7):  # and what they used is written when they end
        name = f"open_{number}"
        settled = await worker.ledger.settle(
            account, an_entry(name, at_ms=open_before.at_ms), a_decision(name)
        )
        assert settled is Recorded.RECORDED
    assert (await verify(shared, account)).clean


async def test_a_budget_is_overspent_by_at_most_the_holds_that_were_lost(several: Several, shared: Store):
    worker, account = Worker(shared), "acme"
    limit = 10 * HELD_NANO
    await a_budget(shared, account, limit_usd="0.00005")
    held = {f"kept_{n}": await hold(worker.ledger, shared, f"kept_{n}", account) for n in range(4)}
    await worker.failover.look()
    key = AccountKeys(account).holds
    await asyncio.to_thread(several.caught_up, key)
    with several.losing(key):
        lost = {f"lost_{n}": await hold(worker.ledger, shared, f"lost_{n}", account) for n in range(3)}
        for name in ("done_1", "done_2"):
            await settle(worker.ledger, name, await hold(worker.ledger, shared, name, account), account)
    await worker.back()
    assert (await worker.failover.look()).written == 2
    assert list((await left_in(shared, account)).values()) == [limit - 4 * HELD_NANO - 2 * COST]

    async def fill() -> None:
        for name in (f"new_{number}" for number in range(100)):
            held[name] = await hold(worker.ledger, shared, name, account)

    with pytest.raises(BudgetExceeded):
        await fill()
    committed = HELD_NANO * (len(held) + len(lost)) + 2 * COST
    assert limit < committed <= limit + len(lost) * HELD_NANO
    for name, one in (held | lost).items():  # as dear as they were held for
        await settle(worker.ledger, name, one, account, cost_nano=HELD_NANO)
    [left] = (await left_in(shared, account)).values()
    assert left == limit - committed, "every one is charged"
    found = await verify(shared, account)
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 0, committed)


async def test_a_primary_that_does_not_answer_is_said_and_its_settles_are_kept(
    several: Several, shared: Store
):
    hasty = Store.at_url(several.url, timeout_s=0.4)
    worker = Worker(hasty)
    await worker.calls("before", 3)
    await worker.failover.look()
    kept = len(worker.recent)
    key = AccountKeys("acme").holds
    primary = several.primary_of(key)
    several.replica_of(key).freeze()  # nobody takes over
    primary.freeze()
    try:
        with pytest.raises(StoreUnavailable):
            await worker.ledger.extend("acme", ["x"])
        try:
            await worker.failover.look()
        except StoreUnavailable:
            assert shared.kind == "sentinel"
        assert len(worker.recent) == kept
    finally:
        primary.thaw()
        for peer in several.peers:
            peer.thaw()
    await worker.back()
    await worker.all_is_written()
    await hasty.aclose()


async def test_doctor_says_what_the_store_is_made_of_and_what_may_be_lost(several: Several, shared: Store):
    settings = offline_settings({"REDIS_URL": several.url})
    rows = {f"{row.part} {row.subject}".strip(): row for row in await store_rows(settings, Path("unused"))}
    assert several.url not in str(rows)
    said = rows["store server"].said
    if shared.kind == "cluster":
        assert "Redis Cluster of 3 primaries and 3 replicas (Valkey " in said
        assert rows["store replication"].verdict == "ok"
    else:
        assert "watched by Sentinels, primary 127.0.0.1:" in said
        assert "1 replica" in said
        assert "min-replicas-to-write 1" in rows["store replication"].to_do
    assert rows["store eviction"].verdict == rows["store persistence"].verdict == "ok"
    replica = several.replica_of("acme")
    replica.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    replica.ask("CONFIG", "SET", "appendonly", "no")
    rows = {f"{row.part} {row.subject}".strip(): row for row in await store_rows(settings, Path("unused"))}
    assert rows[f"store eviction {replica.address}"].verdict == "fail"
    assert rows[f"store persistence {replica.address}"].verdict == "warn"
    replica.ask("CONFIG", "SET", "appendonly", "yes")
    replica.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")


async def test_a_server_killed_under_load_and_restarted_has_all_that_was_acknowledged(own_server: MakeServer):
    """With `appendfsync everysec`, as the embedded store has it; and what it had not, it would be told."""
    server = own_server(appendfsync="everysec")
    store = Store.at_url(server.url)
    worker = Worker(store)
    stop = asyncio.Event()

    async def load(account: str) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                await worker.call(account, f"dec_{number}")
            except StoreUnavailable:
                await asyncio.sleep(0.005)

    callers = [asyncio.create_task(load(account)) for account in ACCOUNTS]
    for round_ in range(1, 4):
        await until(lambda many=200 * round_: len(worker.acknowledged["acme"]) > many)  # type: ignore[misc]
        server.kill()
        server.start()
        await worker.back()
        await worker.failover.look()
    stop.set()
    await asyncio.gather(*callers)
    await held_by_nobody_known(worker)
    await worker.all_is_written()
    await store.aclose()


def test_a_service_goes_on_through_the_death_of_a_primary(several: Several, tmp_path: Path):
    """What was answered while it was away waited in the spool; what only it knew is told to the next."""
    several.whole()
    several.empty()
    key = AccountKeys("main").holds
    service = Service(tmp_path, environ={"REDIS_URL": several.url, "PENNYROUTE_OFFLINE": "1"})
    with service, service.client() as client:
        before = service.ledger().entries

        def ask(times: int) -> int:
            answers = [client.post("/complete", json={"query": "What is 2 + 2?"}) for _ in range(times)]
            assert {answer.status_code for answer in answers} == {200}
            return times

        answered = ask(10)
        with several.losing(key):
            answered += ask(10)
        answered += ask(20)
        found = service.until(
            lambda: service.in_store(lambda store: verify(store, "main")),
            lambda seen: seen.entries == before + answered and seen.open_holds == 0,
        )
        assert found.clean
        assert "10 were lost and are written again" in service.said
