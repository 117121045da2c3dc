"""A worker's auditor, opened with its parts and drained at the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from router.audit.answering import Answering
from router.audit.auditor import Auditor
from router.audit.draw import lot_of
from router.audit.judge import Judge
from router.audit.judges import judge_of
from router.audit.keeping import KeepsOutcomes
from router.audit.share import Shares
from router.bookkeeper import Bookkeeper
from router.catalog import Catalog
from router.clock import World
from router.providers.upstreams import Upstreams
from router.store.connection import Store

PATIENCE_S: Final = 10.0
"""How long a worker that is stopped waits for the audits that go on."""


@asynccontextmanager
async def opened_auditor(
    store: Store,
    catalog: Catalog,
    *,
    books: Bookkeeper,
    upstreams: Upstreams,
    outcomes: KeepsOutcomes,
    world: World,
) -> AsyncIterator[Auditor]:
    """The auditor of a worker; where no route is audited it asks the store nothing.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    shares = Shares(store, catalog.routes, catalog.models)
    answering = Answering(books, upstreams, world, shares.booked)
    audited = {name: route.audit for name, route in catalog.routes.items() if route.audit is not None}
    lot, judges = None, dict[str, Judge | None]()
    if audited:
        lot = await lot_of(store)
        await shares.solve()
        judges = {
            name: judge_of(terms.judge, catalog, answering=answering, lot=lot, world=world)
            for name, terms in audited.items()
        }
    auditor = Auditor(
        lot=lot, shares=shares, judges=judges, answering=answering, outcomes=outcomes, world=world
    )
    solving = asyncio.get_running_loop().create_task(shares.keep_solving())
    try:
        yield auditor
    finally:
        solving.cancel()
        await asyncio.wait([solving])
        await auditor.drain(PATIENCE_S)
