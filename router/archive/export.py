"""Writes whole days of entries to Parquet files, and takes them out of the store once they are safe there."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from router.archive.check import check_day, kept_in
from router.archive.folder import (
    ENTRIES,
    SUMS,
    AccountFolder,
    ArchiveBroken,
    Manifest,
    StoredDay,
    day_begins_ms,
    day_of,
    file_sum,
    in_order,
)
from router.archive.gone import LeftDay, read_gone
from router.archive.parquet import RowWriter
from router.archive.rows import ENTRY_COLUMNS, SUM_COLUMNS, Kept, Total, entry_row, sum_rows
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.scripts import read_script

DAY_MS: Final = 86_400_000
HOURS_STILL: Final = 1
"""So long after a day is over it is exported: a store that takes over with a slow clock may add to it."""
DAYS_KEPT: Final = 32
"""So long entries stay in the store at least: budgets and audits count by the month, and an attempt can be
adjusted for 7 days after it was settled."""
_AT_ONCE: Final = 1_000
_TRIM = read_script("router.archive", "trim", may_fill=True, repeatable=True)

Told = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to do.

    Attributes:
        before_ms: days that begin before this moment, Unix milliseconds; `None` for all that are over.
        trim_before_ms: exported days that were over by this moment leave the store; `None` for none.
    """

    before_ms: int | None = None
    trim_before_ms: int | None = None


@dataclass(slots=True)
class Exported:
    """What was done for one account.

    Attributes:
        days: written now.
        known: that were in the archive before.
        trimmed: of which entries left the store now.
        entries_trimmed: how many did.
    """

    account: str
    days: list[Manifest] = field(default_factory=list)
    known: int = 0
    trimmed: list[str] = field(default_factory=list)
    entries_trimmed: int = 0


def latest_end_ms(now_ms: int) -> int:
    """The end of the newest day that can be exported, Unix milliseconds."""
    return (now_ms - HOURS_STILL * 3_600_000) // DAY_MS * DAY_MS


async def export(store: Store, archive: Path, account: str, wanted: Wanted, told: Told) -> Exported:
    """Exports what is missing, oldest day first, then trims what is safe.

    It may be killed at any point and run again: a day is in the archive whole or not at all, and entries
    leave the store a thousand at a time, each time with what they added to the counters.

    Raises:
        ArchiveBroken: a file is damaged, or store and archive do not say the same; what it holds stays.
        StoreUnavailable: no answer.
        OSError: the archive cannot be written.
    """
    done, folder = Exported(account), AccountFolder(archive, account)
    now_ms = await store.now_ms()
    end_ms = latest_end_ms(now_ms)
    if wanted.before_ms is not None:
        end_ms = min(end_ms, wanted.before_ms // DAY_MS * DAY_MS)
    with folder.locked():
        days = await _days(store, account, end_ms)
        for at, day in enumerate(days):
            told(day, at / len(days))
            if folder.day(day) is not None:
                done.known += 1
            else:
                done.days.append((await _export_day(store, folder, day)).manifest)
        if wanted.trim_before_ms is not None:
            over = [day for day in days if day_begins_ms(day) + DAY_MS <= wanted.trim_before_ms]
            for at, day in enumerate(over):
                told(f"trim {day}", at / len(over))
                await _trim_day(store, folder, day, done)
    return done


async def _days(store: Store, account: str, end_ms: int) -> list[str]:
    """The days before a moment of which entries are in the store, oldest first."""
    days: list[str] = []
    first = "-"
    while True:
        found = await store.command("XRANGE", AccountKeys(account).entries, first, "+", "COUNT", 1)
        if not found or in_order(found[0][0].decode())[0] >= end_ms:
            return days
        days.append(day_of(found[0][0].decode()))
        first = str(day_begins_ms(days[-1]) + DAY_MS)


async def _export_day(store: Store, folder: AccountFolder, day: str) -> StoredDay:
    left = (await read_gone(store, folder.account)).days.get(day)
    if left is not None:
        raise ArchiveBroken(
            f"a part of {day} has left the store for the archive {left.archive}, and {folder.path} does not "
            "have that day: use that archive, or copy the day's folder here"
        )
    part = folder.begun(day)
    total = Total()
    writer = RowWriter(part / ENTRIES, ENTRY_COLUMNS)
    try:
        async for stream_id, fields in _stored(store, folder.account, day):
            kept = Kept.of(stream_id, fields)
            entry = kept.entry()
            writer.write(entry_row(kept, entry, total.add(kept, entry)))
    finally:
        writer.close()
    sums = RowWriter(part / SUMS, SUM_COLUMNS)
    try:
        for row in sum_rows(total.sums):
            sums.write(row)
    finally:
        sums.close()
    manifest = Manifest(
        account=folder.account,
        day=day,
        entries=total.entries,
        first_id=total.first_id,
        last_id=total.last_id,
        first_hour=total.first_hour,
        last_hour=total.last_hour,
        nano_by_kind=total.nano_by_kind,
        unknown_cost=total.unknown_cost,
        files={name: file_sum(part / name) for name in (ENTRIES, SUMS)},
    )
    check_day(StoredDay(part, manifest, ""))
    return folder.publish(part, manifest)


def _stored(store: Store, account: str, day: str) -> AsyncIterator[tuple[str, dict[bytes, bytes]]]:
    begins = day_begins_ms(day)
    return store.stream(AccountKeys(account).entries, first=str(begins), last=str(begins + DAY_MS - 1))


async def _trim_day(store: Store, folder: AccountFolder, day: str, done: Exported) -> None:
    """Takes an exported day out of the store, after the whole of it was read back and compared."""
    stored = folder.day(day)
    if stored is None:
        raise ArchiveBroken(f"{folder.path} does not have {day}")
    gone = await read_gone(store, folder.account)
    left = gone.days.get(day)
    if left is not None and left.sha256 != stored.sha256:
        raise ArchiveBroken(
            f"{stored.folder} is another export than the one that entries of this day left the store for; "
            f"that one was in {left.archive}"
        )
    folder.sync()
    check_day(stored)
    after = in_order(gone.through) if gone.through else (-1, -1)
    here = (kept for kept in kept_in(stored) if in_order(kept.id) > after)
    await _compare(store, folder.account, stored, after)
    while chunk := list(islice(here, _AT_ONCE)):
        await _trim(store, folder, stored, chunk)
        done.entries_trimmed += len(chunk)
    done.trimmed.append(day)


async def _compare(store: Store, account: str, stored: StoredDay, after: tuple[int, int]) -> None:
    """Whether the store still holds just the day's entries that it should, to the byte."""
    archived = (kept for kept in kept_in(stored) if in_order(kept.id) > after)
    async for stream_id, fields in _stored(store, account, stored.manifest.day):
        if next(archived, None) != Kept.of(stream_id, fields):
            raise ArchiveBroken(
                f"entry {stream_id} of account {account} is not in {stored.entries} as it is in the store; "
                "nothing of the day was trimmed. Move the day's folder away and export again"
            )
    missing = next(archived, None)
    if missing is not None:
        raise ArchiveBroken(
            f"entry {missing.id} of account {account} is in {stored.entries} and no longer in the store; "
            "nothing of the day was trimmed"
        )


async def _trim(store: Store, folder: AccountFolder, stored: StoredDay, chunk: list[Kept]) -> None:
    keys, total = AccountKeys(folder.account), Total()
    for kept in chunk:
        total.add(kept, kept.entry())
    ms, sequence = in_order(total.last_id)
    words: list[str | int | bytes] = []
    for counters in total.sums.values():
        pairs = [(name, amount) for name, amount in counters.items() if amount]
        words += [len(pairs), *(word for name, amount in pairs for word in (name, -amount))]
    reply = await store.run(
        _TRIM,
        (keys.entries, keys.archived, keys.hours, *(keys.counters(hour) for hour in total.sums)),
        (
            total.first_id,
            total.last_id,
            len(chunk),
            f"{ms}-{sequence + 1}",
            f"day:{stored.manifest.day}",
            LeftDay.of(stored, folder.archive).encoded(),
            *total.sums,
            *words,
        ),
    )
    if reply[0] == b"moved":
        raise ArchiveBroken(
            f"the entries of account {folder.account} changed while they were trimmed: another trim is at "
            "work, or somebody wrote to the stream; run the export again"
        )
