"""Budgets and calls for tests of what they come to."""

from typing import Any

from router.budgets.budget import Asker, Budget, claims_of
from router.budgets.budgets import Budgets
from router.budgets.wanted import wanted
from router.clock import real_world
from router.ledger.entry import Entry, Labels
from router.ledger.ledger import Hold, Ledger, Reserved
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import ACCOUNT, a_decision, a_hold, an_entry

KEYS = AccountKeys(ACCOUNT)


async def a_budget(store: Store, account: str = ACCOUNT, **asked: Any) -> Budget:
    """Sets a hard day budget of so many dollars, or what is asked for instead."""
    asked = {"scope": {}, "period": "day"} | asked
    budget, _ = await Budgets(store, real_world().new_id).set(account, wanted(**asked), by="test")
    return budget


async def budgets_in(store: Store, account: str = ACCOUNT) -> tuple[Budget, ...]:
    return await Budgets(store, real_world().new_id).all(account)


async def hold(
    ledger: Ledger, store: Store, name: str, account: str = ACCOUNT, version: str = "", **entry: Any
) -> Reserved:
    """Reserves the worst case of an attempt in every budget that there is for it."""
    worst = a_hold(name, **entry)
    claims = claims_of(await budgets_in(store, account), asker(worst.worst))
    return await ledger.reserve(account, Hold(worst.worst, a_decision(), claims), version=version)


async def settle(ledger: Ledger, name: str, held: Reserved, account: str = ACCOUNT, **entry: Any) -> None:
    truth = an_entry(name, at_ms=held.at_ms, budgets=held.budgets, **entry)
    await ledger.settle(account, truth, a_decision())


def asker(entry: Entry) -> Asker:
    labels: Labels = entry.labels
    return Asker(
        key=entry.key_id,
        team=labels.team,
        feature=labels.feature,
        route=entry.route,
        model=entry.model,
        user=labels.user,
    )


async def left_in(store: Store, account: str = ACCOUNT) -> dict[str, int]:
    """What stands as left in every window, by its name."""
    names = [name.decode() for name in await store.command("ZRANGE", AccountKeys(account).windows, 0, -1)]
    return {name: int((await store.hash_of(AccountKeys(account).window(name)))[b"left"]) for name in names}
