"""A worker's background work: holds kept alive, dead ones reaped, the spool replayed, outages outlived."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.bookkeeper import Bookkeeper
from router.clock import real_world
from router.ledger.ledger import Ledger, Terms
from router.ledger.verify import Verification, verify
from router.spool import Spool
from router.store.connection import Store
from router.store.keys import ACCOUNTS, AccountKeys
from router.upkeep import Rounds, Upkeep
from tests.ledger.decisions import BOOK, TINY, a_decision
from tests.ledger.examples import ACCOUNT, HELD_NANO, a_hold, fleeting
from tests.ledger.test_bookkeeper import TINY_COST, ok
from tests.store.servers import MakeServer, StoreServer
from tests.waiting import until

SWIFT = Rounds(extend_every_s=0.02, reap_every_s=0.02)

HOLDER = """
import asyncio, sys
from router.ledger.ledger import Ledger, Terms
from router.store.connection import Store
from tests.ledger.examples import ACCOUNT, a_hold
async def main():
    ledger = Ledger(Store.at_url(sys.argv[1]), Terms(hold_expiry_s=float(sys.argv[2])))
    await ledger.reserve(ACCOUNT, a_hold("dec_dead"), version="")
    print("held", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


class Worker:
    """One worker's money: ledger, books, spool and upkeep."""

    def __init__(self, store: Store, folder: Path, *, hold_expiry_s: float = 120.0) -> None:
        self.store = store
        self.ledger = Ledger(store, Terms(hold_expiry_s=hold_expiry_s))
        self.spool = Spool(folder, real_world())
        self.books = Bookkeeper(self.ledger, self.spool, BOOK, real_world())
        self.upkeep = Upkeep(
            ledger=self.ledger,
            spool=self.spool,
            books=self.books,
            store=store,
            world=real_world(),
            rounds=SWIFT,
        )

    async def found(self) -> Verification:
        return await verify(self.store, ACCOUNT)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.upkeep.run())
        try:
            yield
            assert not task.done(), "upkeep never ends by itself"
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.spool.close()


async def entries(store: Store) -> int:
    return int(await store.command("XLEN", "pr:{main}:entries"))


async def happens(worker: Worker, count: int) -> None:
    """Waits until the ledger has so many entries."""
    async with asyncio.timeout(60):
        while await entries(worker.store) < count:  # noqa: ASYNC110 - another task writes
            await asyncio.sleep(0.005)


async def overdue_at(store: Store) -> float:
    return float(await store.command("ZSCORE", "pr:{main}:holds", "dec_1-1"))


async def test_a_living_workers_hold_is_extended_again_and_again(store: Store, tmp_path: Path):
    worker = Worker(store, tmp_path)
    async with worker.running():
        attempt = await worker.books.open(a_decision(), TINY, 1, version="")
        for _ in range(3):
            before = await overdue_at(store)
            async with asyncio.timeout(60):
                while await overdue_at(store) <= before:  # noqa: ASYNC110 - another task extends
                    await asyncio.sleep(0.005)
        await worker.books.close(attempt, ok())
    found = await worker.found()
    assert (found.clean, found.entries, found.open_holds) == (True, 1, 0)


async def test_an_extended_hold_is_not_reaped_by_another_worker(store: Store, tmp_path: Path):
    worker, other = Worker(store, tmp_path / "a"), Worker(store, tmp_path / "b")
    await worker.books.open(a_decision(), TINY, 1, version="")
    await store.command("ZADD", "pr:{main}:holds", 1, "dec_1-1")  # as if two minutes had passed
    await worker.upkeep.extend()
    assert await other.upkeep.reap() == 0
    await store.command("ZADD", "pr:{main}:holds", 1, "dec_1-1")
    assert await other.upkeep.reap() == 1


async def test_a_process_killed_between_reserve_and_settle_is_charged_as_assumed(
    store_server: StoreServer, tmp_path: Path
):
    store = Store.at_url(store_server.url)
    await store.everywhere("FLUSHALL")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, store_server.url, "0.2"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    process.kill()
    await process.wait()
    worker = Worker(store, tmp_path)
    async with worker.running():
        await happens(worker, 1)
    found = await worker.found()
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 0, HELD_NANO)
    await store.aclose()


async def test_every_account_is_reaped(store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for account in ("acme", "zeta"):
        await store.command("SADD", ACCOUNTS, account)
        await fleeting(store).reserve(account, a_hold(), version="")
    assert await Worker(store, tmp_path).upkeep.reap() == 2
    assert "account acme: 1 attempts of a dead worker" in caplog.text


async def test_holds_that_are_gone_are_named_once(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    worker = Worker(store, tmp_path)
    attempt = await worker.books.open(a_decision(), TINY, 1, version="")
    await store.command("DEL", "pr:{main}:holds")
    for _ in range(3):
        await worker.upkeep.extend()
    assert caplog.text.count("dec_1-1") == 1
    await worker.books.close(attempt, ok())
    await worker.upkeep.extend()
    assert worker.upkeep._told == set()


async def test_an_outage_is_outlived_reported_once_and_made_good(
    own_server: MakeServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    server = own_server()
    store = Store.at_url(server.url)
    worker = Worker(store, tmp_path)
    async with worker.running():
        held = await worker.books.open(a_decision("dec_held"), TINY, 1, version="")
        server.kill()
        await until(lambda: "the store is away" in caplog.text)
        for number in range(5):
            attempt = await worker.books.open(a_decision(f"dec_{number}"), TINY, 1, version="")
            await worker.books.close(attempt, ok())
        await worker.books.close(held, ok())
        assert worker.spool.waiting
        server.start()
        await until(lambda: not worker.spool.waiting)
        await until(lambda: "the store is back" in caplog.text)
    assert caplog.text.count("the store is away") == 1
    found = await worker.found()
    assert (found.clean, found.entries, found.open_holds) == (True, 6, 0)
    assert found.cost_nano == 6 * TINY_COST
    await store.aclose()


async def test_after_an_outage_a_workers_own_holds_are_extended_before_anything_is_reaped(
    store: Store, tmp_path: Path
):
    worker = Worker(store, tmp_path)
    await worker.books.open(a_decision(), TINY, 1, version="")
    await store.command("ZADD", "pr:{main}:holds", 1, "dec_1-1")  # overdue: the store was away
    worker.upkeep._reachable = False
    await worker.upkeep._reap_and_replay()
    found = await worker.found()
    assert (found.entries, found.open_holds) == (0, 1)


async def test_what_the_store_refuses_does_not_end_the_upkeep(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    worker = Worker(store, tmp_path)
    await store.command("SET", "pr:{main}:holds", "not holds")
    async with worker.running():
        await until(lambda: "WRONGTYPE" in caplog.text)
        await store.command("DEL", "pr:{main}:holds")
        await fleeting(store).reserve(ACCOUNT, a_hold(), version="")
        await happens(worker, 1)


async def test_a_hold_of_another_version_is_told_once_and_stands_in_nobodys_way(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    worker, keys = Worker(store, tmp_path), AccountKeys(ACCOUNT)
    odd = {"dec_kind-1": b'[1,"a kind of tomorrow"]', "dec_text-1": b"not JSON", "dec_lost-1": None}
    for attempt, raw in odd.items():
        await fleeting(store).reserve(ACCOUNT, a_hold(attempt.removesuffix("-1")), version="")
        command, *words = ("HSET", "entry", raw) if raw else ("HDEL", "entry")
        await store.command(command, keys.attempt(attempt), *words)
    async with worker.running():
        for number in range(1, 4):
            await fleeting(store).reserve(ACCOUNT, a_hold(f"dec_{number}"), version="")
            await happens(worker, number)
    for attempt in odd:
        assert caplog.text.count(f"{attempt} cannot be reaped") == 1
    assert (await worker.found()).open_holds == len(odd)


async def test_one_account_that_cannot_be_reaped_leaves_the_others_alone(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    await store.command("SADD", ACCOUNTS, "acme", "zeta")
    await store.command("SET", AccountKeys("acme").holds, "not holds")
    await fleeting(store).reserve("zeta", a_hold(), version="")
    assert await Worker(store, tmp_path).upkeep.reap() == 1
    assert "account acme cannot be reaped" in caplog.text


async def test_no_error_whatever_ends_the_upkeep(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    worker = Worker(store, tmp_path)
    await store.command("SADD", ACCOUNTS, b"\xff is no UTF-8")
    async with worker.running():
        await until(lambda: "upkeep failed inside" in caplog.text)
        await store.command("DEL", ACCOUNTS)
        await fleeting(store).reserve(ACCOUNT, a_hold(), version="")
        await happens(worker, 1)
