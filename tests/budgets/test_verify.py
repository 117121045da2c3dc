"""What is left can be recomputed from limits, entries and open holds, and mended by that."""

import asyncio

import pytest

from router.budgets.budgets import Budgets
from router.clock import real_world
from router.ledger.verify import Verification, repair, verify
from router.store.connection import Store
from tests.budgets.examples import KEYS, a_budget, hold, left_in, settle
from tests.ledger.examples import ACCOUNT, lasting

KINDS = [
    {"period": "month"},
    {"period": "rolling", "window_s": 86_400},
    {"period": "day", "scope": {"team": "*"}},
]


async def used(store: Store) -> Verification:
    """Two calls that ended and one in flight, against each kind of budget."""
    for kind in KINDS:
        await a_budget(store, limit_usd="1", **kind)
    await a_budget(store, limit_tokens=1_000_000)
    ledger = lasting(store)
    for name in ("dec_1", "dec_2"):
        await settle(ledger, name, await hold(ledger, store, name))
    await hold(ledger, store, "dec_3")
    return await verify(store, ACCOUNT)


async def test_all_is_well_with_calls_in_flight(store: Store):
    found = await used(store)
    assert (found.clean, found.budgets.checked, found.budgets.archived) == (True, 4, 0)


async def test_another_limit_changes_what_is_left_by_the_difference(store: Store):
    await used(store)
    before = sorted((await left_in(store)).values())
    for kind in KINDS:
        await a_budget(store, limit_usd="3", **kind)
    assert (await verify(store, ACCOUNT)).clean, "no call has come since"
    await hold(lasting(store), store, "dec_4", cost_nano=0, held_nano=0)
    after = sorted((await left_in(store)).values())
    assert after[1:] == [left + 2 * 10**9 for left in before[1:]]
    assert (await verify(store, ACCOUNT)).clean
    for kind in KINDS:
        await a_budget(store, limit_usd="0.5", hard=False, **kind)
    await hold(lasting(store), store, "dec_5", cost_nano=0, held_nano=0)
    assert sorted((await left_in(store)).values())[1:] == [left - 5 * 10**8 for left in before[1:]]
    found = await verify(store, ACCOUNT)
    assert found.clean, found


async def windows(store: Store) -> dict[str, dict[bytes, bytes]]:
    found = {name: await store.hash_of(KEYS.window(name)) for name in await left_in(store)}
    return {
        name: {field: value for field, value in fields.items() if field != b"mends"}
        for name, fields in found.items()
    }


@pytest.mark.parametrize("field", ["left", "limit", "part"])
@pytest.mark.parametrize("damage", ["more", "garbage", "lost"])
async def test_what_is_damaged_is_named_and_mended(store: Store, field: str, damage: str):
    await used(store)
    good = await windows(store)
    damaged = 0
    for name, fields in good.items():
        key = KEYS.window(name)
        part = next((one.decode() for one in fields if one[1:].isdigit()), "")
        at = part if field == "part" else field
        if not at:
            continue
        damaged += 1
        if damage == "more":
            await store.command("HINCRBY", key, at, 7)
        elif damage == "garbage":
            await store.command("HSET", key, at, "x")
        else:
            await store.command("HDEL", key, at)
    found = await verify(store, ACCOUNT)
    assert not found.clean
    assert len({one.window for one in found.budgets.differences}) == damaged
    assert await repair(store, ACCOUNT) == 0
    found = await verify(store, ACCOUNT)
    assert found.clean, found
    assert await windows(store) == good


async def test_a_window_that_is_lost_comes_back_with_what_was_used(store: Store):
    await used(store)
    good = await left_in(store)
    for name in good:
        await store.command("DEL", KEYS.window(name))
    assert not (await verify(store, ACCOUNT)).clean
    await repair(store, ACCOUNT)
    assert await left_in(store) == good
    assert (await verify(store, ACCOUNT)).clean
    await hold(lasting(store), store, "dec_4")
    found = await verify(store, ACCOUNT)
    assert found.clean, found


async def test_mending_goes_by_what_was_off_while_calls_go_on(store: Store):
    await a_budget(store, limit_usd="1")
    await a_budget(store, limit_usd="1", period="rolling", window_s=86_400)
    ledger = lasting(store)
    await hold(ledger, store, "dec_first")
    for name in await left_in(store):
        await store.command("HINCRBY", KEYS.window(name), "left", 77)

    async def calls(which: int) -> None:
        for number in range(40):
            name = f"dec_{which}_{number}"
            await settle(ledger, name, await hold(ledger, store, name))

    async def mends() -> None:
        for _ in range(5):
            await repair(store, ACCOUNT)

    await asyncio.gather(*(calls(which) for which in range(5)), mends())
    found = await verify(store, ACCOUNT)
    assert found.clean, found


async def test_windows_of_a_budget_that_was_removed_are_still_right_and_no_call_counts_in_them(store: Store):
    await used(store)
    budgets = Budgets(store, real_world().new_id)
    for budget in await budgets.all(ACCOUNT):
        await budgets.remove(ACCOUNT, budget.id)
    before = await left_in(store)
    await hold(lasting(store), store, "dec_4")
    assert await left_in(store) == before
    assert (await verify(store, ACCOUNT)).clean
