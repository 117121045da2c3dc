"""Reading an archived day back: is it what was written, and do its sums add up?"""

from collections.abc import Iterator

from router.archive.folder import ArchiveBroken, StoredDay, day_of, in_order
from router.archive.parquet import Unreadable, read_rows
from router.archive.rows import SUM_COLUMNS, Kept, Total, sums_of, without_zeros


def kept_in(day: StoredDay) -> Iterator[Kept]:
    """The entries of an archived day, in order.

    Raises:
        ArchiveBroken: the file is damaged.
    """
    try:
        for stream_id, raw, counted_as in read_rows(day.entries, ("id", "entry", "counted_as")):
            yield Kept(stream_id, raw.encode(), counted_as)
    except (Unreadable, OSError) as error:
        raise ArchiveBroken(f"{day.entries} cannot be read: {error}") from error


def check_day(day: StoredDay, through: str = "") -> Total:
    """Reads a whole day back: its checksums, its order, and that its sums are those of its entries.

    Args:
        day: an exported one.
        through: a stream id; only entries up to it are in the answer. '' for all.

    Raises:
        ArchiveBroken: saying what does not fit.
    """
    for name in day.manifest.files:
        day.check_sum(name)
    total, part, before = Total(), Total(), (-1, -1)
    for kept in kept_in(day):
        if in_order(kept.id) <= before or day_of(kept.id) != day.manifest.day:
            raise ArchiveBroken(f"{day.entries}: {kept.id} is out of order")
        before = in_order(kept.id)
        entry = kept.entry()
        total.add(kept, entry)
        if through and before <= in_order(through):
            part.add(kept, entry)
    ours = (total.entries, total.first_id, total.last_id, total.nano_by_kind, total.unknown_cost)
    man = day.manifest
    if ours != (man.entries, man.first_id, man.last_id, man.nano_by_kind, man.unknown_cost):
        raise ArchiveBroken(f"{day.folder}: the entries do not come to what the manifest says")
    try:
        stored = sums_of(read_rows(day.sums, tuple(SUM_COLUMNS)))
    except (Unreadable, OSError) as error:
        raise ArchiveBroken(f"{day.sums} cannot be read: {error}") from error
    if without_zeros(stored) != without_zeros(total.sums):
        raise ArchiveBroken(f"{day.sums}: the sums are not those of the entries")
    return part if through else total
