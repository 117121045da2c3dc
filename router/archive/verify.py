"""Is the archive what left the store, and was nothing charged on both sides?"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from router.archive.check import check_day
from router.archive.folder import ArchiveBroken, StoredDay, in_order
from router.archive.gone import Gone, read_gone
from router.archive.rows import Kept
from router.archive.sql import ask
from router.archive.sums import left_day
from router.ledger.entry import Kind
from router.store.connection import Store
from router.store.keys import AccountKeys

_TWICE = """
    SELECT DISTINCT attempt_id FROM read_parquet($files) WHERE kind <> 'adjust'
    GROUP BY attempt_id HAVING count(*) > 1
"""
_AGAIN = """
    SELECT DISTINCT attempt_id FROM read_parquet($files) WHERE kind <> 'adjust'
    AND list_contains($here, attempt_id)
"""


@dataclass(slots=True)
class ArchiveVerification:
    """What the archived side comes to.

    Attributes:
        entries: that have left the store.
        cost_nano: what they add to the cost.
        duplicates: attempts charged twice there, or there and in the store.
    """

    days: int = 0
    entries: int = 0
    cost_nano: int = 0
    unknown_cost: int = 0
    duplicates: list[str] = field(default_factory=list)


async def verify_archive(store: Store, account: str, archive: Path | None) -> ArchiveVerification | None:
    """Reads every entry that left the store, its checksums and its sums; `None` when none has.

    Args:
        store: what remembers which export of each day the entries left for.
        account: the tenant.
        archive: where the files are; `None` takes the directory they were exported to.

    Raises:
        ArchiveBroken: a file is missing, damaged, or does not add up.
        StoreUnavailable: no answer.
    """
    gone = await read_gone(store, account)
    if not gone.days:
        return None
    found, whole = await asyncio.to_thread(_read, gone, account, archive)
    here = await _charged_long_ago(store, account, in_order(gone.through)[0])
    found.duplicates = await asyncio.to_thread(_duplicates, whole, here)
    return found


async def _charged_long_ago(store: Store, account: str, until_ms: int) -> list[str]:
    """Attempts that the store has a charge of, and that count when the archived ones did: hardly any."""
    found = []
    async for stream_id, fields in store.stream(AccountKeys(account).entries):
        entry = Kept.of(stream_id, fields).entry()
        if entry.kind is not Kind.ADJUST and entry.at_ms <= until_ms:
            found.append(entry.attempt_id)
    return found


def _read(gone: Gone, account: str, archive: Path | None) -> tuple[ArchiveVerification, list[StoredDay]]:
    found, whole = ArchiveVerification(), []
    for day, left in gone.days.items():
        stored = left_day(day, left, account, archive)
        total = check_day(stored, through=gone.through)
        found.days += 1
        found.entries += total.entries
        found.cost_nano += sum(total.nano_by_kind.values())
        found.unknown_cost += total.unknown_cost
        if in_order(left.last_id) <= in_order(gone.through):
            whole.append(stored)
    return found, whole


def _duplicates(days: list[StoredDay], here: list[str]) -> list[str]:
    files = {"files": [str(day.entries) for day in days]}
    if not days:
        return []
    try:
        twice = ask(_TWICE, files)
        again = ask(_AGAIN, {**files, "here": here}) if here else []
    except OSError as error:
        raise ArchiveBroken(f"the archive cannot be read: {error}") from error
    return sorted({attempt for (attempt,) in [*twice, *again]})
