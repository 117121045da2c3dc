"""Entries of a period wherever they are: those that left the store first, then those in it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from router.archive.check import kept_in
from router.archive.folder import ENTRIES, in_order
from router.archive.gone import Gone, read_gone
from router.archive.rows import Kept
from router.archive.sums import days_needed, left_day
from router.errors import StoreUnavailable
from router.ledger.entry import Entry
from router.store.connection import Store
from router.store.keys import AccountKeys


async def entries_of(
    store: Store, account: str, archive: Path | None, first_hour: int, end_hour: int
) -> AsyncIterator[tuple[Entry, str]]:
    """Each entry that counts in these hours, with the group it is counted under; oldest written first.

    For commands: it reads files where it runs.

    Args:
        store: where the ledger is.
        account: the tenant.
        archive: where the entries are that left the store; `None` takes the directory they were exported to.
        first_hour: Unix hour.
        end_hour: exclusive.

    Raises:
        ArchiveBroken: a day that is needed is missing, damaged, or another export than entries left for.
        StoreUnavailable: no answer, or entries left the store meanwhile: begin again.
    """
    gone = await read_gone(store, account)
    for kept in _left(gone, account, archive, first_hour, end_hour):
        entry = kept.entry()
        if first_hour <= entry.hour < end_hour:
            yield entry, kept.counted_as if kept.counted_as is not None else entry.group
    async for stream_id, fields in store.stream(AccountKeys(account).entries):
        kept = Kept.of(stream_id, fields)
        entry = kept.entry()
        if first_hour <= entry.hour < end_hour:
            yield entry, kept.counted_as if kept.counted_as is not None else entry.group
    if (await read_gone(store, account)).through != gone.through:
        raise StoreUnavailable("entries left the store while they were read; do it again after the export")


def _left(gone: Gone, account: str, archive: Path | None, first_hour: int, end_hour: int) -> Iterator[Kept]:
    for day, left in days_needed(gone, first_hour, end_hour).items():
        stored = left_day(day, left, account, archive)
        stored.check_sum(ENTRIES)
        for kept in kept_in(stored):
            if in_order(kept.id) > in_order(
                gone.through
            ):  # a trim was cut off here: the rest is in the store
                break
            yield kept
