"""How near to empty: known from reserves, else read, never older than two seconds."""

from router.budgets.budget import Asker
from router.budgets.clock import StoreClock
from router.budgets.standing import Standing
from router.store.connection import Store
from tests.budgets.examples import a_budget, budgets_in, hold
from tests.ledger.examples import ACCOUNT, HELD_NANO, lasting
from tests.store.servers import MakeServer

LEGAL = Asker(team="legal", feature="triage", route="support")


async def test_the_emptiest_hard_budget_that_applies_counts(store: Store):
    await a_budget(store, limit_usd="0.0000001", scope={"team": "sales"})
    await a_budget(store, limit_usd="0.0000001", scope={"model": "tiny"})
    await a_budget(store, limit_usd="0.000005", hard=False, period="month")
    fuller = await a_budget(store, limit_usd="0.00005")
    emptier = await a_budget(store, limit_usd="0.00002", scope={"team": "*"})
    standing, budgets = Standing(store, StoreClock(store)), await budgets_in(store)
    assert await standing.least(ACCOUNT, budgets, Asker(team="none")) is not None
    least = await standing.least(ACCOUNT, budgets, LEGAL)
    assert least is not None
    assert least.share == 1.0
    assert least.budget_id in (fuller.id, emptier.id)
    ledger = lasting(store)
    await hold(ledger, store, "dec_1", model="other")
    least = await ledger.standing.least(ACCOUNT, budgets, LEGAL)
    assert least is not None
    assert (least.share, least.budget_id) == (1 - HELD_NANO / 20_000, emptier.id)
    other_worker = await Standing(store, StoreClock(store)).least(ACCOUNT, budgets, LEGAL)
    assert other_worker == least, "read, where no reserve of this worker said it"


async def test_without_a_hard_budget_or_a_store_nothing_is_known(own_server: MakeServer):
    server = own_server()
    store = Store.at_url(server.url)
    await a_budget(store, limit_usd="1", hard=False)
    standing, soft = Standing(store, StoreClock(store)), await budgets_in(store)
    assert await standing.least(ACCOUNT, soft, LEGAL) is None
    await a_budget(store, limit_usd="1")
    hard = await budgets_in(store)
    server.kill()
    assert await standing.least(ACCOUNT, hard, LEGAL) is None
    await store.aclose()
