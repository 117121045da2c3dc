"""A budget is held from before the call until it is known what it cost."""

import asyncio

import pytest

from router.budgets.budget import Unit
from router.budgets.held import Held
from router.errors import BudgetExceeded
from router.ledger.entry import Labels, Tokens, decode
from router.ledger.ledger import StaleSettings
from router.ledger.verify import verify
from router.store.connection import Store, StoreRefused
from tests.budgets.examples import KEYS, a_budget, budgets_in, hold, left_in, settle
from tests.ledger.examples import ACCOUNT, HELD_NANO, a_decision, an_entry, fleeting, lasting
from tests.store.contents import names_in


async def one_left(store: Store) -> int:
    [left] = (await left_in(store)).values()
    return left


async def is_clean(store: Store) -> bool:
    found = await verify(store, ACCOUNT)
    assert found.clean, found
    return found.budgets.checked > 0


async def test_a_hold_takes_the_worst_case_and_a_settle_gives_back_what_was_not_used(store: Store):
    await a_budget(store, limit_usd="0.00001")
    ledger = lasting(store)
    held = await hold(ledger, store, "dec_1")
    assert await one_left(store) == 10_000 - HELD_NANO
    assert await is_clean(store)
    await settle(ledger, "dec_1", held)
    assert await one_left(store) == 10_000 - 1_000
    assert await is_clean(store)
    assert await store.hash_of(KEYS.held) == {}


async def test_what_does_not_fit_a_hard_budget_is_refused_and_nothing_is_held_anywhere(store: Store):
    roomy = await a_budget(store, limit_usd="1", scope={"team": "legal"})
    small = await a_budget(store, limit_usd="0.000007")
    ledger = lasting(store)
    await hold(ledger, store, "dec_1")
    before = await left_in(store)
    with pytest.raises(BudgetExceeded) as refused:
        await hold(ledger, store, "dec_2")
    error = refused.value
    assert (error.budget_id, error.left, error.limit, error.unit) == (small.id, 2_000, 7_000, "usd")
    assert "0.000002 USD left" in error.message
    assert error.retry_after_s is not None
    assert 0 < error.retry_after_s <= 86_400
    assert await left_in(store) == before
    assert len(before) == 2, roomy
    assert KEYS.attempt("dec_2-1") not in await names_in(store)
    assert await is_clean(store)


async def test_a_soft_budget_refuses_nothing_and_counts_below_zero(store: Store):
    await a_budget(store, limit_usd="0.000007", hard=False)
    ledger = lasting(store)
    for number in range(3):
        await hold(ledger, store, f"dec_{number}")
    assert await one_left(store) == 7_000 - 3 * HELD_NANO
    assert await is_clean(store)


async def test_what_costs_more_than_was_held_is_charged_and_counted_as_an_overrun(store: Store):
    await a_budget(store, limit_usd="0.000006")
    ledger = lasting(store)
    await settle(ledger, "dec_1", await hold(ledger, store, "dec_1"), cost_nano=8_000)
    assert await one_left(store) == -2_000
    with pytest.raises(BudgetExceeded, match="has 0 USD left"):
        await hold(ledger, store, "dec_2", cost_nano=1, held_nano=1)
    free = await hold(ledger, store, "dec_3", cost_nano=0, held_nano=0)
    assert free.budgets[0].amount == 0, "what costs nothing fits always"
    assert await is_clean(store)


async def test_a_token_budget_counts_tokens_in_and_out_and_marks_what_goes_over_its_hold(store: Store):
    await a_budget(store, limit_tokens=2_000)
    ledger = lasting(store)
    held = await hold(ledger, store, "dec_1", cost_nano=None, held_nano=0)
    assert await one_left(store) == 2_000 - 1_300
    await settle(ledger, "dec_1", held, cost_nano=None, tokens=Tokens(1_000, 400), baseline_nano=None)
    assert await one_left(store) == 2_000 - 1_400
    [(_, fields)] = [item async for item in store.stream(KEYS.entries)]
    assert decode(fields[b"e"]).overrun
    assert await is_clean(store)


@pytest.mark.parametrize("usage_source", ["", "provider"])
async def test_a_void_gives_all_of_it_back(store: Store, usage_source: str):
    await a_budget(store, limit_usd="1")
    await a_budget(store, limit_tokens=10_000)
    ledger = lasting(store)
    held = await hold(ledger, store, "dec_1")
    nothing = {"usage_source": usage_source, "cost_nano": 0, "baseline_nano": 0}
    tokens = None if not usage_source else Tokens(0, 0)
    await settle(ledger, "dec_1", held, tokens=tokens, **nothing)
    assert sorted((await left_in(store)).values()) == [10_000, 10**9]
    assert await is_clean(store)


async def test_nested_budgets_are_all_held_and_the_smallest_refuses(store: Store):
    await a_budget(store, limit_usd="1")
    await a_budget(store, limit_usd="0.5", scope={"team": "legal"})
    await a_budget(store, limit_usd="0.000012", scope={"team": "legal", "user": "*"}, period="month")
    await a_budget(store, limit_usd="0.1", scope={"team": "sales"})
    ledger = lasting(store)
    mine = Labels(team="legal", user="ann")
    await hold(ledger, store, "dec_1", labels=mine)
    await hold(ledger, store, "dec_2", labels=mine)
    with pytest.raises(BudgetExceeded, match="user=\\*"):
        await hold(ledger, store, "dec_3", labels=mine)
    await hold(ledger, store, "dec_4", labels=Labels(team="legal", user="bob"))
    await hold(ledger, store, "dec_5", labels=Labels(team="legal"))
    lefts = sorted((await left_in(store)).values())
    assert lefts == [2_000, 7_000, 5 * 10**8 - 20_000, 10**9 - 20_000]
    assert await is_clean(store)


async def test_a_dead_workers_hold_is_charged_where_it_was_held_and_the_truth_gives_the_rest_back(
    store: Store,
):
    await a_budget(store, limit_usd="1")
    await a_budget(store, limit_usd="1", period="rolling", window_s=3600)
    ledger = fleeting(store)
    held = await hold(ledger, store, "dec_1")
    assert await ledger.reap(ACCOUNT) == 1
    assert list((await left_in(store)).values()) == [10**9 - HELD_NANO] * 2
    assert await is_clean(store)
    await settle(ledger, "dec_1", held)
    assert list((await left_in(store)).values()) == [10**9 - 1_000] * 2
    await settle(ledger, "dec_1", held)
    assert list((await left_in(store)).values()) == [10**9 - 1_000] * 2, "a second settle changes nothing"
    assert await is_clean(store)


async def test_a_settle_that_does_not_know_what_is_held_is_told(store: Store):
    """Its reserve timed out, landed, and the call went on."""
    await a_budget(store, limit_usd="1")
    ledger = lasting(store)
    held = await hold(ledger, store, "dec_1")
    await ledger.settle(ACCOUNT, an_entry("dec_1", at_ms=held.at_ms), a_decision())
    assert await one_left(store) == 10**9 - 1_000
    assert await is_clean(store)


async def test_a_hold_lost_in_a_failover_is_charged_all_the_same(store: Store):
    await a_budget(store, limit_usd="1")
    ledger = lasting(store)
    held = await hold(ledger, store, "dec_1")
    for key in (KEYS.attempt("dec_1-1"), KEYS.held, KEYS.holds):
        await store.command("DEL", key)
    [window] = await left_in(store)
    await store.command("HINCRBY", KEYS.window(window), "left", HELD_NANO)
    await settle(ledger, "dec_1", held)
    assert await one_left(store) == 10**9 - 1_000
    assert await is_clean(store)


async def test_a_reserve_that_knows_older_budgets_is_stale(store: Store):
    ledger = lasting(store)
    version = (await store.command("GET", KEYS.version) or b"0").decode()
    budget = await a_budget(store, limit_usd="1")
    with pytest.raises(StaleSettings):
        await hold(ledger, store, "dec_1", version=version)
    newer = (await store.command("GET", KEYS.version)).decode()
    await hold(ledger, store, "dec_1", version=newer)
    await a_budget(store, limit_usd="2")
    with pytest.raises(StaleSettings):
        await hold(ledger, store, "dec_2", version=newer)
    assert [one.id for one in await budgets_in(store)] == [budget.id], "another limit, the same budget"


async def test_the_same_reserve_sent_twice_holds_once(store: Store):
    await a_budget(store, limit_usd="1")
    ledger = lasting(store)
    first, second = [await hold(ledger, store, "dec_1") for _ in range(2)]
    assert first == second
    assert first.budgets == (Held(first.budgets[0].window, Unit.USD, 0, HELD_NANO),)
    assert await one_left(store) == 10**9 - HELD_NANO
    await settle(ledger, "dec_1", first)
    with pytest.raises(StoreRefused, match="already settled"):
        await hold(ledger, store, "dec_1")
    assert await is_clean(store)


async def test_a_thousand_at_once_against_a_budget_for_a_hundred_hold_exactly_a_hundred(store: Store):
    await a_budget(store, limit_usd="0.0005")
    ledger = lasting(store)

    async def one(number: int) -> bool:
        try:
            await hold(ledger, store, f"dec_{number}")
        except BudgetExceeded:
            return False
        return True

    held = await asyncio.gather(*(one(number) for number in range(1_000)))
    assert sum(held) == 100
    assert await one_left(store) == 0
    assert await is_clean(store)


async def test_a_window_that_holds_no_number_refuses_before_anything_is_written(store: Store):
    await a_budget(store, limit_usd="1", scope={"team": "legal"})
    await a_budget(store, limit_usd="1")
    ledger = lasting(store)
    held = await hold(ledger, store, "dec_1")
    *_, last = await left_in(store)
    await store.command("HSET", KEYS.window(last), "left", "many")
    with pytest.raises(StoreRefused, match="--repair"):
        await hold(ledger, store, "dec_2")
    with pytest.raises(StoreRefused, match="--repair"):
        await settle(ledger, "dec_1", held)
    assert await store.hash_of(KEYS.held) != {}
    assert await store.command("XLEN", KEYS.entries) == 0
