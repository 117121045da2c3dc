"""What is refused is refused whole: nothing is written by halves, and a full store still settles."""

import pytest

from router.errors import StoreUnavailable
from router.ledger.ledger import Recorded
from router.ledger.verify import repair, verify
from router.store.connection import Store, StoreRefused
from router.store.keys import AccountKeys
from tests.ledger.examples import ACCOUNT, a_decision, a_hold, an_entry, fleeting, lasting, reserve
from tests.store.contents import dumps_of
from tests.store.servers import MakeServer

KEYS = AccountKeys(ACCOUNT)


@pytest.mark.parametrize("key", ["holds", "entries", "counters", "hours", "decision", "attempt", "groups"])
async def test_a_key_of_another_type_refuses_a_settle_before_anything_is_written(store: Store, key: str):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    entry = an_entry(at_ms=at_ms)
    names = {
        "counters": KEYS.counters(entry.hour),
        "groups": KEYS.groups(entry.hour),
        "decision": KEYS.decision("dec_1"),
        "attempt": KEYS.attempt("dec_1-1"),
    }
    name = names.get(key) or getattr(KEYS, key)
    await store.commands(("DEL", name), ("RPUSH", name, "not what it was"))
    before = await dumps_of(store)
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        await ledger.settle(ACCOUNT, entry, a_decision())
    assert await dumps_of(store) == before


@pytest.mark.parametrize("key", [KEYS.holds, KEYS.attempt("dec_1-1"), KEYS.version])
async def test_a_key_of_another_type_refuses_a_reserve_before_anything_is_written(store: Store, key: str):
    await store.command("RPUSH", key, "not what it was")
    before = await dumps_of(store)
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        await reserve(lasting(store), a_hold(), version="0")
    assert await dumps_of(store) == before


async def test_a_counter_that_is_no_number_refuses_the_settle_until_it_is_repaired(store: Store):
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold())
    entry = an_entry(at_ms=at_ms)
    field = f"{entry.group}\x1fcost_nano"
    await store.command("HSET", KEYS.counters(entry.hour), field, "12.5")
    await store.command("ZADD", KEYS.hours, entry.hour, entry.hour)
    before = await dumps_of(store)
    with pytest.raises(StoreRefused, match="counter cost_nano is not a whole number"):
        await ledger.settle(ACCOUNT, entry, a_decision())
    assert await dumps_of(store) == before
    assert [found.metric for found in (await verify(store, ACCOUNT)).differences] == ["cost_nano"]
    assert await repair(store, ACCOUNT) == 1
    assert await ledger.settle(ACCOUNT, entry, a_decision()) is Recorded.RECORDED
    assert (await verify(store, ACCOUNT)).clean


@pytest.mark.parametrize("cost", [2**53 + 1, 10**18 - 1, 10**18 + 1, 8 * 10**18 + 1])
async def test_amounts_beyond_a_doubles_digits_stay_exact(store: Store, cost: int):
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold(cost_nano=cost, held_nano=cost))
    await ledger.reap(ACCOUNT)
    assert (await verify(store, ACCOUNT)).cost_nano == cost
    await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms, cost_nano=cost - 1, baseline_nano=0), a_decision())
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, cost - 1)


async def test_a_counter_that_would_overflow_refuses_the_whole_settle(store: Store):
    ledger = lasting(store)
    huge = an_entry("dec_1", cost_nano=8 * 10**18, baseline_nano=0)
    await ledger.settle(ACCOUNT, huge, a_decision())
    before = await dumps_of(store)
    with pytest.raises(StoreRefused, match="cannot hold 8000000000000000000 more"):
        await ledger.settle(ACCOUNT, an_entry("dec_2", cost_nano=8 * 10**18, baseline_nano=0), a_decision())
    assert await dumps_of(store) == before
    assert (await verify(store, ACCOUNT)).clean


@pytest.mark.parametrize("cost", [2**63, 10**30])
async def test_an_amount_no_counter_can_hold_is_refused(store: Store, cost: int):
    with pytest.raises(StoreRefused, match="cannot hold"):
        await lasting(store).settle(ACCOUNT, an_entry(cost_nano=cost, baseline_nano=None), a_decision())
    assert await dumps_of(store) == {}


async def test_one_hold_that_cannot_be_reaped_does_not_stand_in_the_way_of_the_others(
    store: Store, caplog: pytest.LogCaptureFixture
):
    ledger = fleeting(store)
    for number in range(5):
        await reserve(ledger, a_hold(f"dec_{number}"))
    await store.command("SET", KEYS.decision("dec_2"), "not a decision")
    assert await ledger.reap(ACCOUNT) == 4
    assert "dec_2-1 cannot be reaped" in caplog.text
    await store.command("DEL", KEYS.decision("dec_2"))
    assert await ledger.reap(ACCOUNT) == 1


async def test_a_hold_whose_attempt_is_lost_is_dropped_and_reported(
    store: Store, caplog: pytest.LogCaptureFixture
):
    ledger = fleeting(store)
    await reserve(ledger, a_hold())
    await store.command("DEL", KEYS.attempt("dec_1-1"))
    assert await ledger.reap(ACCOUNT) == 0
    assert (await verify(store, ACCOUNT)).open_holds == 0
    assert "lost from the store" in caplog.text


@pytest.mark.parametrize("kind", ["valkey", "redis"])
async def test_a_full_store_refuses_new_holds_and_still_settles_and_reaps(own_server: MakeServer, kind: str):
    server = own_server(kind)
    store = Store.at_url(server.url)
    ledger = lasting(store)
    at_ms = await reserve(ledger, a_hold("dec_1"))
    await reserve(fleeting(store), a_hold("dec_2"))
    await store.command("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="refuses for now"):
        await reserve(ledger, a_hold("dec_3"))
    with pytest.raises(StoreUnavailable, match="refuses for now"):
        await store.command("SET", "x", "y")
    assert await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms), a_decision()) is Recorded.RECORDED
    assert await ledger.extend(ACCOUNT, ["dec_1-1"]) == ["dec_1-1"]
    assert await ledger.reap(ACCOUNT) == 1
    await store.command("CONFIG", "SET", "maxmemory", 0)  # a full Redis 7.0 refuses even to read in a MULTI
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.open_holds) == (True, 2, 0)
    await store.aclose()


async def test_servers_older_than_7_get_scripts_without_the_flags_line(store: Store):
    """The flags line is what they do not know; here a newer server runs the same text without it."""
    for _, node in await store._layout.primaries():
        node._flags_known = False
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    assert await ledger.reap(ACCOUNT) == 1
    assert await ledger.settle(ACCOUNT, an_entry(at_ms=at_ms), a_decision()) is Recorded.ADJUSTED
    await store.everywhere("CONFIG", "SET", "maxmemory", 1)
    try:
        before = await dumps_of(store)
        with pytest.raises(StoreUnavailable, match="refuses for now"):
            await ledger.settle(ACCOUNT, an_entry("dec_2"), a_decision())
        assert await dumps_of(store) == before, "refused at its first write"
    finally:
        await store.everywhere("CONFIG", "SET", "maxmemory", 0)
