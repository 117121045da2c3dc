import dataclasses
import math
from typing import Any

import pytest

from policies import Caps, ModelLimits
from router.catalog import Model, Route
from router.errors import InvalidRequest
from router.ledger.entry import Kind, Tokens
from router.ledger.ledger import Ledger, Recorded, Terms
from router.pricing.money import PicoDollarsPerToken
from router.pricing.price import Price, Rates
from router.providers.endpoint import Endpoint
from router.providers.presets import Lane
from router.routes.what_if import WhatIf, what_if
from router.store.connection import Store
from tests.reports.entries import an_entry, held, settled


def a_model(name: str, input_rate: int, output_rate: int) -> Model:
    """A model whose rates are in pico-dollars a token."""
    rates = Rates.of(PicoDollarsPerToken(input_rate), PicoDollarsPerToken(output_rate))
    return Model(
        name=name,
        provider="openai",
        endpoint=Endpoint(name, "openai", Lane.FAST, "http://127.0.0.1:1/v1", name),
        price=Price("openai", name, rates, "a test"),
        limits=ModelLimits(),
    )


SMALL = a_model("tiny", 100_000, 400_000)
LARGE = a_model("big", 2_000_000, 10_000_000)
ROUTE = Route("support", SMALL, LARGE, 0.12, Caps())
SMALL_COST, LARGE_COST = 18_000, 400_000  # 100 + 20 tokens, nano-dollars


def small(difficulty: float, **changes: Any) -> Any:
    return an_entry(difficulty=difficulty, **changes)


def large(difficulty: float, **changes: Any) -> Any:
    return an_entry(
        **{
            "difficulty": difficulty,
            "tier": "large",
            "model": "big",
            "reason": "at_or_above_threshold",
            "cost_nano": LARGE_COST,
            **changes,
        }
    )


async def asked(store: Store, account: str, threshold: float, **changes: Any) -> WhatIf:
    return await what_if(store, account, ROUTE, threshold, **changes)


async def test_a_lower_threshold_moves_what_lies_between_to_the_large_model(store: Store, account: str):
    await settled(store, account, small(0.05), small(0.08), large(0.3))
    found = await asked(store, account, 0.08)
    assert (found.decisions, found.to_large_now, found.to_large_then) == (3, 1, 2)
    assert (found.moved_to_large, found.moved_to_small) == (1, 0)
    assert found.cost_now_nano == 2 * SMALL_COST + LARGE_COST
    assert found.cost_then_nano == SMALL_COST + 2 * LARGE_COST
    assert found.savings_nano == SMALL_COST - LARGE_COST
    told = found.as_json()
    assert (told["share_to_large_now"], told["share_to_large_then"]) == (0.333333, 0.666667)
    assert (told["cost_now_usd"], told["cost_then_usd"], told["savings_usd"]) == (
        "0.000436",
        "0.000818",
        "-0.000382",
    )
    assert "assumption" in told["assumes"]


async def test_a_higher_threshold_saves_and_the_one_in_force_changes_nothing(store: Store, account: str):
    await settled(store, account, small(0.05), large(0.2), large(0.12))
    higher = await asked(store, account, 0.15)
    assert (higher.moved_to_small, higher.savings_nano) == (1, LARGE_COST - SMALL_COST)
    same = await asked(store, account, 0.12)
    assert (same.moved_to_small, same.moved_to_large, same.savings_nano) == (0, 0, 0)


async def test_only_what_the_threshold_decided_can_move(store: Store, account: str):
    await settled(
        store,
        account,
        large(0.01, reason="forced"),
        small(0.9, reason="forced"),
        large(0.01, reason="needs_tools"),
        small(0.9, reason="fallback"),
        small(0.05),
    )
    found = await asked(store, account, 0.0)
    assert found.unmovable == {"forced": 2, "needs_tools": 1, "fallback": 1}
    assert (found.to_large_now, found.to_large_then) == (2, 3)


async def test_other_routes_and_other_accounts_are_not_looked_at(store: Store, account: str):
    await settled(store, account, small(0.05), small(0.05, route="legal"))
    await settled(store, f"{account}x", small(0.05))
    assert (await asked(store, account, 0.5)).decisions == 1


async def test_the_last_decisions_are_the_newest(store: Store, account: str):
    await settled(store, account, *(large(0.3) for _ in range(5)), *(small(0.05) for _ in range(3)))
    newest = await asked(store, account, 0.12, last=4)
    assert (newest.decisions, newest.to_large_now, newest.wanted, newest.entries_read) == (4, 1, 4, 4)
    everything = await asked(store, account, 0.12)
    assert (everything.decisions, everything.entries_read) == (8, 8)


async def test_every_attempt_of_a_decision_is_priced_again(store: Store, account: str):
    failed = large(0.2, final=False, outcome="server_error", tokens=Tokens(1000, 0), cost_nano=2_000_000)
    refused = large(
        0.2, decision_id=failed.decision_id, number=2, final=False, kind=Kind.VOID, tokens=None, cost_nano=0
    )
    answered = large(0.2, decision_id=failed.decision_id, number=3)
    await settled(store, account, failed, refused, answered)
    found = await asked(store, account, 0.5)
    assert found.decisions == 1
    assert found.cost_now_nano == 2_000_000 + LARGE_COST
    assert found.cost_then_nano == 100_000 + SMALL_COST


async def test_a_decision_that_is_still_going_on_is_left_out(store: Store, account: str):
    await settled(store, account, small(0.05), large(0.2, final=False, outcome="server_error"))
    assert (await asked(store, account, 0.5)).decisions == 1


async def test_an_assumed_attempt_counts_as_what_was_learned_of_it(store: Store, account: str):
    entry = large(0.2)
    await held(Ledger(store, Terms(hold_expiry_s=0)), account, entry)
    ledger = Ledger(store, Terms())
    await ledger.reap(account)
    assert (await asked(store, account, 0.12)).cost_now_nano == entry.held_nano
    assert await ledger.settle(account, entry, b"{}") is Recorded.ADJUSTED
    assert (await asked(store, account, 0.12)).cost_now_nano == LARGE_COST
    assert (await asked(store, account, 0.5)).cost_then_nano == SMALL_COST


async def test_a_decision_without_a_known_cost_is_left_out_of_both_sums(store: Store, account: str):
    await settled(store, account, small(0.05, cost_nano=None, held_nano=0), large(0.3))
    found = await asked(store, account, 0.12)
    assert (found.unknown_cost, found.cost_now_nano, found.cost_then_nano) == (1, LARGE_COST, LARGE_COST)


async def test_moving_to_a_model_without_a_price_is_unknown_not_free(store: Store, account: str):
    await settled(store, account, large(0.3))
    unpriced = dataclasses.replace(ROUTE, small=dataclasses.replace(SMALL, price=None))
    found = await what_if(store, account, unpriced, 0.5)
    assert (found.moved_to_small, found.unknown_cost) == (1, 1)
    assert found.as_json()["savings_usd"] is None


async def test_a_route_without_decisions_has_no_shares(store: Store, account: str):
    told = (await asked(store, account, 0.5)).as_json()
    assert (told["decisions"], told["share_to_large_now"], told["cost_now_usd"]) == (0, None, None)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, math.nan, math.inf])
async def test_a_threshold_out_of_range_is_refused(store: Store, account: str, threshold: float):
    with pytest.raises(InvalidRequest, match="from 0 to 1"):
        await asked(store, account, threshold)


@pytest.mark.parametrize("last", [0, -1, 100_001])
async def test_a_number_of_decisions_out_of_range_is_refused(store: Store, account: str, last: int):
    with pytest.raises(InvalidRequest, match="decisions"):
        await asked(store, account, 0.5, last=last)
