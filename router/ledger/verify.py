"""Recomputes every counter from the entries, and finds equality or names each difference."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from router.budgets.verify import WindowCheck, mend_windows, verify_windows
from router.errors import StoreUnavailable
from router.ledger.entry import GROUP_SEPARATOR, Entry, Kind, decode, increments
from router.store.connection import Reply, Store
from router.store.keys import AccountKeys
from router.store.scripts import read_script

_REBUILD = read_script("router.ledger", "rebuild", may_fill=True, repeatable=True)
_TRIES = 50

Counters = dict[int, dict[str, int]]
Stored = dict[int, dict[str, int | None]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One counter that is not the sum of its entries.

    Attributes:
        counted: what stands there; 0 where that is no whole number.
    """

    hour: int
    group: tuple[str, ...]
    metric: str
    counted: int
    recomputed: int


@dataclass(slots=True)
class Verification:
    """What `pennyroute ledger verify` found.

    Attributes:
        entries: how many were read.
        open_holds: attempts in flight or waiting to be reaped.
        cost_nano: the sum over all entries whose cost is known.
        differences: counters that disagree; empty when all is well.
        duplicates: attempts that were charged, or adjusted, more than once.
        first_entry: id of the oldest entry read: those before it are in an archive.
        last_entry: id of the newest entry read.
        budgets: what is left of budgets, recomputed a moment later.
    """

    entries: int = 0
    open_holds: int = 0
    cost_nano: int = 0
    unknown_cost: int = 0
    first_entry: str = ""
    last_entry: str = ""
    differences: list[Difference] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    budgets: WindowCheck = field(default_factory=WindowCheck)

    @property
    def clean(self) -> bool:
        """Whether counters, budgets and entries agree and nothing was charged twice."""
        return not self.off and not self.duplicates

    @property
    def off(self) -> bool:
        """Whether there is something that `repair` mends."""
        return bool(self.differences or self.budgets.differences)


async def verify(store: Store, account: str) -> Verification:
    """Compares every counter with its entries at one moment of a running ledger.

    Raises:
        StoreUnavailable: no answer, or no still moment was found under load.
    """
    found, stored, recomputed = await _read(store, AccountKeys(account))
    for hour in sorted(stored.keys() | recomputed.keys()):
        ours, theirs = recomputed.get(hour, {}), stored.get(hour, {})
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name, 0) != theirs.get(name, 0):
                *group, metric = name.split(GROUP_SEPARATOR)
                found.differences.append(
                    Difference(hour, tuple(group), metric, theirs.get(name) or 0, ours.get(name, 0))
                )
    found.budgets = await verify_windows(store, account)
    return found


async def repair(store: Store, account: str) -> int:
    """Rebuilds the counters that disagree, and mends budgets; answers how many hours were rebuilt."""
    keys = AccountKeys(account)
    await mend_windows(store, account)
    for _ in range(_TRIES):
        found, stored, recomputed = await _read(store, keys)
        wrong = [
            hour
            for hour in stored.keys() | recomputed.keys()
            if _solid(stored.get(hour, {})) != _solid(recomputed.get(hour, {}))
        ]
        replies = [await _rebuild(store, keys, hour, recomputed.get(hour, {}), found) for hour in wrong]
        if all(reply == b"rebuilt" for reply in replies):
            return len(wrong)
    raise StoreUnavailable("the ledger did not hold still long enough to be repaired; stop the service first")


async def _rebuild(
    store: Store, keys: AccountKeys, hour: int, counters: dict[str, int], found: Verification
) -> bytes:
    pairs = [word for name, amount in counters.items() if amount for word in (name, amount)]
    reply: bytes = await store.run(
        _REBUILD,
        (keys.entries, keys.counters(hour), keys.hours),
        (found.last_entry, found.first_entry, hour, *pairs),
    )
    return reply


async def _read(store: Store, keys: AccountKeys) -> tuple[Verification, Stored, Counters]:
    for _ in range(_TRIES):
        found, stored = await _snapshot(store, keys)
        recomputed = await _recompute(store, keys, found)
        oldest = await store.command("XRANGE", keys.entries, "-", "+", "COUNT", 1)
        if not found.first_entry or _id(oldest) == found.first_entry:  # none left for an archive meanwhile
            return found, stored, recomputed
    raise StoreUnavailable("entries were leaving the store all the while; verify when the export is done")


async def _recompute(store: Store, keys: AccountKeys, found: Verification) -> Counters:
    recomputed = defaultdict[int, dict[str, int]](dict)
    charged: set[tuple[str, bool, int]] = set()
    if found.last_entry:
        async for _, fields in store.stream(keys.entries, last=found.last_entry):
            entry = decode(fields[b"e"])
            group = (
                fields[b"g"].decode() if b"g" in fields else entry.group
            )  # counted with others, or by itself
            _count(entry, group, found, recomputed[entry.hour])
            charge = entry.attempt_id, entry.kind is Kind.ADJUST, entry.revision
            if charge in charged:
                found.duplicates.append(entry.attempt_id)
            charged.add(charge)
    return dict(recomputed)


def _count(entry: Entry, group: str, found: Verification, counters: dict[str, int]) -> None:
    found.entries += 1
    added = increments(entry)
    found.cost_nano += added.get("cost_nano", 0)
    found.unknown_cost += added.get("unknown_cost", 0)
    for metric, amount in added.items():
        name = f"{group}{GROUP_SEPARATOR}{metric}"
        counters[name] = counters.get(name, 0) + amount


async def _snapshot(store: Store, keys: AccountKeys) -> tuple[Verification, Stored]:
    """The oldest and newest entry, the number of holds and all counters, at one and the same moment."""
    for _ in range(_TRIES):
        hours = await store.command("ZRANGE", keys.hours, 0, -1)
        oldest, newest, hours_now, open_holds, *hashes = await store.at_once(
            ("XRANGE", keys.entries, "-", "+", "COUNT", 1),
            ("XREVRANGE", keys.entries, "+", "-", "COUNT", 1),
            ("ZRANGE", keys.hours, 0, -1),
            ("ZCARD", keys.holds),
            *(("HGETALL", keys.counters(int(hour))) for hour in hours),
        )
        if hours_now == hours:
            counters: Stored = {
                int(hour): {name.decode(): _whole(amount) for name, amount in found.items()}
                for hour, found in zip(hours, hashes, strict=True)
            }
            found = Verification(first_entry=_id(oldest), last_entry=_id(newest), open_holds=open_holds)
            return found, counters
    raise StoreUnavailable("the ledger's hours kept changing while they were read")


def _id(items: Reply) -> str:
    first: str = items[0][0].decode() if items else ""
    return first


def _whole(raw: bytes) -> int | None:
    try:
        return int(raw)
    except ValueError:
        return None


def _solid(counters: Mapping[str, int | None]) -> dict[str, int | None]:
    return {name: amount for name, amount in counters.items() if amount != 0}
