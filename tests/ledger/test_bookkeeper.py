"""The money of an attempt from open to close: its worst case, its cost, its baseline, and no loss in between."""

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from router.bookkeeper import Bookkeeper, Charge, OpenAttempt, Spent
from router.catalog import Model
from router.clock import real_world
from router.decision import Decision, fallen_back
from router.errors import StoreUnavailable
from router.ledger.entry import Entry, Kind, decode
from router.ledger.ledger import Ledger, StaleSettings
from router.ledger.verify import verify
from router.pricing.usage import Usage, UsageSource
from router.spool import Spool
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.decisions import (
    BIG,
    BOOK,
    SPARE,
    TINY,
    UNPRICED,
    a_decision,
    a_direct_decision,
    a_model,
    a_route,
)
from tests.ledger.examples import ACCOUNT, HELD_NANO, a_hold, fleeting, lasting
from tests.store.servers import MakeServer

KEYS = AccountKeys(ACCOUNT)
USAGE = Usage(input_tokens=10, output_tokens=5)
TINY_COST = 10 * 100 + 5 * 400
BIG_COST = 10 * 2_000 + 5 * 10_000
Make = Callable[..., Bookkeeper]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path / "spool", real_world())
    yield found
    found.close()


@pytest.fixture
def make(spool: Spool) -> Make:
    def bookkeeper(store: Store, *, ledger: Ledger | None = None) -> Bookkeeper:
        return Bookkeeper(ledger or lasting(store), spool, BOOK, real_world())

    return bookkeeper


def ok(**more: Any) -> Spent:
    fields = {
        "outcome": "ok",
        "final": True,
        "answered": True,
        "usage": USAGE,
        "source": UsageSource.PROVIDER,
    }
    return Spent(**(fields | more))


async def entries(store: Store) -> list[Entry]:
    return [decode(fields[b"e"]) async for _, fields in store.stream(KEYS.entries)]


async def one(books: Bookkeeper, decision: Decision, spent: Spent, number: int = 1) -> Charge:
    attempt = await books.open(decision, decision.model, number, version="")
    return await books.close(attempt, spent)


async def test_an_answered_attempt_costs_its_tokens_and_saves_what_the_large_model_would_have_cost(
    store: Store, make: Make
):
    charge = await one(make(store), a_decision(), ok())
    assert (charge.cost_nano, charge.baseline_nano) == (TINY_COST, BIG_COST)
    [entry] = await entries(store)
    assert (entry.kind, entry.cost_nano, entry.baseline_nano) == (Kind.SETTLE, TINY_COST, BIG_COST)
    assert (entry.route, entry.tier, entry.model, entry.key_id) == ("support", "small", "tiny", "key_1")
    assert entry.price_book == BOOK.version
    assert entry.held_nano >= TINY_COST
    assert (await verify(store, ACCOUNT)).clean


async def test_the_served_model_decides_the_price_not_the_requested_one(store: Store, make: Make):
    charge = await one(make(store), a_decision(), ok(served_model="tiny-2"))
    assert charge.cost_nano == 2 * TINY_COST
    charge = await one(make(store), a_decision("dec_2"), ok(served_model="never heard of"))
    assert charge.cost_nano == TINY_COST
    assert [entry.price_basis for entry in await entries(store)] == ["served", "requested"]


async def test_a_price_of_the_configuration_is_not_changed_by_what_was_served(store: Store, make: Make):
    own = a_model("tiny", "tiny-1", price_from_book=False)
    charge = await one(make(store), a_decision(route=a_route(small=own)), ok(served_model="tiny-2"))
    assert charge.cost_nano == TINY_COST


async def test_a_model_that_left_the_book_keeps_the_price_it_was_configured_with(store: Store, make: Make):
    gone = a_model("gone", "gone-1", price=dataclasses.replace(TINY.price, model="gone-1"))  # type: ignore[type-var]
    charge = await one(make(store), a_direct_decision(gone), ok(served_model="gone-1"))
    assert charge.cost_nano == TINY_COST


async def test_an_unknown_price_is_an_unknown_cost_and_never_zero(store: Store, make: Make):
    charge = await one(make(store), a_direct_decision(UNPRICED), ok())
    assert (charge.cost_nano, charge.baseline_nano) == (None, None)
    charge = await one(make(store), a_decision("dec_2", a_route(large=UNPRICED)), ok())
    assert (charge.cost_nano, charge.baseline_nano) == (TINY_COST, None)
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.unknown_cost, found.cost_nano) == (True, 1, TINY_COST)


async def test_what_the_provider_says_it_cost_comes_before_our_sum(store: Store, make: Make):
    stated = ok(source=UsageSource.PROVIDER_COST, provider_cost_nano=77)
    assert (await one(make(store), a_decision(), stated)).cost_nano == 77
    without_tokens = ok(source=UsageSource.PROVIDER_COST, provider_cost_nano=78, usage=None)
    charge = await one(make(store), a_decision("dec_2"), without_tokens)
    assert (charge.cost_nano, charge.baseline_nano, charge.usage) == (78, None, None)
    assert [entry.tokens is None for entry in await entries(store)] == [False, True]


async def test_an_attempt_is_priced_at_the_hour_it_was_held_in(store: Store, make: Make):
    night = a_model("night", "night-1")
    charge = await one(make(store), a_direct_decision(night), ok())
    assert charge.cost_nano == (10 + 5) * 500, "off-peak all day"
    [entry] = await entries(store)
    assert entry.held_nano >= (10 + 5) * 1_000, "the worst case knows the peak"
    assert make(store).price_only(a_direct_decision(night)).cost_nano is not None


async def test_a_direct_call_and_the_large_model_save_nothing(store: Store, make: Make):
    for number, decision in enumerate((a_direct_decision(TINY), a_direct_decision(BIG)), 1):
        named = structs.replace(decision, id=f"dec_{number}")
        charge = await one(make(store), named, ok())
        assert charge.baseline_nano == charge.cost_nano
    charge = await one(make(store), structs.replace(a_decision("dec_3"), model=BIG), ok(served_model="big-1"))
    assert (charge.cost_nano, charge.baseline_nano) == (BIG_COST, BIG_COST)


async def test_a_fallback_is_compared_with_the_large_model_and_pays_for_the_attempt_before(
    store: Store, make: Make
):
    books, decision = make(store), a_decision()
    failed = Spent(outcome="stream_broken", final=False, usage=USAGE, source=UsageSource.COUNTED)
    first = await one(books, decision, failed)
    assert (first.cost_nano, first.baseline_nano) == (TINY_COST, 0)
    second = await one(books, fallen_back(decision, SPARE), ok(), number=2)
    spare_cost = 10 * 1_000 + 5 * 2_000
    assert (second.cost_nano, second.baseline_nano) == (spare_cost, BIG_COST)
    found = [(entry.model, entry.final, entry.cost_nano) for entry in await entries(store)]
    assert found == [("tiny", False, TINY_COST), ("spare", True, spare_cost)], (
        "each with its own model's price"
    )


async def test_nothing_charged_is_a_void_and_nothing_known_is_the_worst_case(store: Store, make: Make):
    charge = await one(make(store), a_decision(), Spent(outcome="connect_error", final=True))
    assert (charge.cost_nano, charge.baseline_nano, charge.usage) == (0, 0, None)
    unknown = Spent(outcome="client_gone", final=True, source=UsageSource.ASSUMED)
    charge = await one(make(store), a_decision("dec_2"), unknown)
    void, assumed = await entries(store)
    assert (void.kind, assumed.kind) == (Kind.VOID, Kind.SETTLE)
    assert charge.cost_nano == assumed.held_nano > 0


async def test_stale_settings_hold_nothing_and_are_not_spooled(store: Store, make: Make, spool: Spool):
    await store.command("INCR", KEYS.version)
    decision = a_decision()
    with pytest.raises(StaleSettings):
        await make(store).open(decision, decision.model, 1, version="0")
    assert (await verify(store, ACCOUNT)).open_holds == 0
    assert not spool.waiting


async def test_a_settle_after_the_reaper_adjusts_to_the_truth(store: Store, make: Make):
    ledger = fleeting(store)
    books, decision = make(store, ledger=ledger), a_decision()
    attempt = await books.open(decision, decision.model, 1, version="")
    assert await ledger.reap(ACCOUNT) == 1
    await books.close(attempt, ok())
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, TINY_COST)


async def test_a_caller_who_leaves_during_the_reserve_leaves_no_hold(store: Store, make: Make):
    for pauses in range(12):
        books, decision = make(store), a_decision(f"dec_{pauses}")
        opening = asyncio.create_task(books.open(decision, decision.model, 1, version=""))
        for _ in range(pauses):
            await asyncio.sleep(0)
        opening.cancel()
        [left] = await asyncio.gather(opening, return_exceptions=True)
        if isinstance(left, OpenAttempt):  # it was quicker
            await books.close(left, Spent(outcome="client_gone", final=True))
        await books.drain()
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 0, 0)


async def test_a_caller_who_leaves_during_the_settle_does_not_cut_it_in_half(store: Store, make: Make):
    """Even where it takes three steps: settle, told the hold was reaped, adjust."""
    ledger = fleeting(store)
    for pauses in range(12):
        books, decision = make(store, ledger=ledger), a_decision(f"dec_{pauses}")
        attempt = await books.open(decision, decision.model, 1, version="")
        await ledger.reap(ACCOUNT)
        closing = asyncio.create_task(books.close(attempt, ok()))
        for _ in range(pauses):
            await asyncio.sleep(0)
        closing.cancel()
        await asyncio.gather(closing, return_exceptions=True)
        if pauses == 0:  # cancelled before its first step: nobody had begun to close
            books.close_later(attempt, ok())
        await books.drain()
        assert books.open_attempts == {ACCOUNT: set()}
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 0, 12 * TINY_COST)


async def test_work_put_off_that_fails_is_in_the_log(
    store: Store, make: Make, caplog: pytest.LogCaptureFixture
):
    async def fails() -> None:
        raise ConnectionResetError("by whom?")

    books = make(store)
    books.later(fails())
    await books.drain()
    assert "by whom?" in caplog.text


@pytest.fixture
async def doomed(own_server: MakeServer) -> Any:
    """A store whose server the test kills, with AOF."""
    server = own_server()
    found = Store.at_url(server.url)
    yield server, found
    await found.aclose()


async def test_with_the_store_killed_calls_go_on_and_every_entry_arrives_once(
    doomed: Any, make: Make, spool: Spool
):
    server, store = doomed
    books = make(store)

    async def opened(name: str, model: Model = TINY) -> OpenAttempt:
        return await books.open(a_decision(name), model, 1, version="")

    before = [await opened(f"dec_a{n}") for n in range(3)]
    await books.close(before[0], ok())
    server.kill()
    during = [await opened(f"dec_b{n}") for n in range(3)]
    assert [attempt.record.enforced for attempt in (*before, *during)] == [True] * 3 + [False] * 3
    for attempt in (before[1], during[0], during[1]):
        assert (await books.close(attempt, ok())).cost_nano == TINY_COST
    assert spool.waiting
    server.start()
    await books.close(before[2], ok())
    await books.close(during[2], ok())
    done = await spool.replay(lasting(store))
    assert (done.written, done.known, done.refused, spool.waiting) == (3, 0, 0, False)
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.open_holds) == (True, 6, 0)
    assert found.cost_nano == 6 * TINY_COST


async def test_a_reserve_that_timed_out_but_landed_is_charged_once_when_the_call_goes_on(
    doomed: Any, make: Make, spool: Spool
):
    """Known failure 22: the hold is there, the call went on by the spool."""
    server, warm = doomed
    await lasting(warm).reserve(ACCOUNT, a_hold("dec_0"), version="")
    store = Store.at_url(server.url, timeout_s=0.2)
    await store.server()
    books, decision = make(store), a_decision()
    await lasting(store).extend(ACCOUNT, ["dec_0-1"])  # opens the connection that scripts travel on
    server.freeze()
    attempt = await books.open(decision, decision.model, 1, version="")
    assert not attempt.record.enforced
    await books.close(attempt, ok())
    server.thaw()
    await store.aclose()
    dead = fleeting(warm)
    assert await dead.extend(ACCOUNT, ["dec_0-1", "dec_1-1"]) == [], "it had landed"
    assert await dead.reap(ACCOUNT) == 2
    done = await spool.replay(lasting(warm))
    assert done.written == 1
    found = await verify(warm, ACCOUNT)
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 0, TINY_COST + HELD_NANO)


async def test_a_settle_the_store_refuses_is_kept_aside_and_written_after_the_repair(
    store: Store, make: Make, spool: Spool, tmp_path: Path
):
    books, decision = make(store), a_decision()
    attempt = await books.open(decision, decision.model, 1, version="")
    await store.command("SET", KEYS.decision("dec_1"), "not a decision")
    await books.close(attempt, ok())
    assert (await spool.replay(lasting(store))).refused == 1
    [aside] = (tmp_path / "spool").glob("*.refused")
    await store.command("DEL", KEYS.decision("dec_1"))
    aside.rename(aside.with_suffix(".jsonl"))
    assert (await spool.replay(lasting(store))).written == 1
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, TINY_COST)


async def test_when_neither_store_nor_disk_take_an_entry_the_caller_is_told(doomed: Any, tmp_path: Path):
    server, store = doomed
    (tmp_path / "file").write_text("")
    spool = Spool(tmp_path / "file" / "spool", real_world())
    books = Bookkeeper(lasting(store), spool, BOOK, real_world())
    decision = a_decision()
    attempt = await books.open(decision, decision.model, 1, version="")
    server.kill()
    with pytest.raises(StoreUnavailable, match="neither the store nor the spool"):
        await books.close(attempt, ok())
