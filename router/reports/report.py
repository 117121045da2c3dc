"""The cost report: the ledger's hourly counters, summed by what a person wants to compare."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from policies import Tier
from router.archive.gone import gone_of, read_gone
from router.archive.sums import archived_sums
from router.errors import StoreUnavailable
from router.ledger.counters import counters_of, hours_counted
from router.ledger.entry import GROUP_NAMES, GROUP_SEPARATOR
from router.moments import HOUR_MS
from router.reports.certificates import CertificateTerm, certificate_terms
from router.reports.figures import TO_LARGE, Figures
from router.reports.grouping import check_by
from router.reports.period import Period, iso
from router.store.connection import Store
from router.store.keys import AccountKeys

BASELINE_IS = "the route's large model at the same tokens, an assumption: nobody asked it"
_SEPARATOR = GROUP_SEPARATOR.encode()
_TO_LARGE = TO_LARGE.encode()
_Sums = dict[tuple[str, ...], dict[bytes, int]]
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Group:
    """One row: what its attempts have in common, in the order the report groups by, and their figures."""

    names: tuple[str, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """What a period cost, by group.

    Attributes:
        by: some of route, tier, model, team, feature, provider.
        first_hour: the first Unix hour covered.
        end_hour: the Unix hour after the last one covered.
        groups: dearest first.
        certificates: those that stood with its routes' thresholds in that time, by route, oldest first.
    """

    account: str
    by: tuple[str, ...]
    first_hour: int
    end_hour: int
    groups: tuple[Group, ...]
    total: Figures
    certificates: tuple[CertificateTerm, ...] = ()

    @property
    def covers(self) -> tuple[str, str]:
        """The period covered, in whole hours, as ISO datetimes; the second is exclusive."""
        return iso(self.first_hour), iso(self.end_hour)

    def as_json(self) -> dict[str, Any]:
        """The wire form: each group has its names beside its figures, `total` the same figures."""
        begins, ends = self.covers
        return {
            "from": begins,
            "to": ends,
            "by": list(self.by),
            "baseline": BASELINE_IS,
            "certificates": [term.as_json() for term in self.certificates],
            "groups": [
                {**dict(zip(self.by, group.names, strict=True)), **group.figures.as_json()}
                for group in self.groups
            ],
            "total": self.total.as_json(),
        }


@dataclass(slots=True)
class _Read:
    """What was read of store and archive: sums, the hours that have some, and the routes in them."""

    sums: _Sums
    hours: list[int]
    routes: set[str]


async def route_report(
    store: Store,
    account: str,
    *,
    by: Sequence[str],
    from_ms: int | None,
    to_ms: int | None,
    archive: Path | None = None,
) -> Report:
    """Sums the counters of every whole hour that the period touches, in the store and in the archive.

    Each hour is read at one moment, so an entry is in the report with everything it added, or not at all.

    Args:
        store: where the ledger is.
        account: the tenant.
        by: any of route, tier, model, team, feature, provider, in the order wanted.
        from_ms: Unix milliseconds; `None` is since the first entry.
        to_ms: exclusive; `None` is up to the newest entry.
        archive: where the entries are that left the store; `None` takes the directory they were exported to.

    Raises:
        InvalidRequest: `by` is empty, or has a name that is unknown or there twice.
        StoreUnavailable: no answer.
        ArchiveBroken: entries of the period have left the store, and their files are missing or damaged.
    """
    by = check_by(by)
    period = Period(from_ms, to_ms)
    now_hour = await store.now_ms() // HOUR_MS
    read = await _read_both(store, account, period, [GROUP_NAMES.index(name) for name in by], archive)
    hours, routes = read.hours, read.routes
    sums = {
        names: {metric.decode(): amount for metric, amount in found.items()}
        for names, found in read.sums.items()
    }
    all_counters = _together(sums)
    requests = all_counters.get("requests", 0)
    groups = [Group(names, Figures.of(found, requests)) for names, found in sums.items()]
    groups.sort(key=lambda group: (-group.figures.cost_nano, -group.figures.requests, group.names))
    first_hour = period.first_hour if period.first_hour is not None else min([now_hour, *hours[:1]])
    end_hour = period.end_hour if period.end_hour is not None else max([now_hour, *hours[-1:]]) + 1
    return Report(
        account=account,
        by=by,
        first_hour=first_hour,
        end_hour=end_hour,
        groups=tuple(groups),
        total=Figures.of(all_counters, requests),
        certificates=await certificate_terms(store, sorted(routes), first_hour, end_hour),
    )


async def _read_both(
    store: Store, account: str, period: Period, places: Sequence[int], archive: Path | None
) -> _Read:
    """The store's counters and the archive's, so that each entry is in one of them.

    Of a day that is leaving just now, all hours and how far it has left are read at one moment; what leaves
    after that does not matter. When another day began to leave, everything is read once more.
    """
    keys = AccountKeys(account)
    for _ in range(_TRIES):
        gone = await read_gone(store, account)
        leaving = gone.leaving
        hours = await hours_counted(store, keys, first_hour=period.first_hour, end_hour=period.end_hour)
        read, still = _Read({}, hours, set()), hours
        if leaving is not None:
            moving = [hour for hour in hours if leaving.first_hour <= hour <= leaving.last_hour]
            still = [hour for hour in hours if not leaving.first_hour <= hour <= leaving.last_hour]
            fields, *found = await store.at_once(
                ("HGETALL", keys.archived), *(("HGETALL", keys.counters(hour)) for hour in moving)
            )
            if gone_of(fields).days.keys() != gone.days.keys():
                continue
            gone = gone_of(fields)
            for counters in found:
                read.routes |= _add(read.sums, counters, places)
        async for _, counters in counters_of(store, keys, still):
            read.routes |= _add(read.sums, counters, places)
        left = await archived_sums(gone, account, archive, period.first_hour, period.end_hour)
        read.routes |= _add(read.sums, left.counters, places)
        now = await read_gone(store, account)
        if now.days.keys() == gone.days.keys() and (leaving is not None or now.through == gone.through):
            read.hours = sorted({*hours, *left.hours})
            return read
    raise StoreUnavailable("entries were leaving the store all the while; ask again when the export is done")


def _add(sums: _Sums, counters: Mapping[bytes, bytes | int], places: Sequence[int]) -> set[str]:
    """Adds one hour and answers its routes.

    A field is the six names and a metric, between separators; a million take seconds.
    """
    routes: set[str] = set()
    found: dict[bytes, tuple[dict[bytes, int], bool]] = {}
    for field, raw in counters.items():
        if raw == b"0":
            continue
        prefix, _, metric = field.rpartition(_SEPARATOR)
        if prefix not in found:
            names = prefix.decode().split(GROUP_SEPARATOR)
            routes.add(names[GROUP_NAMES.index("route")])
            group = sums.setdefault(tuple(names[at] for at in places), defaultdict(int))
            found[prefix] = group, names[GROUP_NAMES.index("tier")] == Tier.LARGE
        group, large = found[prefix]
        amount = int(raw)
        group[metric] += amount
        if large and metric == b"requests":
            group[_TO_LARGE] += amount
    return routes


def _together(sums: Mapping[tuple[str, ...], Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for counters in sums.values():
        for metric, amount in counters.items():
            total[metric] += amount
    return total
