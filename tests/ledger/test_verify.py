"""`ledger verify`: finds every counter that is not the sum of its entries, also while entries come in."""

import asyncio

from router.ledger.entry import GROUP_SEPARATOR, encode
from router.ledger.verify import Difference, repair, verify
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import ACCOUNT, HOUR_MS, a_decision, a_hold, an_entry, fleeting, lasting, reserve

KEYS = AccountKeys(ACCOUNT)
GROUP = ("support", "small", "tiny", "legal", "triage", "offline")


async def three_entries(store: Store) -> None:
    for number in range(3):
        entry = an_entry(f"dec_{number}", at_ms=number * HOUR_MS, cost_nano=10 * number)
        await lasting(store).settle(ACCOUNT, entry, a_decision())


async def test_an_empty_ledger_is_clean(store: Store):
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.cost_nano, found.last_entry) == (True, 0, 0, "")
    assert await repair(store, ACCOUNT) == 0


async def test_a_counter_that_is_off_by_one_is_found_and_repaired(store: Store):
    await three_entries(store)
    field = GROUP_SEPARATOR.join((*GROUP, "cost_nano"))
    await store.command("HINCRBY", KEYS.counters(2), field, 1)
    found = await verify(store, ACCOUNT)
    assert found.differences == [Difference(2, GROUP, "cost_nano", 21, 20)]
    assert not found.clean
    assert await repair(store, ACCOUNT) == 1
    assert (await verify(store, ACCOUNT)).clean


async def test_lost_and_invented_hours_are_found_and_repaired(store: Store):
    await three_entries(store)
    await store.command("DEL", KEYS.counters(1))
    await store.command("HSET", KEYS.counters(9), GROUP_SEPARATOR.join((*GROUP, "attempts")), 4)
    await store.command("ZADD", KEYS.hours, 9, 9)
    found = await verify(store, ACCOUNT)
    assert {difference.hour for difference in found.differences} == {1, 9}
    assert await repair(store, ACCOUNT) == 2
    assert (await verify(store, ACCOUNT)).clean
    assert await store.command("ZRANGE", KEYS.hours, 0, -1) == [b"0", b"1", b"2"]


async def test_counters_forgotten_from_the_list_of_hours_are_found_and_repaired(store: Store):
    await three_entries(store)
    await store.command("ZREM", KEYS.hours, 1)
    assert not (await verify(store, ACCOUNT)).clean
    await repair(store, ACCOUNT)
    assert (await verify(store, ACCOUNT)).clean


async def test_an_entry_that_was_doubled_behind_our_back_is_named(store: Store):
    await three_entries(store)
    await store.command("XADD", KEYS.entries, "*", "e", encode(an_entry("dec_1", at_ms=HOUR_MS)))
    found = await verify(store, ACCOUNT)
    assert found.duplicates == ["dec_1-1"]
    assert not found.clean


async def test_a_running_ledger_is_verified_and_repaired_between_its_entries(store: Store):
    ledger, done = lasting(store), asyncio.Event()

    async def keep_settling() -> None:
        for number in range(300):
            at_ms = await reserve(ledger, a_hold(f"dec_{number}"))
            await ledger.settle(ACCOUNT, an_entry(f"dec_{number}", at_ms=at_ms), a_decision())
        done.set()

    settling = asyncio.create_task(keep_settling())
    looks = 0
    while not done.is_set():
        assert (await verify(store, ACCOUNT)).clean
        looks += 1
    await settling
    assert looks > 1
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.cost_nano) == (True, 300, 300_000)


async def test_a_repair_does_not_undo_what_comes_in_meanwhile(store: Store):
    await three_entries(store)
    field = GROUP_SEPARATOR.join((*GROUP, "cost_nano"))
    await store.command("HINCRBY", KEYS.counters(2), field, 1)
    ledger = lasting(store)

    async def settle_some() -> None:
        for number in range(10, 40):
            await ledger.settle(ACCOUNT, an_entry(f"dec_{number}", at_ms=2 * HOUR_MS), a_decision())

    await asyncio.gather(settle_some(), repair(store, ACCOUNT))
    await repair(store, ACCOUNT)
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries) == (True, 33)


async def test_accounts_do_not_see_each_other(store: Store):
    ledger = fleeting(store)
    await ledger.reserve("other", a_hold(), version="")
    assert await ledger.reap(ACCOUNT) == 0
    assert (await verify(store, "other")).open_holds == 1
    assert await ledger.reap("other") == 1
    assert (await verify(store, ACCOUNT)).entries == 0
