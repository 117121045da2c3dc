"""Budgets become whole again when their window turns, by the store's clock."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from router.errors import BudgetExceeded
from router.ledger.verify import verify
from router.store.connection import Store
from tests.budgets.clock import own_clock, set_clock
from tests.budgets.examples import KEYS, a_budget, hold, left_in, settle
from tests.ledger.examples import ACCOUNT, HELD_NANO, lasting

ONE = "0.000005"
"""A budget for one call's worst case."""


def moment(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


async def refuses(store: Store, name: str) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as refused:
        await hold(lasting(store), store, name)
    return refused.value


@pytest.mark.parametrize(
    ("now", "period", "seconds"),
    [
        (moment("2031-05-05T10:00:30", "UTC"), "minute", 30),
        (moment("2031-05-05T23:59:00", "UTC"), "day", 60),
        (moment("2031-05-05T23:59:00", "Europe/Vienna"), "day", 60),
        (moment("2031-03-30T00:00:00", "Europe/Vienna"), "day", 23 * 3600),
        (moment("2031-10-26T00:00:00", "Europe/Vienna"), "day", 25 * 3600),
        (moment("2031-02-28T00:00:00", "Asia/Kathmandu"), "month", 24 * 3600),
        (moment("2032-02-28T00:00:00", "UTC"), "month", 48 * 3600),
    ],
)
async def test_a_window_turns_to_the_millisecond(
    store: Store, monkeypatch: pytest.MonkeyPatch, now: datetime, period: str, seconds: int
):
    own_clock(monkeypatch)
    turns_ms = round(now.timestamp() * 1000) + seconds * 1000
    await set_clock(store, now)
    await a_budget(
        store, limit_usd=ONE, period=period, time_zone=None if period == "minute" else str(now.tzinfo)
    )
    held = await hold(lasting(store), store, "dec_1")
    assert (await refuses(store, "dec_2")).retry_after_s == seconds
    await set_clock(store, turns_ms - 1)
    assert (await refuses(store, "dec_2")).retry_after_s == 1
    await set_clock(store, turns_ms)
    await hold(lasting(store), store, "dec_2")
    await settle(lasting(store), "dec_1", held)
    assert sorted((await left_in(store)).values()) == [0, HELD_NANO - 1_000], "charged where it was held"
    found = await verify(store, ACCOUNT)
    assert found.clean, found


async def test_a_rolling_window_gives_back_part_by_part(store: Store, monkeypatch: pytest.MonkeyPatch):
    own_clock(monkeypatch)
    start_ms = 2_000_000_000_000 // 60_000 * 60_000
    await a_budget(store, limit_usd="0.00001", period="rolling", window_s=3600)
    ledger = lasting(store)
    for minute in (0, 10):
        await set_clock(store, start_ms + minute * 60_000)
        await hold(ledger, store, f"dec_{minute}")
    assert (await refuses(store, "dec_x")).retry_after_s == 50 * 60
    await set_clock(store, start_ms + 60 * 60_000 - 1)
    await refuses(store, "dec_x")
    await set_clock(store, start_ms + 60 * 60_000)
    await hold(ledger, store, "dec_60")
    assert (await refuses(store, "dec_x")).retry_after_s == 10 * 60
    assert (await verify(store, ACCOUNT)).clean
    await set_clock(store, start_ms + 1_000 * 60_000)
    await hold(ledger, store, "dec_1000")
    [(name, left)] = (await left_in(store)).items()
    assert left == HELD_NANO
    fields = await store.hash_of(KEYS.window(name))
    assert [part for part in fields if part[1:].isdigit()] == [b"b%d" % (start_ms // 60_000 + 1_000)]
    assert (await verify(store, ACCOUNT)).clean


async def test_what_ends_after_its_part_has_left_a_rolling_window_changes_nothing_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    own_clock(monkeypatch)
    start_ms = 2_000_000_000_000
    await set_clock(store, start_ms)
    await a_budget(store, limit_usd="0.00001", period="rolling", window_s=60)
    ledger = lasting(store)
    early, slow = [await hold(ledger, store, name) for name in ("dec_1", "dec_2")]
    await set_clock(store, start_ms + 30_000)
    await settle(ledger, "dec_1", early)
    await set_clock(store, start_ms + 61_000)
    last = await hold(ledger, store, "dec_3")
    await settle(ledger, "dec_2", slow, cost_nano=9_000)
    [left] = (await left_in(store)).values()
    assert left == 10_000 - HELD_NANO
    await settle(ledger, "dec_3", last)
    assert list((await left_in(store)).values()) == [9_000]
    assert (await verify(store, ACCOUNT)).clean


async def test_a_clock_that_goes_back_locks_nobody_out(store: Store, monkeypatch: pytest.MonkeyPatch):
    own_clock(monkeypatch)
    start_ms = 2_000_000_000_000
    await a_budget(store, limit_usd=ONE, period="rolling", window_s=60)
    ledger = lasting(store)
    await set_clock(store, start_ms + 600_000)
    await settle(ledger, "dec_1", await hold(ledger, store, "dec_1"), cost_nano=0)
    await set_clock(store, start_ms)
    await hold(ledger, store, "dec_2")
    await set_clock(store, start_ms + timedelta(minutes=20) // timedelta(milliseconds=1))
    await hold(ledger, store, "dec_3")
    assert (await verify(store, ACCOUNT)).clean
