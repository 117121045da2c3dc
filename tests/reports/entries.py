"""Entries for tests, booked through the real ledger, and keys."""

import asyncio
import contextlib
import itertools
from typing import Any

import msgspec

from router.access.keys import KeyRing, Scope
from router.ledger.entry import Entry, Kind, Labels, Tokens
from router.ledger.ledger import Hold, Ledger, Terms
from router.store.connection import Store
from tests.service import Service

HOUR_MS = 3_600_000
NOON_MS = 1_767_268_800_000  # 2026-01-01T12:00:00Z

_numbers = itertools.count()


def an_entry(**changes: Any) -> Entry:
    """An answered, settled attempt of a small model: 100 + 20 tokens, 18,000 nano-dollars of 400,000."""
    number = next(_numbers)
    entry = Entry(
        kind=Kind.SETTLE,
        attempt_id=f"dec_{number}-1",
        decision_id=f"dec_{number}",
        at_ms=NOON_MS,
        number=1,
        final=True,
        outcome="ok",
        route="support",
        tier="small",
        model="tiny",
        provider="openai",
        served_model=None,
        service_tier=None,
        key_id="",
        labels=Labels(),
        reason="below_threshold",
        difficulty=0.05,
        threshold=0.12,
        threshold_version=1,
        classifier="test",
        tokens=Tokens(input=100, output=20),
        cost_nano=18_000,
        baseline_nano=400_000,
        usage_source="provider",
        price_book="test",
        price_basis="requested",
        held_nano=1_000_000,
        latency_ms=120,
        first_byte_ms=40,
        decision_ms=125,
    )
    return msgspec.structs.replace(entry, **changes)


async def settled(store: Store, account: str, *entries: Entry) -> None:
    """Books entries in the hour they say, as a replayed spool does: without a hold."""
    ledger = Ledger(store, Terms())
    for entry in entries:
        await ledger.settle(account, entry, b"{}")


async def held(ledger: Ledger, account: str, entry: Entry) -> Entry:
    """Holds the entry's worst case and answers the entry at the moment the store held it."""
    worst = msgspec.structs.replace(
        entry,
        kind=Kind.ASSUME,
        final=True,
        outcome="worker_died",
        cost_nano=None if entry.cost_nano is None else entry.held_nano,
        baseline_nano=0,
        usage_source="assumed",
        tokens=Tokens(input=5_000, output=5_000),
        decision_ms=None,
    )
    at_ms = (await ledger.reserve(account, Hold(worst, b"{}"), version="")).at_ms
    return msgspec.structs.replace(entry, at_ms=at_ms)


def keys_of(service: Service) -> tuple[str, str]:
    """Makes a key that may call and one of an admin, and waits until the service asks for one."""

    async def make() -> tuple[str, str]:
        async with contextlib.aclosing(Store.at_url(service.store_url, timeout_s=20)) as store:
            ring = KeyRing(store)
            _, call = await ring.create("bot", (Scope.CALL,))
            _, admin = await ring.create("ops", (Scope.ADMIN,))
            return call, admin

    made = asyncio.run(make())
    with service.client() as client:
        service.until(lambda: client.get("/v1/models").status_code, lambda status: status == 401)
    return made
