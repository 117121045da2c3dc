"""The ledger beside a provider's invoice, by day and model: where they differ, and by how much."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from router.archive.entries import entries_of
from router.ledger.entry import Entry
from router.ledger.invoice import Line
from router.moments import HOUR_MS, utc
from router.pricing.money import NANO_PER_USD
from router.pricing.usage import UsageSource
from router.store.connection import Store

_EXACT: Final = Context(prec=100)


@dataclass(slots=True)
class Side:
    """What one side has of a day and model.

    Attributes:
        nano: nano-dollars.
        tokens: input and output; `None` where none are stated.
        unknown: attempts whose cost is not known, and so is in no sum.
    """

    nano: int = 0
    tokens: int | None = None
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """A day and model on both sides."""

    day: date
    model: str
    invoice: Side
    ledger: Side

    @property
    def difference_nano(self) -> int:
        """Invoice less ledger: more than 0 where the provider asks for more than was counted."""
        return self.invoice.nano - self.ledger.nano


Sides = dict[tuple[date, str], Side]
Naming = Callable[[str], str]
"""From any name of a model to the one by which both sides know it."""


def invoiced(lines: Iterable[Line], named: Naming) -> Sides:
    """An invoice by day and model, each sum rounded once, half up, to nano-dollars."""
    dollars: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    found: Sides = defaultdict(Side)
    for line in lines:
        key = line.day, named(line.model)
        dollars[key] = _EXACT.add(dollars[key], line.usd)
        if line.tokens is not None:
            found[key].tokens = (found[key].tokens or 0) + line.tokens
    for key, amount in dollars.items():
        nano = _EXACT.multiply(amount, Decimal(NANO_PER_USD))
        found[key].nano = int(nano.to_integral_value(ROUND_HALF_UP))
    return dict(found)


def charged(entries: Iterable[Entry], zone: ZoneInfo, named: Callable[[Entry], str]) -> Sides:
    """Entries by the day they count at and their model; an adjustment takes back what it replaces."""
    found: Sides = defaultdict(Side)
    for entry in entries:
        for one, sign in ((entry, 1), (entry.replaces, -1)):
            if one is None:
                continue
            side = found[utc(one.at_ms).astimezone(zone).date(), named(one)]
            side.nano += sign * (one.cost_nano or 0)
            side.unknown += sign * (one.cost_nano is None)
            if one.tokens is not None and one.usage_source != UsageSource.ASSUMED:
                side.tokens = (side.tokens or 0) + sign * (one.tokens.input + one.tokens.output)
    return {key: side for key, side in found.items() if side.nano or side.unknown or side.tokens}


def compared(invoice: Sides, ledger: Sides) -> list[Compared]:
    """Both sides, by day and model; one that is missing on a side is 0 there."""
    return [
        Compared(day, model, invoice.get((day, model), Side()), ledger.get((day, model), Side()))
        for day, model in sorted(invoice.keys() | ledger.keys())
    ]


def days_ms(days: Iterable[date], zone: ZoneInfo) -> tuple[int, int]:
    """The first moment of the first day, and the first one after the last, Unix milliseconds."""
    known = sorted(days)
    bounds = (known[0], known[-1] + timedelta(days=1))
    first, end = (datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) for day in bounds)
    return int(first.timestamp()) * 1000, int(end.timestamp()) * 1000


async def bought_of(
    store: Store, account: str, provider: str, period: tuple[int, int], archive: Path | None
) -> AsyncIterator[Entry]:
    """Every entry of a provider that counts in a period, those that left the store included.

    Args:
        store: where the ledger is.
        account: the tenant.
        provider: its preset's name.
        period: Unix milliseconds; the second is exclusive.
        archive: where files are of what left; `None` takes the directory they were exported to.

    Raises:
        ArchiveBroken: a day that is needed is missing, or not what left the store.
        StoreUnavailable: no answer, or entries left the store meanwhile.
    """
    hours = period[0] // HOUR_MS, -(-period[1] // HOUR_MS)
    async for entry, _ in entries_of(store, account, archive, *hours):
        if entry.provider == provider and period[0] <= entry.at_ms < period[1]:
            yield entry
