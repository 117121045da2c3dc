"""Looking a decision up: open, answered, fallen back, reaped, adjusted, and gone after its retention."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from router.bookkeeper import Bookkeeper, Spent
from router.clock import real_world
from router.decision import fallen_back
from router.decisions import find_decision
from router.ledger.ledger import Ledger, Terms
from router.pricing.usage import UsageSource
from router.spool import Spool
from router.store.connection import Store
from tests.ledger.decisions import BOOK, SPARE, TINY, UNPRICED, a_decision, a_route
from tests.ledger.examples import ACCOUNT, fleeting, lasting
from tests.ledger.test_bookkeeper import TINY_COST, USAGE, ok
from tests.store.contents import dumps_of


@pytest.fixture
def books(store: Store, tmp_path: Path) -> Bookkeeper:
    return books_with(lasting(store), tmp_path)


def books_with(ledger: Ledger, folder: Path) -> Bookkeeper:
    return Bookkeeper(ledger, Spool(folder, real_world()), BOOK, real_world())


async def test_a_decision_that_was_never_made_is_not_found(store: Store):
    assert await find_decision(store, ACCOUNT, "dec_1") is None


async def test_while_its_first_attempt_runs_it_is_open_and_its_cost_unknown(store: Store, books: Bookkeeper):
    await books.open(a_decision(), TINY, 1, version="")
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert (found["status"], found["attempts"]) == ("open", [])
    assert found["cost"] == {"usd": None, "nano_usd": None}
    assert (found["key_id"], found["route"], found["labels"]) == ("key_1", "support", {"team": "legal"})


async def test_an_answered_decision_shows_inputs_reason_attempts_and_cost(store: Store, books: Bookkeeper):
    attempt = await books.open(a_decision(), TINY, 1, version="")
    await books.close(attempt, ok(served_model="tiny-1", finish_reason="stop"))
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert (found["status"], found["reason"], found["threshold"]) == ("ok", "below_threshold", 1.0)
    assert found["inputs"]["output_tokens"] == 100
    assert found["cost"] == {"usd": "0.000003", "nano_usd": TINY_COST}
    [shown] = found["attempts"]
    assert (shown["model"], shown["usage"]["input_tokens"], shown["usage_source"]) == ("tiny", 10, "provider")
    assert (shown["usd"], shown["served_model"], shown["overrun"]) == ("0.000003", "tiny-1", False)
    json.dumps(found)


async def test_between_two_attempts_it_is_open_and_then_shows_both(store: Store, books: Bookkeeper):
    decision = a_decision()
    first = await books.open(decision, TINY, 1, version="")
    failed = Spent(outcome="stream_broken", final=False, usage=USAGE, source=UsageSource.COUNTED)
    await books.close(first, failed)
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert (found["status"], len(found["attempts"]), found["cost"]["nano_usd"]) == ("open", 1, None)
    second = await books.open(fallen_back(decision, SPARE), SPARE, 2, version="")
    await books.close(second, ok())
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert [shown["number"] for shown in found["attempts"]] == [1, 2]
    assert (found["model"], found["chosen_model"], found["reason"]) == ("spare", "tiny", "fallback")
    assert found["cost"]["nano_usd"] == TINY_COST + 10 * 1_000 + 5 * 2_000


async def test_an_attempt_of_unknown_price_makes_the_whole_cost_unknown(store: Store, books: Bookkeeper):
    decision = a_decision(route=a_route(small=UNPRICED))
    await books.close(await books.open(decision, UNPRICED, 1, version=""), ok())
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert found["cost"] == {"usd": None, "nano_usd": None}


async def test_a_dead_workers_decision_says_so_until_the_truth_is_known(store: Store, tmp_path: Path):
    ledger = fleeting(store)
    books = books_with(ledger, tmp_path)
    attempt = await books.open(a_decision(), TINY, 1, version="")
    await ledger.reap(ACCOUNT)
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert (found["status"], found["attempts"][0]["kind"]) == ("worker_died", "assume")
    assert found["cost"]["nano_usd"] == attempt.worst.held_nano
    await books.close(attempt, ok())
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert (found["status"], found["attempts"][0]["kind"]) == ("ok", "adjust")
    assert found["cost"]["nano_usd"] == TINY_COST


async def test_another_accounts_decision_is_not_there(store: Store, books: Bookkeeper):
    await books.close(await books.open(a_decision(), TINY, 1, version=""), ok())
    assert await find_decision(store, "acme", "dec_1") is None


async def test_no_word_of_the_query_is_kept_unless_the_route_says_so(store: Store, books: Bookkeeper):
    secret_words = "zanzibar quixotic"
    attempt = await books.open(a_decision(text=secret_words), TINY, 1, version="")
    for closing in (False, True):
        if closing:
            await books.close(attempt, replace(ok(), output="marmalade answer"))
        kept = b"".join((await dumps_of(store)).values())
        for word in (b"zanzibar", b"quixotic", b"marmalade"):
            assert word not in kept
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert not {"messages", "output"} & found.keys()


async def test_a_route_that_stores_prompts_keeps_messages_and_answer(store: Store, books: Bookkeeper):
    decision = a_decision(route=a_route(store_prompts=True), text="zanzibar")
    attempt = await books.open(decision, TINY, 1, version="")
    await books.close(attempt, replace(ok(), output="marmalade"))
    found = await find_decision(store, ACCOUNT, "dec_1")
    assert found is not None
    assert (found["messages"][0]["content"], found["output"]) == ("zanzibar", "marmalade")


async def test_it_is_kept_for_its_retention_and_its_cost_for_ever(store: Store, tmp_path: Path):
    ledger = Ledger(store, Terms(decision_retention_s=86_400, attempt_memory_s=3_600))
    books = books_with(ledger, tmp_path)
    await books.close(await books.open(a_decision(), TINY, 1, version=""), ok())
    assert 0 < await store.command("TTL", "pr:{main}:decision:dec_1") <= 86_400
    assert 0 < await store.command("TTL", "pr:{main}:attempt:dec_1-1") <= 3_600
    await store.command("PEXPIRE", "pr:{main}:decision:dec_1", 1)
    await store.command("DEL", "pr:{main}:decision:dec_1")
    assert await find_decision(store, ACCOUNT, "dec_1") is None
    assert await store.command("XLEN", "pr:{main}:entries") == 1
