"""Callers choose labels, so labels choose how much is counted: up to a bound, and exact beyond it too."""

import asyncio

import pytest

from router.ledger.entry import GROUP_SEPARATOR, OTHER, Entry, Labels, decode
from router.ledger.ledger import Ledger, Recorded, Terms
from router.ledger.verify import repair, verify
from router.reports.report import route_report
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import ACCOUNT, HOUR_MS, a_decision, a_hold, a_void, an_entry, reserve

KEYS = AccountKeys(ACCOUNT)
ALL_OTHERS = ("support", "small", "tiny", OTHER, OTHER, "offline")


def counting(store: Store, groups: int, hold_expiry_s: float = 120.0) -> Ledger:
    return Ledger(store, Terms(hold_expiry_s=hold_expiry_s, groups_an_hour=groups))


def of(team: str, feature: str = "f") -> Labels:
    return Labels(team=team, feature=feature)


async def counted(store: Store, hour: int = 0) -> dict[tuple[str, ...], int]:
    """Group → attempts."""
    found: dict[tuple[str, ...], int] = {}
    for field, amount in (await store.hash_of(KEYS.counters(hour))).items():
        *group, metric = field.decode().split(GROUP_SEPARATOR)
        if metric == "attempts":
            found[tuple(group)] = int(amount)
    return found


async def entries(store: Store) -> list[Entry]:
    return [decode(fields[b"e"]) async for _, fields in store.stream(KEYS.entries)]


async def test_beyond_the_bound_entries_are_counted_together_and_keep_their_labels(store: Store):
    ledger = counting(store, 3)
    for number in range(10):
        entry = an_entry(f"dec_{number}", labels=of(f"team{number}"))
        await ledger.settle(ACCOUNT, entry, a_decision())
    for number in (1, 9):  # known ones are still counted by themselves, others still are not
        await ledger.settle(ACCOUNT, an_entry(f"dec_{number}", 2, labels=of(f"team{number}")), a_decision())
    by_team = {group[3]: attempts for group, attempts in (await counted(store)).items()}
    assert by_team == {"team0": 1, "team1": 2, "team2": 1, OTHER: 8}
    assert (await counted(store))[ALL_OTHERS] == 8
    assert [entry.labels.team for entry in await entries(store)][:10] == [f"team{n}" for n in range(10)]
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, 12_000)
    report = await route_report(store, ACCOUNT, by=("team",), from_ms=None, to_ms=None)
    assert report.groups[0].names == (OTHER,)
    assert report.total.cost_nano == 12_000


async def test_every_hour_has_its_own_bound(store: Store):
    ledger = counting(store, 1)
    for hour in range(3):
        for team in ("a", "b"):
            entry = an_entry(f"dec_{team}{hour}", at_ms=hour * HOUR_MS, labels=of(f"{team}{hour}"))
            await ledger.settle(ACCOUNT, entry, a_decision())
    for hour in range(3):
        assert {group[3] for group in await counted(store, hour)} == {f"a{hour}", OTHER}


async def test_what_no_caller_chose_is_never_counted_with_others(store: Store):
    ledger = counting(store, 0)
    for number, labels in enumerate([Labels(), of("", "f"), of("t", ""), of("t")]):
        await ledger.settle(ACCOUNT, an_entry(f"dec_{number}", labels=labels), a_decision())
    assert {group[3:5] for group in await counted(store)} == {
        ("", ""),
        ("", OTHER),
        (OTHER, ""),
        (OTHER, OTHER),
    }
    assert (await verify(store, ACCOUNT)).clean


@pytest.mark.parametrize("make", [an_entry, a_void])
async def test_an_adjustment_is_counted_where_what_it_replaces_was(store: Store, make: type[Entry]):
    ledger = counting(store, 1, hold_expiry_s=0)
    await reserve(ledger, a_hold("dec_0", labels=of("first")))
    at_ms = await reserve(ledger, a_hold("dec_1", labels=of("second")))
    assert await ledger.reap(ACCOUNT) == 2
    hour = at_ms // HOUR_MS
    assert {group[3] for group in await counted(store, hour)} == {"first", OTHER}
    roomier = counting(store, 100)
    truth = make("dec_1", at_ms=at_ms, labels=of("second"))
    assert await roomier.settle(ACCOUNT, truth, a_decision()) is Recorded.ADJUSTED
    assert {group[3] for group in await counted(store, hour)} == {"first", OTHER}
    assert (await verify(store, ACCOUNT)).clean
    report = await route_report(store, ACCOUNT, by=("team",), from_ms=None, to_ms=None)
    assert {group.names[0]: group.figures.cost_nano for group in report.groups} == {
        "first": 5_000,
        OTHER: truth.cost_nano,
    }


async def test_a_repair_finds_the_group_each_entry_was_counted_in(store: Store):
    ledger = counting(store, 2)
    for number in range(6):
        await ledger.settle(ACCOUNT, an_entry(f"dec_{number}", labels=of(f"team{number}")), a_decision())
    before = await store.hash_of(KEYS.counters(0))
    await store.command("DEL", KEYS.counters(0))
    assert await repair(store, ACCOUNT) == 1
    assert await store.hash_of(KEYS.counters(0)) == before


async def test_a_crowd_of_labels_at_once_stays_within_the_bound(store: Store):
    ledger = counting(store, 5)
    await asyncio.gather(
        *(
            ledger.settle(ACCOUNT, an_entry(f"dec_{n}", labels=of(f"team{n}")), a_decision())
            for n in range(200)
        )
    )
    assert len(await counted(store)) == 6
    assert await store.command("GET", KEYS.groups(0)) == b"5"
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.cost_nano) == (True, 200, 200_000)
