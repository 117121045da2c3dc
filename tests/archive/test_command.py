"""The command exports, is killed at any point, and what it left is neither lost nor there twice."""

import asyncio
import contextlib
import random
import signal
from pathlib import Path

import pytest

from router.archive.check import check_day, kept_in
from router.archive.folder import ENTRIES, AccountFolder
from router.ledger.entry import encode
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.archive.examples import booked, day, entries_of_a_day
from tests.archive.test_reports import reports
from tests.cli.running import CONFIG, Pennyroute
from tests.ledger.examples import ACCOUNT, an_entry
from tests.store.servers import StoreServer

KEYS = AccountKeys(ACCOUNT)
KILLS = 6  # two of them while entries leave the store


@pytest.fixture
def command(tmp_path: Path, store_server: StoreServer) -> Pennyroute:
    """The command with the test's store and a configuration that names an archive."""
    (tmp_path / "pennyroute.yaml").write_text(CONFIG + "ledger: {archive_dir: archive}\n", "utf-8")
    return Pennyroute(tmp_path, {"REDIS_URL": store_server.url})


async def days(store: Store, count: int, each: int) -> None:
    await booked(
        store, ACCOUNT, [entry for number in range(count) for entry in entries_of_a_day(number, each)]
    )


async def in_store(store: Store) -> dict[str, bytes]:
    return {stream_id: fields[b"e"] async for stream_id, fields in store.stream(KEYS.entries)}


def in_archive(folder: AccountFolder) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in folder.days():
        stored = folder.day(name)
        assert stored is not None
        check_day(stored)
        for kept in kept_in(stored):
            assert kept.id not in found
            found[kept.id] = kept.raw
    return found


async def test_what_was_exported_and_trimmed_is_reported_and_verified_as_before(
    command: Pennyroute, store: Store
):
    await days(store, 2, 30)
    before = command.ok("report", "--format", "json", "--to", "2026-06-01").json
    said = command.ok("ledger", "export").out
    assert f"exported 2 days ({day(0)} to {day(1)}), 60 entries" in said
    (done,) = command.ok("ledger", "export", "--trim", "--format", "json").json
    assert (done["exported"], done["exported_before"], done["trimmed"]) == ([], 2, [day(0), day(1)])
    assert command.ok("report", "--format", "json", "--to", "2026-06-01").json == before
    (found,) = command.ok("ledger", "verify", "--format", "json").json
    assert (found["clean"], found["entries"], found["archived"]["entries"]) == (True, 0, 60)
    assert found["archived"]["nano_usd"] == before["total"]["nano_usd"]
    assert "60 entries of 2 days" in command.ok("ledger", "verify").out


async def test_an_attempt_charged_on_both_sides_is_named(command: Pennyroute, store: Store):
    await days(store, 1, 10)
    command.ok("ledger", "export", "--trim")
    again = entries_of_a_day(0, 10)[3]
    await store.command("XADD", KEYS.entries, "*", "e", encode(again))
    ran = command("ledger", "verify", "--repair")
    assert ran.code == 1
    assert f"charged twice: {again.attempt_id}" in ran.out


async def test_a_damaged_archive_is_told_by_report_and_verify(command: Pennyroute, store: Store):
    await days(store, 1, 10)
    command.ok("ledger", "export", "--trim")
    path = command.folder / "archive" / f"account={ACCOUNT}" / f"day={day(0)}" / ENTRIES
    damaged = bytearray(path.read_bytes())
    damaged[100] ^= 8
    path.write_bytes(damaged)
    assert "SHA-256" in command.refused("ledger", "verify")
    (command.folder / "archive").rename(command.folder / "away")
    assert "bring that folder back" in command.refused("report")
    assert command("ledger", "verify", "--archive", "away").code == 1


async def test_recent_entries_stay_and_what_makes_no_sense_is_refused_in_words(
    command: Pennyroute, store: Store
):
    now_ms = await store.now_ms()
    await booked(store, ACCOUNT, [an_entry("dec_last_week", at_ms=now_ms - 7 * 86_400_000)])
    (done,) = command.ok("ledger", "export", "--trim", "--format", "json").json
    assert (len(done["exported"]), done["trimmed"]) == (1, [])
    assert "not over" in command.refused("ledger", "export", "--before", "2996-01-01")
    assert "not a moment" in command.refused("ledger", "export", "--before", "yesterday")
    assert "no account" in command.refused("ledger", "export", "--account", "nobody")
    assert "no directory" in command.refused("ledger", "export", "--to", "pennyroute.yaml")
    (command.folder / "pennyroute.yaml").write_text(CONFIG, "utf-8")
    assert "where to?" in command.refused("ledger", "export")


async def test_killed_at_any_point_an_export_goes_on_and_no_entry_is_lost_or_there_twice(
    command: Pennyroute, store: Store
):
    await days(store, 4, 1_500)
    whole, before = await in_store(store), await reports(store)
    folder = AccountFolder(command.folder / "archive", ACCOUNT)
    draw = random.Random(5)
    for moment in [draw.uniform(number, number + 1) for number in range(KILLS)]:
        with command.started("ledger", "export", "--trim") as process:
            while process.poll() is None and await progress(folder, store, len(whole)) < moment:  # noqa: ASYNC110 - it is another process's
                await asyncio.sleep(0.002)
            await asyncio.sleep(draw.random() * 0.1)
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        left, archived = await in_store(store), in_archive(folder)
        assert archived | left == whole
        assert await reports(store, command.folder / "archive") == before
    command.ok("ledger", "export", "--trim")
    assert in_archive(folder) == whole
    assert await in_store(store) == {}
    assert await reports(store) == before
    assert not list(folder.path.glob(".day=*"))
    (found,) = command.ok("ledger", "verify", "--format", "json").json
    assert (found["clean"], found["archived"]["entries"]) == (True, len(whole))


async def progress(folder: AccountFolder, store: Store, whole: int) -> float:
    """0 to 4 while days are exported, with what is under way; 4 to 6 while they leave the store."""
    under_way = bool(list(folder.path.glob(".day=*")))
    left = await store.command("XLEN", KEYS.entries)
    return len(folder.days()) + under_way / 2 + 2 * (1 - left / whole)
