"""A report over months that left the store says what it said before, to the nano-dollar."""

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.archive.export import DAY_MS, Wanted, export
from router.archive.folder import SUMS, ArchiveBroken
from router.ledger.entry import Kind, encode
from router.ledger.ledger import Ledger, Terms
from router.ledger.verify import verify
from router.reports.report import Report, route_report
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.archive.examples import FIRST_MS, booked, day, entries_of_a_day
from tests.archive.test_export import TRIM, untold
from tests.ledger.examples import ACCOUNT, a_decision, a_hold, an_entry
from tests.ledger.test_reprice import LONG_AGO_MS, OLD, applied
from tests.store.servers import StoreServer

EVERY_BY = [
    ("route",),
    ("tier",),
    ("model", "team"),
    ("team", "feature", "provider", "route", "tier", "model"),
]
SINCE_EVER = (None, None)
HALF_A_DAY = (FIRST_MS + 5 * 3_600_000, FIRST_MS + 30 * 3_600_000)


async def reports(store: Store, archive: Path | None = None, account: str = ACCOUNT) -> list[dict[str, Any]]:
    """Of all time and of some hours, by everything."""
    return [
        (await report(store, by, from_ms=from_ms, to_ms=to_ms, archive=archive, account=account)).as_json()
        for by in EVERY_BY
        for from_ms, to_ms in (SINCE_EVER, HALF_A_DAY)
    ]


async def report(
    store: Store,
    by: tuple[str, ...] = ("route",),
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    archive: Path | None = None,
    account: str = ACCOUNT,
) -> Report:
    return await route_report(store, account, by=by, from_ms=from_ms, to_ms=to_ms, archive=archive)


async def three_days(store: Store) -> None:
    await booked(store, ACCOUNT, [entry for number in range(3) for entry in entries_of_a_day(number, 50)])


async def test_a_report_over_exported_months_is_the_same_to_the_nano_dollar(store: Store, tmp_path: Path):
    await three_days(store)
    before = await reports(store)
    assert before[0]["total"]["nano_usd"] > 2**53
    await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert await store.command("XLEN", AccountKeys(ACCOUNT).entries) == 0
    assert await reports(store) == before
    assert await reports(store, tmp_path) == before


async def test_a_part_that_left_is_read_from_the_archive_and_the_rest_from_the_store(
    store: Store, tmp_path: Path
):
    await three_days(store)
    before = await reports(store)
    await export(store, tmp_path, ACCOUNT, Wanted(trim_before_ms=FIRST_MS + DAY_MS), untold)
    assert await store.command("XLEN", AccountKeys(ACCOUNT).entries) == 100
    assert await reports(store) == before


@given(
    seed=st.integers(0, 10**6),
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=4),
    days=st.integers(0, 4),
)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_wherever_entries_are_the_report_is_the_same(
    store_server: StoreServer,
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    counts: list[int],
    days: int,
):
    async def check() -> None:
        account, archive = f"a{secrets.token_hex(8)}", tmp_path_factory.mktemp("archive")
        async with contextlib.aclosing(Store.at_url(store_server.url, timeout_s=20)) as store:
            entries = [
                entry
                for number, count in enumerate(counts)
                if count
                for entry in entries_of_a_day(number, count, seed)
            ]
            await booked(store, account, entries)
            before = await reports(store, archive, account)
            await export(store, archive, account, Wanted(trim_before_ms=FIRST_MS + days * DAY_MS), untold)
            assert await reports(store, archive, account) == before
            assert (await verify(store, account)).clean

    asyncio.run(check())


async def test_a_late_settle_of_an_assumed_attempt_and_a_repricing_count_where_they_belong(
    store: Store, tmp_path: Path
):
    """After the export, each adds what it changes: to the hour of its attempt, in the store."""
    ledger, hasty = Ledger(store, Terms()), Ledger(store, Terms(hold_expiry_s=0))
    await hasty.reserve(ACCOUNT, a_hold("dec_dead"), version="")
    assert await ledger.reap(ACCOUNT) == 1
    keys = AccountKeys(ACCOUNT)
    ((stream_id, fields),) = [item async for item in store.stream(keys.entries)]
    await store.command("XDEL", keys.entries, stream_id)
    await store.command("DEL", keys.entries)
    await store.command("XADD", keys.entries, f"{FIRST_MS}-0", "e", fields[b"e"])  # long ago
    await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert (await report(store)).total.cost_nano == 5_000
    await ledger.settle(ACCOUNT, an_entry("dec_dead", cost_nano=700), a_decision())
    found = await report(store)
    assert (found.total.cost_nano, found.total.attempts, found.total.requests) == (700, 1, 1)
    assert found.total.cost_by_source == {"provider": 700}
    after = await verify(store, ACCOUNT)
    assert (after.clean, after.entries, after.cost_nano) == (True, 1, -4_300)


async def test_an_adjustment_that_came_later_is_exported_with_the_day_it_was_written(
    store: Store, tmp_path: Path
):
    first = entries_of_a_day(0, 5)
    known = msgspec.structs.replace(first[0], cost_nano=900, kind=Kind.SETTLE)
    truth = msgspec.structs.replace(known, kind=Kind.ADJUST, replaces=known, cost_nano=1_234)
    await booked(store, ACCOUNT, [known, *first[1:]])
    keys = AccountKeys(ACCOUNT)
    await export(store, tmp_path, ACCOUNT, TRIM, untold)
    before = (await report(store)).total
    await store.command("XADD", keys.entries, f"{FIRST_MS + 4 * DAY_MS}-0", "e", encode(truth))
    from router.ledger.verify import repair

    await repair(store, ACCOUNT)  # counts what was written behind the ledger's back
    grown = (await report(store)).total
    assert grown.cost_nano - before.cost_nano == 334
    done = await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert [one.day for one in done.days] == [day(4)]
    assert done.days[0].nano_by_kind == {"adjust": 334}
    assert (await report(store)).total.as_json() == grown.as_json()
    assert (await report(store, to_ms=FIRST_MS + DAY_MS)).total.cost_nano == grown.cost_nano


async def test_a_report_of_newer_days_needs_no_archive_and_one_of_older_ones_says_what_is_missing(
    store: Store, tmp_path: Path
):
    await three_days(store)
    archive = tmp_path / "archive"
    await export(store, archive, ACCOUNT, Wanted(trim_before_ms=FIRST_MS + DAY_MS), untold)
    moved = archive.rename(tmp_path / "elsewhere")
    assert (await report(store, from_ms=FIRST_MS + DAY_MS)).total.attempts == 100
    with pytest.raises(ArchiveBroken, match=rf"{day(0)}.*they were exported to.*archive"):
        await report(store)
    assert (await report(store, archive=moved)).total.attempts == 150


@pytest.mark.parametrize("name", [SUMS, "manifest.json"])
async def test_a_report_refuses_a_file_that_was_changed(store: Store, tmp_path: Path, name: str):
    await three_days(store)
    await export(store, tmp_path, ACCOUNT, TRIM, untold)
    path = tmp_path / f"account={ACCOUNT}" / f"day={day(1)}" / name
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(ArchiveBroken):
        await report(store)


async def test_what_has_left_is_priced_again_and_the_adjustment_counts_in_its_hour(
    store: Store, tmp_path: Path
):
    fields = {
        "at_ms": LONG_AGO_MS,
        "cost_nano": 1_200_000,
        "baseline_nano": 2_400_000,
        "price_book": OLD.version,
    }
    await booked(store, ACCOUNT, [an_entry("dec_1", **fields), an_entry("dec_2", **fields)])
    await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert (await report(store)).total.cost_nano == 2_400_000
    assert (await applied(store)).appended == 2
    assert (await applied(store)).appended == 0
    found = await report(store, from_ms=LONG_AGO_MS, to_ms=LONG_AGO_MS + 3_600_000)
    assert (found.total.cost_nano, found.total.attempts, found.total.requests) == (3_000_000, 2, 2)
    after = await verify(store, ACCOUNT)
    assert (after.clean, after.entries, after.cost_nano) == (True, 2, 600_000)


async def test_reports_are_right_while_entries_leave_and_others_come(
    store: Store, store_server: StoreServer, tmp_path: Path
):
    async def exported() -> int:
        async with contextlib.aclosing(Store.at_url(store_server.url, timeout_s=20)) as own:
            return (await export(own, tmp_path, ACCOUNT, TRIM, untold)).entries_trimmed

    await booked(store, ACCOUNT, [entry for number in range(3) for entry in entries_of_a_day(number, 1_500)])
    old = {"to_ms": FIRST_MS + 5 * DAY_MS}
    before, looks = (await report(store, **old)).as_json(), 0
    leaving = asyncio.create_task(asyncio.to_thread(asyncio.run, exported()))
    while not leaving.done():
        now = an_entry(f"dec_now_{looks}", at_ms=await store.now_ms())
        await Ledger(store, Terms()).settle(ACCOUNT, now, a_decision())
        assert (await report(store, **old)).as_json() == before
        looks += 1
    assert await leaving == 4_500
    assert looks > 3
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries) == (True, looks)
