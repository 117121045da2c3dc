"""The cost report: the ledger's hourly counters, summed by what a person wants to compare."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from policies import Tier
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


async def route_report(
    store: Store, account: str, *, by: Sequence[str], from_ms: int | None, to_ms: int | None
) -> Report:
    """Sums the counters of every whole hour that the period touches.

    Each hour is read at one moment, so an entry is in the report with everything it added, or not at all.

    Args:
        store: where the ledger is.
        account: the tenant.
        by: any of route, tier, model, team, feature, provider, in the order wanted.
        from_ms: Unix milliseconds; `None` is since the first entry.
        to_ms: exclusive; `None` is up to the newest entry.

    Raises:
        InvalidRequest: `by` is empty, or has a name that is unknown or there twice.
        StoreUnavailable: no answer.
    """
    by = check_by(by)
    keys, period = AccountKeys(account), Period(from_ms, to_ms)
    hours = await hours_counted(store, keys, first_hour=period.first_hour, end_hour=period.end_hour)
    now_hour = await store.now_ms() // HOUR_MS
    places = [GROUP_NAMES.index(name) for name in by]
    added: _Sums = {}
    routes: set[str] = set()
    async for _, counters in counters_of(store, keys, hours):
        routes |= _add(added, counters, places)
    sums = {
        names: {metric.decode(): amount for metric, amount in found.items()} for names, found in added.items()
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


def _add(sums: _Sums, counters: Mapping[bytes, bytes], places: Sequence[int]) -> set[str]:
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
