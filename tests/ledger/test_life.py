"""The life of an attempt's money: reserved, settled or voided, extended, reaped, adjusted."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from router.ledger.entry import Entry, Kind, decode
from router.ledger.ledger import Recorded, StaleSettings
from router.ledger.verify import verify
from router.store.connection import Store, StoreRefused
from router.store.keys import AccountKeys
from tests.ledger.examples import (
    ACCOUNT,
    HELD_NANO,
    HOUR_MS,
    a_decision,
    a_hold,
    a_void,
    an_entry,
    fleeting,
    lasting,
    reserve,
)
from tests.store.contents import names_in

KEYS = AccountKeys(ACCOUNT)


async def entries(store: Store) -> list[Entry]:
    return [decode(fields[b"e"]) async for _, fields in store.stream(KEYS.entries)]


async def counters(store: Store) -> dict[str, int]:
    """Sums over all hours and groups, by metric; zeros left out."""
    sums: dict[str, int] = {}
    for hour in await store.command("ZRANGE", KEYS.hours, 0, -1):
        for name, amount in (await store.hash_of(KEYS.counters(int(hour)))).items():
            metric = name.decode().split("\x1f")[-1]
            sums[metric] = sums.get(metric, 0) + int(amount)
    return {metric: amount for metric, amount in sums.items() if amount}


async def test_a_hold_counts_at_the_stores_time_and_costs_nothing_yet(store: Store):
    before = await store.now_ms()
    at_ms = await reserve(lasting(store), a_hold())
    assert before <= at_ms <= await store.now_ms()
    assert await entries(store) == []
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 1, 0)


async def test_a_settle_replaces_the_hold_by_what_it_cost(store: Store):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    assert await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms), a_decision()) is Recorded.RECORDED
    assert await entries(store) == [an_entry(at_ms=at_ms)]
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.open_holds, found.cost_nano) == (True, 0, 1_000)
    assert (await counters(store))["savings_nano"] == 3_000


async def test_a_second_settle_changes_nothing_and_says_so(store: Store):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms), a_decision())
    for again in (an_entry(at_ms=at_ms, cost_nano=9), a_void(at_ms=at_ms)):
        assert await ledger.settle(ACCOUNT, again, a_decision()) is Recorded.ALREADY
    assert await entries(store) == [an_entry(at_ms=at_ms)]
    assert (await verify(store, ACCOUNT)).clean


async def test_a_void_counts_the_attempt_and_no_cost(store: Store):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    await ledger.settle(ACCOUNT, a_void(at_ms=at_ms), a_decision())
    counted = await counters(store)
    assert (counted["attempts"], counted["errors"], counted.get("cost_nano")) == (1, 1, None)
    assert await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms), a_decision()) is Recorded.ALREADY


async def test_a_settle_counts_in_the_hour_of_its_hold_whatever_the_worker_thought(store: Store):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    for wrong_ms in (at_ms - 5 * HOUR_MS, at_ms + 1):
        await ledger.settle(ACCOUNT, an_entry(at_ms=wrong_ms), a_decision())
        assert [entry.at_ms for entry in await entries(store)] == [at_ms]
    assert (await verify(store, ACCOUNT)).clean


async def test_a_settle_without_a_hold_counts_at_its_own_time(store: Store):
    entry = an_entry(at_ms=7 * HOUR_MS + 5)
    assert await lasting(store).settle(ACCOUNT, entry, a_decision()) is Recorded.RECORDED
    assert await store.command("ZRANGE", KEYS.hours, 0, -1) == [b"7"]
    assert (await verify(store, ACCOUNT)).clean


async def test_a_settle_that_overtakes_its_reserve_leaves_nothing_to_hold(store: Store):
    ledger = lasting(store)
    await ledger.settle(ACCOUNT, a_void(), a_decision())
    with pytest.raises(StoreRefused, match="already void"):
        await reserve(ledger, a_hold())
    assert (await verify(store, ACCOUNT)).open_holds == 0


async def test_a_reserve_sent_twice_holds_once(store: Store):
    ledger = lasting(store)
    first = await reserve(ledger, a_hold())
    assert await reserve(ledger, a_hold()) == first
    assert (await verify(store, ACCOUNT)).open_holds == 1


async def test_an_overdue_hold_is_settled_as_assumed_at_its_worst_case(store: Store):
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    assert await ledger.reap(ACCOUNT) == 1
    [entry] = await entries(store)
    assert (entry.kind, entry.cost_nano, entry.at_ms) == (Kind.ASSUME, HELD_NANO, at_ms)
    assert (await counters(store))["cost_nano.assumed"] == HELD_NANO
    assert (await verify(store, ACCOUNT)).clean
    assert await ledger.reap(ACCOUNT) == 0


async def test_a_living_workers_hold_is_not_reaped(store: Store):
    await reserve(lasting(store), a_hold())
    assert await fleeting(store).reap(ACCOUNT) == 0


async def test_extending_an_overdue_hold_saves_it_and_names_those_that_are_gone(store: Store):
    await reserve(fleeting(store), a_hold())
    assert await lasting(store).extend(ACCOUNT, ["dec_1-1", "dec_0-1"]) == ["dec_0-1"]
    assert await lasting(store).reap(ACCOUNT) == 0


async def test_a_hold_extended_between_the_listing_and_the_reaping_stays(store: Store):
    """The script looks at the expiry again: the reaper's list may be old."""
    ledger = lasting(store)
    await reserve(ledger, a_hold())
    assert await ledger._reap_one(ACCOUNT, "dec_1-1") is False
    assert (await verify(store, ACCOUNT)).open_holds == 1


async def test_a_late_settle_of_an_assumed_attempt_appends_one_adjustment(store: Store):
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    await ledger.reap(ACCOUNT)
    truth = an_entry(at_ms=at_ms)
    assert await ledger.settle(ACCOUNT, truth, a_decision()) is Recorded.ADJUSTED
    assert await ledger.settle(ACCOUNT, truth, a_decision()) is Recorded.ALREADY
    assert [entry.kind for entry in await entries(store)] == [Kind.ASSUME, Kind.ADJUST]
    reaped_and_adjusted = await counters(store)

    await store.everywhere("FLUSHALL")
    await reserve(ledger, a_hold())
    await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms), a_decision())
    assert reaped_and_adjusted == await counters(store), "as if it had been settled in time"


async def test_a_late_void_takes_the_assumed_cost_back(store: Store):
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    await ledger.reap(ACCOUNT)
    assert await ledger.settle(ACCOUNT, a_void(at_ms=at_ms), a_decision()) is Recorded.ADJUSTED
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, 0)


async def test_an_adjustment_counts_in_the_hour_and_group_of_what_it_replaces(store: Store):
    ledger = fleeting(store)
    await reserve(ledger, a_hold())
    await ledger.reap(ACCOUNT)
    elsewhere = an_entry(at_ms=3 * HOUR_MS, tier="large", model="big")
    await ledger.settle(ACCOUNT, elsewhere, a_decision())
    assumed, truth = await entries(store)
    assert (truth.hour, truth.group) == (assumed.hour, assumed.group)
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, 1_000)


async def test_an_assumption_that_cannot_be_read_refuses_the_late_settle_whole(store: Store):
    ledger = fleeting(store)
    await reserve(ledger, a_hold())
    await ledger.reap(ACCOUNT)
    await store.command("HSET", KEYS.attempt("dec_1-1"), "entry", '[1,"a kind of tomorrow"]')
    with pytest.raises(StoreRefused, match="cannot read what was assumed"):
        await ledger.settle(ACCOUNT, an_entry(), a_decision())
    assert (await verify(store, ACCOUNT)).cost_nano == HELD_NANO


async def test_two_late_settles_at_once_adjust_once(store: Store):
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    await ledger.reap(ACCOUNT)
    answers = await asyncio.gather(
        *(ledger.settle(ACCOUNT, an_entry(at_ms=at_ms, cost_nano=n), a_decision()) for n in range(8))
    )
    assert sorted(answers) == [Recorded.ADJUSTED, *[Recorded.ALREADY] * 7]
    assert (await verify(store, ACCOUNT)).clean


async def test_many_reapers_at_once_reap_each_hold_once(store: Store):
    ledger = fleeting(store)
    for number in range(250):
        await reserve(ledger, a_hold(f"dec_{number}"))
    assert sum(await asyncio.gather(*(fleeting(store).reap(ACCOUNT) for _ in range(4)))) == 250
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.cost_nano) == (True, 250, 250 * HELD_NANO)


async def test_a_decision_made_with_older_settings_is_refused_and_holds_nothing(store: Store):
    ledger = lasting(store)
    await store.command("INCR", KEYS.version)
    with pytest.raises(StaleSettings):
        await reserve(ledger, a_hold(), version="0")
    assert (await verify(store, ACCOUNT)).open_holds == 0
    await reserve(ledger, a_hold(), version="1")


async def test_unknown_cost_is_counted_as_unknown_and_not_as_zero(store: Store):
    ledger = lasting(store)
    hold = a_hold()
    unknown = replace(hold, worst=msgspec.structs.replace(hold.worst, cost_nano=None, held_nano=0))
    at_ms = await reserve(ledger, unknown)
    await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms, cost_nano=None, baseline_nano=None), a_decision())
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano, found.unknown_cost) == (True, 0, 1)
    assert (await counters(store))["unknown_baseline"] == 1


async def test_a_truth_above_the_hold_is_charged_and_counted_as_an_overrun(store: Store):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms, cost_nano=HELD_NANO + 1), a_decision())
    counted = await counters(store)
    assert (counted["overruns"], counted["cost_nano"]) == (1, HELD_NANO + 1)


async def test_a_failed_billed_attempt_and_the_one_that_answered_are_both_charged(store: Store):
    ledger = lasting(store)
    for number, final in ((1, False), (2, True)):
        at_ms = await reserve(ledger, a_hold(number=number))
        entry = an_entry(number=number, at_ms=at_ms, final=final, outcome="ok" if final else "stream_broken")
        await ledger.settle(ACCOUNT, entry, a_decision())
    counted = await counters(store)
    assert (counted["attempts"], counted["requests"], counted["cost_nano"]) == (2, 1, 2_000)
    assert "errors" not in counted
    kept = await store.hash_of(KEYS.decision("dec_1"))
    assert sorted(kept) == [b"a1", b"a2", b"d"]


async def test_nothing_of_a_decision_or_an_attempt_stays_for_ever(store: Store):
    """Only an open hold has no TTL: it waits to be settled or reaped, however long nobody runs."""
    ledger = fleeting(store)
    for number in range(6):
        await reserve(ledger, a_hold(f"dec_{number}"))
    await ledger.settle(ACCOUNT, an_entry("dec_0"), a_decision())
    await ledger.settle(ACCOUNT, a_void("dec_1"), a_decision())
    await ledger.reap(ACCOUNT)
    await ledger.settle(ACCOUNT, an_entry("dec_2"), a_decision())
    await reserve(lasting(store), a_hold("dec_9"))
    await ledger.settle(ACCOUNT, an_entry("dec_10"), a_decision())
    forever = {key for key in await names_in(store) if await store.command("TTL", key) == -1}
    hours = {KEYS.counters(int(hour)) for hour in await store.command("ZRANGE", KEYS.hours, 0, -1)}
    assert forever == {KEYS.entries, KEYS.holds, KEYS.hours, KEYS.attempt("dec_9-1"), *hours}
