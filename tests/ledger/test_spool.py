"""The spool: what the disk acknowledged is written once, whatever tears, crashes, repeats or comes too late."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.clock import real_world
from router.errors import StoreUnavailable
from router.ledger.entry import Entry
from router.ledger.ledger import Ledger, Terms
from router.ledger.verify import verify
from router.spool import Replayed, Spool
from router.store.connection import Store
from tests.ledger.examples import ACCOUNT, a_decision, a_hold, an_entry, fleeting, lasting, reserve
from tests.store.servers import MakeServer

WRITER = """
import sys
from pathlib import Path
from router.clock import real_world
from router.spool import Spool
from tests.ledger.examples import ACCOUNT, a_decision, an_entry
spool = Spool(Path(sys.argv[1]), real_world())
for number in range(int(sys.argv[2])):
    spool.append(ACCOUNT, an_entry(f"{sys.argv[3]}_{number}", at_ms=int(sys.argv[4])), a_decision())
print("written", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    found = Spool(folder, real_world())
    yield found
    found.close()


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.exists() else []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def written(store: Store, count: int) -> None:
    """Waits until the ledger has so many entries."""
    while int(await store.command("XLEN", "pr:{main}:entries")) < count:  # noqa: ASYNC110 - another task writes
        await asyncio.sleep(0)


async def recent(store: Store, name: str = "dec_1", **changes: int) -> Entry:
    return an_entry(name, at_ms=await store.now_ms(), **changes)


async def put(spool: Spool, store: Store, *names: str) -> None:
    for name in names:
        spool.append(ACCOUNT, await recent(store, name), a_decision(name))


async def test_nothing_waits_before_anything_was_put_by(store: Store, spool: Spool, folder: Path):
    assert not spool.waiting
    assert await spool.replay(lasting(store)) == Replayed()
    assert files(folder) == []


async def test_what_waits_is_written_once_and_then_waits_no_more(store: Store, spool: Spool, folder: Path):
    await put(spool, store, "dec_1", "dec_2")
    [file] = files(folder)
    assert mode(file) == 0o600
    assert mode(folder) == 0o700
    assert await spool.replay(lasting(store)) == Replayed(written=2)
    assert not spool.waiting
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries, found.cost_nano) == (True, 2, 2_000)


async def test_a_line_that_is_there_twice_or_was_settled_already_is_written_once(store: Store, spool: Spool):
    await lasting(store).settle(ACCOUNT, await recent(store, "dec_1"), a_decision())
    await put(spool, store, "dec_1", "dec_2", "dec_2")
    assert await spool.replay(lasting(store)) == Replayed(written=1, known=2)
    assert (await verify(store, ACCOUNT)).entries == 2


async def test_a_file_replayed_again_after_a_crash_in_the_middle_changes_nothing(
    store: Store, spool: Spool, folder: Path
):
    await put(spool, store, "dec_1", "dec_2")
    [file] = files(folder)
    before = file.read_bytes()
    await spool.replay(lasting(store))
    file.write_bytes(before)  # as if it had not been deleted yet
    assert await spool.replay(lasting(store)) == Replayed(known=2)
    assert (await verify(store, ACCOUNT)).entries == 2


async def test_a_line_torn_by_a_crash_was_never_acknowledged_and_is_reported(
    store: Store, spool: Spool, folder: Path, caplog: pytest.LogCaptureFixture
):
    await put(spool, store, "dec_1", "dec_2")
    spool.close()
    [file] = files(folder)
    file.write_bytes(file.read_bytes()[:-20])
    assert await spool.replay(lasting(store)) == Replayed(written=1)
    assert "torn line" in caplog.text


@pytest.mark.parametrize("line", [b"", b"{}", b'["main", [], ""]', b"\xff\xfe", b"null", b"{" * 5_000])
async def test_a_line_that_makes_no_sense_is_set_aside_and_the_others_are_written(
    store: Store, spool: Spool, folder: Path, line: bytes, caplog: pytest.LogCaptureFixture
):
    await put(spool, store, "dec_1")
    spool.close()
    [file] = files(folder)
    file.write_bytes(line + b"\n" + file.read_bytes())
    assert await spool.replay(lasting(store)) == Replayed(written=1, refused=1)
    [aside] = files(folder)
    assert aside.suffix == ".refused"
    assert aside.read_bytes() == line + b"\n"
    assert "set aside" in caplog.text
    assert not spool.waiting


async def test_an_entry_too_old_to_tell_whether_it_was_charged_is_refused(store: Store, spool: Spool):
    terms = Terms()
    old = await store.now_ms() - terms.attempt_memory_s * 1_000
    spool.append(ACCOUNT, an_entry("dec_1", at_ms=old), a_decision())
    spool.append(ACCOUNT, an_entry("dec_2", at_ms=old + 3 * 3_600_000), a_decision())
    assert await spool.replay(Ledger(store, terms)) == Replayed(written=1, refused=1)
    assert [entry.last_entry != "" for entry in [await verify(store, ACCOUNT)]] == [True]


async def test_an_entry_with_a_whole_conversation_comes_through(store: Store, spool: Spool):
    decision = b'{"id":"dec_1","messages":"' + b"x" * 3_000_000 + b'"}'
    spool.append(ACCOUNT, await recent(store), decision)
    assert (await spool.replay(lasting(store))).written == 1
    assert await store.command("HGET", "pr:{main}:decision:dec_1", "d") == decision


async def test_a_spooled_truth_of_a_reaped_attempt_adjusts_it(store: Store, spool: Spool):
    ledger = fleeting(store)
    at_ms = await reserve(ledger, a_hold())
    spool.append(ACCOUNT, an_entry(at_ms=at_ms + 9), a_decision())
    await ledger.reap(ACCOUNT)
    assert (await spool.replay(ledger)).written == 1
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.cost_nano) == (True, 1_000)


async def test_a_store_that_goes_away_during_the_replay_leaves_the_rest_waiting(
    spool: Spool, own_server: MakeServer
):
    server = own_server()
    store = Store.at_url(server.url)
    await put(spool, store, *(f"dec_{number}" for number in range(150)))
    replaying = asyncio.create_task(spool.replay(lasting(store)))
    await written(store, 20)
    server.kill()
    with pytest.raises(StoreUnavailable):
        await replaying
    assert spool.waiting
    server.start()
    done = await spool.replay(lasting(store))
    assert done.written + done.known == 150
    assert done.known >= 20
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries) == (True, 150)
    await store.aclose()


async def test_what_is_put_by_while_a_replay_runs_neither_waits_for_it_nor_is_lost(
    store: Store, spool: Spool
):
    await put(spool, store, *(f"dec_a{number}" for number in range(100)))
    replaying = asyncio.create_task(spool.replay(lasting(store)))
    for number in range(20):
        await put(spool, store, f"dec_b{number}")
    first = await replaying
    second = await spool.replay(lasting(store))
    assert first.written + second.written == 120
    assert (await verify(store, ACCOUNT)).entries == 120


async def test_a_living_workers_file_is_left_to_it_and_a_dead_ones_is_replayed(
    store: Store, spool: Spool, folder: Path
):
    at_ms = await store.now_ms()
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WRITER, str(folder), "7", "dec", str(at_ms)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"written\n"
    assert await spool.replay(lasting(store)) == Replayed()
    assert spool.waiting
    other.kill()
    await other.wait()
    assert await spool.replay(lasting(store)) == Replayed(written=7)
    assert (await verify(store, ACCOUNT)).clean


async def test_two_workers_that_replay_at_once_write_everything_once(store: Store, folder: Path):
    workers = [Spool(folder, real_world()) for _ in range(3)]
    for at, worker in enumerate(workers):
        await put(worker, store, *(f"dec_{at}_{number}" for number in range(40)))
        worker.close()
    done = await asyncio.gather(*(worker.replay(lasting(store)) for worker in workers))
    assert sum(one.written for one in done) == 120
    found = await verify(store, ACCOUNT)
    assert (found.clean, found.entries) == (True, 120)
    assert files(folder) == []


async def test_a_disk_that_refuses_is_not_acknowledged_and_spoils_no_later_line(
    store: Store, spool: Spool, monkeypatch: pytest.MonkeyPatch
):
    await put(spool, store, "dec_1")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            spool.append(ACCOUNT, await recent(store, "dec_2"), a_decision())
    await put(spool, store, "dec_3")
    done = await spool.replay(lasting(store))
    assert (done.refused, (await verify(store, ACCOUNT)).clean) == (0, True)
    assert await store.command("EXISTS", "pr:{main}:decision:dec_3") == 1
