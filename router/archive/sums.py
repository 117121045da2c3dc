"""What entries that left the store add to a report, so that it reads both sides as one."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from router.archive.folder import SUMS, AccountFolder, ArchiveBroken, StoredDay, in_order
from router.archive.gone import Gone, LeftDay
from router.ledger.entry import GROUP_SEPARATOR

_QUESTION = """
    SELECT route, tier, model, team, feature, provider, metric, sum(amount), min(hour), max(hour)
    FROM read_parquet($files)
    WHERE hour >= $first AND hour < $end
    GROUP BY ALL
"""
_ALL_HOURS = (-(2**62), 2**62)


@dataclass(frozen=True, slots=True)
class Archived:
    """Sums of what has left.

    Attributes:
        counters: as the store names them: group and metric → amount.
        hours: the first and the last Unix hour of what was added; empty for nothing.
    """

    counters: Mapping[bytes, int] = field(default_factory=dict)
    hours: tuple[int, ...] = ()


async def archived_sums(
    gone: Gone, account: str, archive: Path | None, first_hour: int | None, end_hour: int | None
) -> Archived:
    """The sums of the entries that left the store and count in a period.

    Days of which nothing counts in it are not looked at, so that a report of last week needs no archive.

    Args:
        gone: what left the store.
        account: the tenant.
        archive: where its files are; `None` takes the directory they were exported to.
        first_hour: Unix hour; `None` from the beginning.
        end_hour: exclusive; `None` for no end.

    Raises:
        ArchiveBroken: a day that is needed is missing, damaged, or another export than entries left for.
    """
    first = _ALL_HOURS[0] if first_hour is None else first_hour
    end = _ALL_HOURS[1] if end_hour is None else end_hour
    needed = days_needed(gone, first, end)
    if not needed:
        return Archived()
    # In a thread: a worker that is asked for a report has calls to answer.
    return await asyncio.to_thread(_sums, needed, account, archive, gone.through, (first, end))


def days_needed(gone: Gone, first_hour: int, end_hour: int) -> dict[str, LeftDay]:
    """The days that left of which something counts in these hours."""
    return {
        day: left
        for day, left in gone.days.items()
        if left.last_hour >= first_hour and left.first_hour < end_hour
    }


def left_day(day: str, left: LeftDay, account: str, archive: Path | None) -> StoredDay:
    """The very export of a day that entries left the store for.

    Raises:
        ArchiveBroken: it is not there, or is another.
    """
    place = Path(left.archive) if archive is None else archive
    found = AccountFolder(place, account).day(day)
    if found is None:
        raise ArchiveBroken(
            f"the entries of {day} (account {account}) have left the store, and {place} does not have them; "
            f"they were exported to {left.archive}: bring that folder back, or say where it is now with "
            "--archive or `ledger.archive_dir`"
        )
    if found.sha256 != left.sha256:
        raise ArchiveBroken(
            f"{found.folder} is not what the entries left the store for: the manifest's SHA-256 is another; "
            "bring it back from a backup"
        )
    return found


def _sums(
    needed: Mapping[str, LeftDay],
    account: str,
    archive: Path | None,
    through: str,
    hours: tuple[int, int],
) -> Archived:
    first, end = hours
    counters: dict[bytes, int] = defaultdict(int)
    seen: set[int] = set()
    files: list[str] = []
    for day, left in needed.items():
        stored = left_day(day, left, account, archive)
        if in_order(left.last_id) > in_order(through):
            seen |= _add_part(counters, stored, through, hours)
        else:
            stored.check_sum(SUMS)
            files.append(str(stored.sums))
    for *names, amount, lowest, highest in _asked(files, first, end) if files else ():
        counters[GROUP_SEPARATOR.join(names).encode()] += amount
        seen |= {lowest, highest}
    return Archived(
        {counter: amount for counter, amount in counters.items() if amount},
        (min(seen), max(seen)) if seen else (),
    )


def _asked(files: list[str], first: int, end: int) -> list[tuple[Any, ...]]:
    from router.archive.sql import ask  # noqa: PLC0415 - only who has an archive waits for DuckDB

    try:
        return ask(_QUESTION, {"files": files, "first": first, "end": end})
    except OSError as error:
        raise ArchiveBroken(f"the archive cannot be read: {error}") from error


def _add_part(
    counters: dict[bytes, int], stored: StoredDay, through: str, hours: tuple[int, int]
) -> set[int]:
    """Adds the part of a day that has left, where a trim was cut off; the rest counts in the store."""
    from router.archive.check import kept_in  # noqa: PLC0415
    from router.archive.rows import Total  # noqa: PLC0415

    first, end = hours
    total = Total()
    for kept in kept_in(stored):
        if in_order(kept.id) > in_order(through):
            break
        total.add(kept, kept.entry())
    counted = [hour for hour in total.sums if first <= hour < end]
    for hour in counted:
        for counter, amount in total.sums[hour].items():
            counters[counter.encode()] += amount
    return set(counted)
