"""Months of entries: booked through the real ledger, then given the stream ids of the days they are to be of."""

import random
from datetime import date
from typing import Any

import msgspec

from router.ledger.entry import Entry, Kind, Labels, Tokens, encode
from router.ledger.ledger import Ledger, Terms
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import a_decision, an_entry

DAY_MS = 86_400_000
FIRST_DAY = date(2026, 3, 1)
FIRST_MS = 1_772_323_200_000  # 2026-03-01T00:00:00Z


def day(number: int) -> str:
    """The name of a day, counted from the first."""
    return date.fromordinal(FIRST_DAY.toordinal() + number).isoformat()


def entries_of_a_day(number: int, count: int, seed: int = 0) -> list[Entry]:
    """Settled, voided and unknown attempts of several groups, spread over one day."""
    draw = random.Random(f"{seed}/{number}")
    return [
        an_entry(
            f"dec_{seed}_{number}_{at}",
            at_ms=FIRST_MS + number * DAY_MS + at * DAY_MS // count,
            **_changes(draw),
        )
        for at in range(count)
    ]


def _changes(draw: random.Random) -> dict[str, Any]:
    tier = draw.choice(["small", "large"])
    return {
        "route": draw.choice(["support", "legal"]),
        "tier": tier,
        "model": {"small": "tiny", "large": "big"}[tier],
        "labels": Labels(
            team=draw.choice(["", "legal", "ops, 'Süd' \n"]), feature=draw.choice(["", "triage"])
        ),
        "kind": draw.choice([Kind.SETTLE, Kind.SETTLE, Kind.VOID]),
        "outcome": draw.choice(["ok", "ok", "timeout"]),
        "cost_nano": draw.choice([None, draw.randrange(10**7), 2**53 + draw.randrange(9)]),
        "baseline_nano": draw.choice([None, draw.randrange(10**8)]),
        "tokens": draw.choice([None, Tokens(draw.randrange(5_000), draw.randrange(900), cached_input=3)]),
        "usage_source": draw.choice(["provider", "counted", "assumed"]),
        "purpose": draw.choice(["", "", "audit"]),
        "decision_ms": draw.randrange(9_000),
    }


async def booked(store: Store, account: str, entries: list[Entry], *, groups_an_hour: int = 2_000) -> None:
    """Settles them, each written at the moment it counts at: months ago."""
    keys = AccountKeys(account)
    ledger = Ledger(store, Terms(groups_an_hour=groups_an_hour))
    before = [item async for item in store.stream(keys.entries)]
    if before:
        await store.command("DEL", keys.entries)
    for entry in entries:
        await ledger.settle(account, entry, a_decision(entry.decision_id))
    written = [fields async for _, fields in store.stream(keys.entries)]
    await store.command("DEL", keys.entries)
    commands: list[tuple[str | bytes, ...]] = [
        ("XADD", keys.entries, stream_id, *(word for pair in fields.items() for word in pair))
        for stream_id, fields in before
    ]
    commands += [
        ("XADD", keys.entries, f"{entry.at_ms}-{at}", *(word for pair in fields.items() for word in pair))
        for at, (entry, fields) in enumerate(zip(entries, written, strict=True))
    ]
    for at in range(0, len(commands), 500):
        await store.commands(*commands[at : at + 500])


def adjustment(of: Entry, **changes: Any) -> Entry:
    """What a re-pricing appends for an entry: its truth now, less what it was."""
    return msgspec.structs.replace(of, kind=Kind.ADJUST, replaces=of, **changes)


async def append(store: Store, account: str, entry: Entry) -> None:
    """Appends an entry with its counters at this moment, whatever is known of its attempt."""
    ledger = Ledger(store, Terms())
    await ledger.settle(account, entry, a_decision(entry.decision_id))


def raw_of(entry: Entry) -> bytes:
    """As it stands in the stream."""
    return encode(entry)
