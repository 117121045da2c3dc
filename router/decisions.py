"""Looking a decision up again: inputs, reason, attempts and cost, for as long as it is kept."""

from dataclasses import dataclass
from typing import Any

import msgspec

from router.ledger.entry import Entry, attempt_id, decode
from router.record import OPEN, DecisionRecord, shown
from router.store.connection import Store
from router.store.keys import AccountKeys


async def find_decision(store: Store, account: str, decision_id: str) -> dict[str, Any] | None:
    """The whole record as the API answers it, with `key_id` of who made it; `None` when there is none.

    A decision is kept for its retention after its last attempt ended. While its first attempt runs, it is
    read from what that one holds: `status` is `open`, there are no attempts yet and the cost is unknown.

    Raises:
        StoreUnavailable: no answer.
    """
    keys = AccountKeys(account)
    found = await store.hash_of(keys.decision(decision_id))
    if b"d" in found:
        return shown(found[b"d"], _attempts(found))
    held = await store.command("HGET", keys.attempt(attempt_id(decision_id, 1)), "decision")
    if held is not None:
        return shown(_opened(held), [])
    # Between the two looks the attempt may have ended.
    found = await store.hash_of(keys.decision(decision_id))
    return shown(found[b"d"], _attempts(found)) if b"d" in found else None


@dataclass(frozen=True, slots=True)
class Ended:
    """A decision whose first attempt has ended, with its attempts so far."""

    record: DecisionRecord
    attempts: list[Entry]


async def find_ended(store: Store, account: str, decision_id: str) -> Ended | None:
    """The record as it is kept; `None` where there is none, or its first attempt still runs.

    Raises:
        StoreUnavailable: no answer.
    """
    found = await store.hash_of(AccountKeys(account).decision(decision_id))
    if b"d" not in found:
        return None
    return Ended(msgspec.json.decode(found[b"d"], type=DecisionRecord), _attempts(found))


def _attempts(found: dict[bytes, bytes]) -> list[Entry]:
    entries = [decode(raw) for field, raw in found.items() if field != b"d"]
    return sorted(entries, key=lambda entry: entry.number)


def _opened(held: bytes) -> bytes:
    """What is held says how it stands if its worker dies; it has not."""
    return msgspec.json.encode({**msgspec.json.decode(held, type=dict[str, msgspec.Raw]), "status": OPEN})
