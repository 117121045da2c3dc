"""Whole days leave the store as files and are missing nowhere."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from router.archive.check import check_day, kept_in
from router.archive.export import DAY_MS, Wanted, export
from router.archive.folder import ENTRIES, SUMS, AccountFolder, ArchiveBroken
from router.archive.gone import read_gone
from router.archive.parquet import read_rows
from router.archive.sql import ask
from router.ledger.entry import Entry, increments
from router.ledger.verify import verify
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.archive.examples import FIRST_MS, append, booked, day, entries_of_a_day
from tests.ledger.examples import ACCOUNT, an_entry

KEYS = AccountKeys(ACCOUNT)
TRIM = Wanted(trim_before_ms=FIRST_MS + 100 * DAY_MS)
ALL = Wanted()


def untold(_step: str, _share: float) -> None:
    """Nobody looks at the progress."""


async def two_days(store: Store, count: int = 40) -> list[Entry]:
    entries = [*entries_of_a_day(0, count), *entries_of_a_day(2, count)]
    await booked(store, ACCOUNT, entries)
    return entries


async def in_store(store: Store) -> dict[str, dict[bytes, bytes]]:
    return {stream_id: fields async for stream_id, fields in store.stream(KEYS.entries)}


async def test_every_entry_of_each_day_is_exported_to_the_byte_and_stays_in_the_store(
    store: Store, tmp_path: Path
):
    await two_days(store)
    before = await in_store(store)
    done = await export(store, tmp_path, ACCOUNT, ALL, untold)
    assert [one.day for one in done.days] == [day(0), day(2)]
    assert await in_store(store) == before
    folder = AccountFolder(tmp_path, ACCOUNT)
    kept = [kept for name in folder.days() for kept in kept_in(folder.day(name) or pytest.fail(name))]
    assert {one.id: one.raw for one in kept} == {name: fields[b"e"] for name, fields in before.items()}


async def test_a_manifest_says_rows_sums_by_kind_ids_and_checksums(store: Store, tmp_path: Path):
    entries = (await two_days(store))[:40]
    await export(store, tmp_path, ACCOUNT, ALL, untold)
    folder = tmp_path / f"account={ACCOUNT}" / f"day={day(0)}"
    said = msgspec.json.decode((folder / "manifest.json").read_bytes())
    assert (said["account"], said["day"], said["entries"]) == (ACCOUNT, day(0), 40)
    by_kind: dict[str, int] = {}
    for entry in entries:
        by_kind[entry.kind] = by_kind.get(entry.kind, 0) + increments(entry).get("cost_nano", 0)
    assert said["nano_by_kind"] == by_kind
    assert (said["first_id"], said["last_id"]) == (f"{FIRST_MS}-0", f"{entries[-1].at_ms}-39")
    for name in (ENTRIES, SUMS):
        assert said["files"][name]["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()


async def test_the_columns_are_read_with_duckdb_and_their_money_is_exact(store: Store, tmp_path: Path):
    entries = await two_days(store)
    await export(store, tmp_path, ACCOUNT, ALL, untold)
    question = (
        "SELECT account, CAST(day AS VARCHAR), typeof(any_value(cost_nano)), sum(adds_nano), "
        "sum(input_tokens), count(*) FROM read_parquet($files, hive_partitioning = true) "
        "GROUP BY ALL ORDER BY 2"
    )
    rows = ask(question, {"files": f"{tmp_path}/*/*/{ENTRIES}"})
    for row, part in zip(rows, (entries[:40], entries[40:]), strict=True):
        cost = sum(entry.cost_nano or 0 for entry in part)
        assert cost > 2**53
        tokens = sum(entry.tokens.input for entry in part if entry.tokens)
        assert row[:1] + row[2:] == (ACCOUNT, "BIGINT", cost, tokens, 40)


async def test_what_was_exported_is_not_exported_again(store: Store, tmp_path: Path):
    await two_days(store)
    await export(store, tmp_path, ACCOUNT, ALL, untold)
    again = await export(store, tmp_path, ACCOUNT, ALL, untold)
    assert (again.days, again.known) == ([], 2)


async def test_today_is_not_exported_and_before_leaves_out_later_days(store: Store, tmp_path: Path):
    await two_days(store)
    await append(store, ACCOUNT, an_entry("dec_now", at_ms=await store.now_ms()))
    some = await export(store, tmp_path, ACCOUNT, Wanted(before_ms=FIRST_MS + DAY_MS), untold)
    assert [one.day for one in some.days] == [day(0)]
    rest = await export(store, tmp_path, ACCOUNT, ALL, untold)
    assert [one.day for one in rest.days] == [day(2)]


async def test_trimming_takes_entries_and_what_they_counted_and_verify_finds_equality(
    store: Store, tmp_path: Path
):
    await two_days(store)
    await append(store, ACCOUNT, an_entry("dec_now", at_ms=await store.now_ms()))
    done = await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert (done.trimmed, done.entries_trimmed) == ([day(0), day(2)], 80)
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.cost_nano) == (True, 1, 1_000)
    assert len(await store.command("ZRANGE", KEYS.hours, 0, -1)) == 1
    assert sorted((await read_gone(store, ACCOUNT)).days) == [day(0), day(2)]


async def test_entries_counted_under_other_are_taken_back_from_there(store: Store, tmp_path: Path):
    await booked(store, ACCOUNT, entries_of_a_day(0, 200), groups_an_hour=1)
    assert b"g" in {name for fields in (await in_store(store)).values() for name in fields}
    await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert await store.command("ZRANGE", KEYS.hours, 0, -1) == []
    assert (await verify(store, ACCOUNT)).clean


async def test_only_days_that_were_over_by_the_moment_given_leave_the_store(store: Store, tmp_path: Path):
    await two_days(store)
    done = await export(store, tmp_path, ACCOUNT, Wanted(trim_before_ms=FIRST_MS + 3 * DAY_MS - 1), untold)
    assert done.trimmed == [day(0)]
    assert len(await in_store(store)) == 40


@pytest.mark.parametrize("name", [ENTRIES, SUMS, "manifest.json"])
async def test_a_damaged_file_is_noticed_and_nothing_is_trimmed_for_it(
    store: Store, tmp_path: Path, name: str
):
    await two_days(store)
    await export(store, tmp_path, ACCOUNT, ALL, untold)
    path = tmp_path / f"account={ACCOUNT}" / f"day={day(0)}" / name
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ArchiveBroken):
        await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert len(await in_store(store)) == 80
    assert (await verify(store, ACCOUNT)).clean


async def test_an_entry_that_differs_from_its_export_keeps_the_day_in_the_store(store: Store, tmp_path: Path):
    await two_days(store)
    await export(store, tmp_path, ACCOUNT, ALL, untold)
    items = await in_store(store)
    last = list(items)[39]
    await store.command("XDEL", KEYS.entries, last)
    with pytest.raises(ArchiveBroken, match="nothing of the day was trimmed"):
        await export(store, tmp_path, ACCOUNT, TRIM, untold)
    assert len(await in_store(store)) == 79


async def test_an_archive_that_misses_a_part_that_left_is_refused(store: Store, tmp_path: Path):
    await booked(store, ACCOUNT, entries_of_a_day(0, 30))
    await export(store, tmp_path / "one", ACCOUNT, ALL, untold)
    stored = AccountFolder(tmp_path / "one", ACCOUNT).day(day(0))
    assert stored is not None
    check_day(stored)
    await export(store, tmp_path / "one", ACCOUNT, TRIM, untold)
    late = entries_of_a_day(0, 3, seed=9)
    await store.command("XADD", KEYS.entries, f"{FIRST_MS + DAY_MS - 1}-7", "e", msgspec.json.encode(late[0]))
    for place in ("one", "two"):
        with pytest.raises(ArchiveBroken):
            await export(store, tmp_path / place, ACCOUNT, TRIM, untold)


async def test_two_exports_of_one_account_do_not_run_at_once(store: Store, tmp_path: Path):
    with (
        AccountFolder(tmp_path, ACCOUNT).locked(),
        pytest.raises(ArchiveBroken, match="another export"),
    ):
        await export(store, tmp_path, ACCOUNT, ALL, untold)


async def test_sums_are_those_of_the_counters(store: Store, tmp_path: Path):
    await booked(store, ACCOUNT, entries_of_a_day(0, 60))
    stored = 0
    for hour in await store.command("ZRANGE", KEYS.hours, 0, -1):
        counters = await store.hash_of(KEYS.counters(int(hour)))
        stored += sum(int(nano) for name, nano in counters.items() if name.endswith(b"\x1fcost_nano"))
    await export(store, tmp_path, ACCOUNT, ALL, untold)
    path = tmp_path / f"account={ACCOUNT}" / f"day={day(0)}" / SUMS
    assert (
        sum(amount for metric, amount in read_rows(path, ("metric", "amount")) if metric == "cost_nano")
        == stored
    )
