"""The embedded store: one real Valkey a data directory, shared by whoever needs it, stopped by the last."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.errors import SetupError
from router.store.connection import Store
from router.store.embedded import EmbeddedStore

HOLDER = """
import sys
from pathlib import Path
from router.store.embedded import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]))
store.acquire()
print("started" if store.started_here else "attached", flush=True)
sys.stdin.readline()
store.release()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data dir %20?"
    yield folder
    left = EmbeddedStore(folder)
    left.acquire()  # whatever a test left running stops here
    left.release()
    assert not left.alive()


def holder(folder: Path) -> "subprocess.Popen[str]":
    """Another process that holds the store until its stdin has a line."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def let_go(process: "subprocess.Popen[str]") -> None:
    process.communicate("\n")


def pid_of(embedded: EmbeddedStore) -> int:
    answer = embedded._ask(b"INFO server\r\n").decode()
    return int(next(line for line in answer.splitlines() if line.startswith("process_id:")).split(":")[1])


def tcp_sockets(pid: int) -> set[str]:
    """Inodes of the TCP sockets a process has open."""
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
    own = {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")}
    tables = (Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
    return own & {line.split()[9] for table in tables for line in table}


async def test_it_listens_on_a_private_socket_only_and_keeps_every_write(data_dir: Path):
    embedded = EmbeddedStore(data_dir)
    embedded.acquire()
    mode = stat.S_IMODE(embedded.socket_path.stat().st_mode)
    assert (mode, stat.S_IMODE(embedded.socket_path.parent.stat().st_mode)) == (0o700, 0o700)
    store = Store.at_url(embedded.url)
    assert await store.command("CONFIG", "GET", "port") == {b"port": b"0"}
    assert tcp_sockets(pid_of(embedded)) == set()
    server = await store.server()
    assert (server["aof_enabled"], server["maxmemory_policy"]) == ("1", "noeviction")
    await store.aclose()
    embedded.release()


def test_two_processes_share_one_server_and_the_last_one_stops_it(data_dir: Path):
    first = holder(data_dir)
    assert said(first) == "started"
    second = holder(data_dir)
    assert said(second) == "attached"
    watching = EmbeddedStore(data_dir)
    let_go(first)
    assert watching.alive()
    let_go(second)
    assert not watching.alive()


def test_many_that_start_at_once_start_one_server(data_dir: Path):
    crowd = [holder(data_dir) for _ in range(4)]
    assert sorted(said(one) for one in crowd) == ["attached"] * 3 + ["started"]
    for one in crowd:
        let_go(one)


def test_a_killed_owner_leaves_a_server_that_the_next_one_adopts_and_stops(data_dir: Path):
    owner = holder(data_dir)
    assert said(owner) == "started"
    owner.kill()
    owner.communicate()
    heir = EmbeddedStore(data_dir)
    assert heir.alive()
    heir.acquire()
    assert not heir.started_here
    heir.release()
    assert not heir.alive()


async def test_data_survives_a_restart_and_a_kill_of_the_server(data_dir: Path):
    embedded = EmbeddedStore(data_dir)
    embedded.acquire()
    store = Store.at_url(embedded.url)
    await store.command("SET", "stays", "1")
    await store.aclose()
    embedded.release()
    embedded.acquire()
    store = Store.at_url(embedded.url)
    await store.command("INCR", "stays")
    os.kill(pid_of(embedded), signal.SIGKILL)
    embedded.acquire()  # the same holder brings it back
    assert await store.command("GET", "stays") == b"2"
    await store.aclose()
    embedded.release()
    assert not embedded.alive()


def test_a_server_that_is_busy_never_gets_a_second_one_beside_it(data_dir: Path):
    """Two servers on one AOF would ruin it: one that does not answer is waited for."""
    embedded = EmbeddedStore(data_dir)
    embedded.acquire()
    pid = pid_of(embedded)
    other = holder_after_freeze(data_dir, pid)
    assert said(other) == "attached"
    assert pid_of(embedded) == pid
    let_go(other)
    embedded.release()


def test_a_data_directory_deleted_in_use_gets_no_second_server_and_its_own_is_stopped(tmp_path: Path):
    embedded = EmbeddedStore(tmp_path / "gone")
    embedded.acquire()
    pid = pid_of(embedded)
    shutil.rmtree(tmp_path / "gone")
    for _ in range(2):
        with pytest.raises(SetupError, match="was deleted while it was in use"):
            embedded.acquire()
    assert not (tmp_path / "gone").exists()
    embedded.release()
    assert wait_for_end(pid)


def wait_for_end(pid: int) -> bool:
    """The kernel has a moment's work with it; a zombie nobody reaps is at its end as well."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.01)
    return False


def holder_after_freeze(data_dir: Path, pid: int) -> "subprocess.Popen[str]":
    os.kill(pid, signal.SIGSTOP)
    try:
        other = holder(data_dir)
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=3.0)  # longer than one look, which times out after 2 s
    finally:
        os.kill(pid, signal.SIGCONT)
    return other


def test_a_data_directory_too_deep_for_a_socket_gets_one_in_a_private_short_folder(tmp_path: Path):
    embedded = EmbeddedStore(tmp_path / ("d" * 100) / ("e" * 100))
    embedded.acquire()
    try:
        assert len(os.fsencode(embedded.socket_path)) <= 100
        assert stat.S_IMODE(embedded.socket_path.parent.stat().st_mode) == 0o700
    finally:
        embedded.release()
    assert not embedded.socket_path.exists()


def test_a_server_that_cannot_start_says_why_and_holds_nothing(tmp_path: Path):
    embedded = EmbeddedStore(tmp_path)
    folder = tmp_path / "store" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text("this is not a manifest\n")
    with pytest.raises(SetupError, match="did not start") as caught:
        embedded.acquire()
    assert "manifest" in str(caught.value)
    assert embedded._user is None
    embedded.release()


def test_a_socket_left_by_a_dead_server_is_not_taken_for_a_living_one(data_dir: Path):
    embedded = EmbeddedStore(data_dir)
    embedded._make_folders()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(os.fsencode(embedded.socket_path))
    assert not embedded.alive()
    embedded.acquire()
    assert embedded.alive()
    embedded.release()


def test_leaving_without_having_come_changes_nothing(tmp_path: Path):
    EmbeddedStore(tmp_path).release()
    assert list(tmp_path.iterdir()) == []
