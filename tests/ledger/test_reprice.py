"""The past at other prices: adjustments beside what was charged, once, and counters that follow."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from router.budgets.budget import Unit
from router.budgets.held import Held
from router.ledger.entry import Entry, Kind, Tokens, decode
from router.ledger.ledger import Ledger
from router.ledger.reprice import Asked, Catalogued, LeftAlone, ModelSum, Prices, Repricing, apply, plan
from router.ledger.verify import verify
from router.pricing.book import BookEntry, ModelFacts, PriceBook
from router.pricing.stated import price_from
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import ACCOUNT, a_decision, a_hold, a_void, an_entry, fleeting, lasting, reserve

KEYS = AccountKeys(ACCOUNT)
LONG_AGO_MS = int(datetime(2026, 1, 15, tzinfo=UTC).timestamp() * 1000)
PERIOD = {"from_ms": LONG_AGO_MS, "to_ms": LONG_AGO_MS + 86_400_000}
NAMES = Catalogued(
    {"tiny": Asked("tiny", "offline", "tiny-1"), "big": Asked("big", "offline", "big-1")}, {"support": "big"}
)


def a_book(tiny: str, big: str = "20", **more: Any) -> PriceBook:
    stated = {"tiny-1": tiny, "big-1": big}
    return PriceBook(
        BookEntry(
            "offline", name, ModelFacts(), price_from("offline", name, {"input": usd, "output": usd} | more)
        )
        for name, usd in stated.items()
    )


OLD, NEW = a_book("10"), a_book("12.5", "30")
ALL_BOOKS = {OLD.version: OLD, NEW.version: NEW}


async def charged(store: Store, decision: str, **changes: Any) -> None:
    """An attempt of 120 tokens at ten dollars a million, whose large model costs twenty."""
    fields: dict[str, Any] = {
        "at_ms": LONG_AGO_MS,
        "cost_nano": 1_200_000,
        "baseline_nano": 2_400_000,
        "price_book": OLD.version,
    }
    await lasting(store).settle(ACCOUNT, an_entry(decision, **(fields | changes)), a_decision(decision))


async def planned(store: Store, book: PriceBook = NEW) -> Repricing:
    return await plan(store, ACCOUNT, Prices(book, ALL_BOOKS, NAMES), **PERIOD)


async def applied(store: Store, book: PriceBook = NEW) -> Repricing:
    found = await planned(store, book)
    await apply(lasting(store), ACCOUNT, found)
    return found


async def entries(store: Store) -> list[Entry]:
    return [decode(fields[b"e"]) async for _, fields in store.stream(KEYS.entries)]


async def test_a_dry_run_shows_the_difference_of_each_model_and_writes_nothing(store: Store) -> None:
    await charged(store, "dec_1")
    await charged(store, "dec_2")
    found = await planned(store)
    assert found.models == {("offline", "tiny"): ModelSum(2, 2_400_000, 3_000_000)}
    assert (found.appended, found.left) == (None, {})
    assert len(await entries(store)) == 2


async def test_an_adjustment_replaces_the_cost_and_the_baseline_and_the_entry_stays(store: Store) -> None:
    await charged(store, "dec_1")
    first = await entries(store)
    await applied(store)
    before, after = await entries(store)
    assert [before] == first
    assert (after.kind, after.revision, after.replaces) == (Kind.ADJUST, 1, before)
    assert (after.cost_nano, after.baseline_nano, after.price_book) == (1_500_000, 3_600_000, NEW.version)
    verified = await verify(store, ACCOUNT)
    assert verified.clean
    assert (verified.cost_nano, verified.entries) == (1_500_000, 2)


async def test_doing_it_twice_appends_nothing_the_second_time(store: Store) -> None:
    for number in range(20):
        await charged(store, f"dec_{number}")
    assert (await applied(store)).appended == 20
    again = await applied(store)
    assert (again.appended, again.left) == (0, {LeftAlone.SAME: 20})
    assert (await verify(store, ACCOUNT)).entries == 40


async def test_two_who_do_it_at_once_append_each_adjustment_once(store: Store) -> None:
    for number in range(20):
        await charged(store, f"dec_{number}")
    plans = [await planned(store) for _ in range(4)]
    await asyncio.gather(*(apply(lasting(store), ACCOUNT, one) for one in plans))
    assert sum(one.appended or 0 for one in plans) == 20
    verified = await verify(store, ACCOUNT)
    assert verified.clean
    assert verified.cost_nano == 20 * 1_500_000


async def test_prices_may_go_back_and_forth_as_often_as_one_likes(store: Store) -> None:
    await charged(store, "dec_1")
    for book, cost in ((NEW, 1_500_000), (OLD, 1_200_000)) * 3:
        assert (await applied(store, book)).appended == 1
        verified = await verify(store, ACCOUNT)
        assert verified.clean
        assert verified.cost_nano == cost
    assert [entry.revision for entry in await entries(store)] == list(range(7))


async def test_it_works_after_the_attempt_is_forgotten_and_leaves_no_decision_behind(store: Store) -> None:
    await charged(store, "dec_1")
    (entry,) = await entries(store)
    await store.command("DEL", KEYS.attempt(entry.attempt_id), KEYS.decision("dec_1"))
    assert (await applied(store)).appended == 1
    assert await store.command("EXISTS", KEYS.decision("dec_1")) == 0
    assert (await applied(store)).appended == 0
    assert (await verify(store, ACCOUNT)).clean


async def test_a_decision_that_is_kept_shows_the_new_cost_and_ends_when_it_would_have(store: Store) -> None:
    await charged(store, "dec_1")
    await store.command("EXPIRE", KEYS.decision("dec_1"), 1_000)
    await applied(store)
    fields = await store.command("HMGET", KEYS.decision("dec_1"), "d", "a1")
    assert fields[0] == a_decision("dec_1")
    assert decode(fields[1]).cost_nano == 1_500_000
    assert 0 < await store.command("TTL", KEYS.decision("dec_1")) <= 1_000


async def test_it_is_counted_in_the_group_of_what_it_replaces(store: Store) -> None:
    ledger = Ledger(store, lasting(store).terms.__class__(groups_an_hour=0))
    entry = an_entry("dec_1", at_ms=LONG_AGO_MS, cost_nano=1_200_000, price_book=OLD.version)
    await ledger.settle(ACCOUNT, entry, a_decision())
    await store.command("DEL", KEYS.attempt(entry.attempt_id))
    await applied(store)
    groups = [fields[b"g"].decode() async for _, fields in store.stream(KEYS.entries)]
    assert groups == [entry.group_of_others] * 2
    assert (await verify(store, ACCOUNT)).clean


async def test_what_the_provider_stated_or_nobody_knows_is_left_alone_and_counted(store: Store) -> None:
    await charged(store, "dec_1", usage_source="provider_cost")
    await lasting(store).settle(ACCOUNT, a_void("dec_2", at_ms=LONG_AGO_MS), a_decision())
    await charged(store, "dec_3", usage_source="assumed")
    await charged(store, "dec_4", model="other", served_model="other-1")
    await charged(store, "dec_5", at_ms=PERIOD["to_ms"])
    await charged(store, "dec_6", at_ms=LONG_AGO_MS - 1)
    found = await applied(store)
    assert found.left == {
        LeftAlone.STATED: 1,
        LeftAlone.NOTHING: 1,
        LeftAlone.ASSUMED: 1,
        LeftAlone.NO_PRICE: 1,
    }
    assert (found.appended, len(await entries(store))) == (0, 6)


async def test_the_truth_about_an_assumed_attempt_is_priced_again_as_what_it_was(store: Store) -> None:
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    assert await ledger.reap(ACCOUNT) == 1
    await ledger.settle(ACCOUNT, an_entry(cost_nano=1_200_000, price_book=OLD.version), a_decision())
    found = await plan(store, ACCOUNT, Prices(NEW, ALL_BOOKS, NAMES), from_ms=at_ms - 1, to_ms=at_ms + 1)
    await apply(ledger, ACCOUNT, found)
    assert [entry.revision for entry in await entries(store)] == [0, 0, 1]
    verified = await verify(store, ACCOUNT)
    assert verified.clean
    assert verified.cost_nano == 1_500_000


async def test_a_cost_that_was_unknown_becomes_known(store: Store) -> None:
    await charged(store, "dec_1", cost_nano=None, baseline_nano=None)
    found = await applied(store)
    assert found.models == {("offline", "tiny"): ModelSum(1, 0, 1_500_000, unknown=1)}
    verified = await verify(store, ACCOUNT)
    assert verified.clean
    assert (verified.cost_nano, verified.unknown_cost) == (1_500_000, 0)


async def test_the_large_model_s_own_answer_keeps_saving_nothing(store: Store) -> None:
    await charged(store, "dec_1", tier="large", model="big", served_model="big-1", cost_nano=2_400_000)
    await applied(store)
    after = (await entries(store))[-1]
    assert (after.cost_nano, after.baseline_nano) == (3_600_000, 3_600_000)


async def test_a_baseline_that_the_old_book_does_not_explain_is_left_and_counted(store: Store) -> None:
    await charged(store, "dec_1", baseline_nano=7)
    await charged(store, "dec_2", price_book="long-gone")
    found = await applied(store)
    assert found.baselines_left == 2
    assert [entry.baseline_nano for entry in (await entries(store))[2:]] == [7, 2_400_000]


async def test_the_served_model_its_tier_and_its_hour_decide_as_they_do_for_a_call(store: Store) -> None:
    book = a_book(
        "10",
        tiers={"flex": {"input": 5, "output": 5}},
        off_peak={"input": 1, "output": 1, "windows": [{"hours_utc": ["02:00-03:00"]}]},
    )
    await charged(store, "dec_1", service_tier="flex")
    await charged(store, "dec_2", at_ms=LONG_AGO_MS + 2 * 3_600_000)
    await charged(store, "dec_3", served_model="big-1")
    await charged(store, "dec_4", tokens=Tokens(200, 0), cost_nano=1)
    await applied(store, book)
    costs = {entry.decision_id: entry.cost_nano for entry in await entries(store) if entry.revision}
    assert costs == {"dec_1": 600_000, "dec_2": 120_000, "dec_3": 2_400_000, "dec_4": 2_000_000}


async def test_a_budget_whose_window_is_open_follows(store: Store) -> None:
    held = Held("b1:day", Unit.USD, 0, 1_200_000)
    await charged(store, "dec_1", budgets=(held,))
    await store.command("HSET", KEYS.window("b1:day"), "left", 5_000_000)
    await applied(store)
    assert await store.command("HGET", KEYS.window("b1:day"), "left") == b"4700000"


@pytest.mark.parametrize("state", ["held", "assumed"])
async def test_an_attempt_that_is_not_settled_is_not_priced_again(store: Store, state: str) -> None:
    await charged(store, "dec_1")
    await store.command("HSET", KEYS.attempt("dec_1-1"), "state", state)
    assert (await applied(store)).appended == 0
