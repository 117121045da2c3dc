"""Entries, holds and decisions for tests of the ledger."""

from typing import Any

import msgspec

from router.ledger.entry import Entry, Kind, Labels, Tokens, attempt_id
from router.ledger.ledger import Hold, Ledger, Terms
from router.store.connection import Store

ACCOUNT = "main"
HOUR_MS = 3_600_000
HELD_NANO = 5_000


def an_entry(decision: str = "dec_1", number: int = 1, **changes: Any) -> Entry:
    """A settled attempt of 1,000 nano-dollars; `changes` are fields of `Entry`."""
    fields: dict[str, Any] = {
        "kind": Kind.SETTLE,
        "attempt_id": attempt_id(decision, number),
        "decision_id": decision,
        "at_ms": 0,
        "number": number,
        "final": True,
        "outcome": "ok",
        "route": "support",
        "tier": "small",
        "model": "tiny",
        "provider": "offline",
        "served_model": "tiny-1",
        "service_tier": None,
        "key_id": "",
        "labels": Labels(team="legal", feature="triage"),
        "reason": "below_threshold",
        "difficulty": 0.05,
        "threshold": 0.1,
        "threshold_version": 1,
        "classifier": "test",
        "tokens": Tokens(100, 20, cached_input=10),
        "cost_nano": 1_000,
        "baseline_nano": 4_000,
        "usage_source": "provider",
        "price_book": "test",
        "price_basis": "served",
        "held_nano": HELD_NANO,
        "latency_ms": 40,
        "first_byte_ms": 20,
        "decision_ms": 41,
    }
    return Entry(**(fields | changes))


def a_void(decision: str = "dec_1", number: int = 1, **changes: Any) -> Entry:
    """An attempt the provider charged nothing for."""
    nothing = {"kind": Kind.VOID, "tokens": None, "cost_nano": 0, "baseline_nano": 0, "usage_source": ""}
    return an_entry(decision, number, **(nothing | {"outcome": "connect_error"} | changes))


def a_hold(decision: str = "dec_1", number: int = 1, **changes: Any) -> Hold:
    """The worst case of the same attempt: 5,000 nano-dollars."""
    worst = {
        "kind": Kind.ASSUME,
        "outcome": "worker_died",
        "tokens": Tokens(900, 400),
        "cost_nano": HELD_NANO,
        "baseline_nano": 0,
        "usage_source": "assumed",
        "latency_ms": None,
        "first_byte_ms": None,
        "decision_ms": None,
    }
    return Hold(an_entry(decision, number, **(worst | changes)), a_decision(decision, "worker_died"))


def a_decision(decision: str = "dec_1", status: str = "ok") -> bytes:
    """What is stored of a decision, as far as the ledger cares: any JSON."""
    return msgspec.json.encode({"id": decision, "status": status})


def lasting(store: Store) -> Ledger:
    """A ledger whose holds outlive the test."""
    return Ledger(store, Terms())


def fleeting(store: Store) -> Ledger:
    """A ledger whose holds are overdue at once: of a worker that died long ago."""
    return Ledger(store, Terms(hold_expiry_s=0))


async def reserve(ledger: Ledger, hold: Hold, version: str = "") -> int:
    """Holds it in the usual account."""
    return (await ledger.reserve(ACCOUNT, hold, version=version)).at_ms
