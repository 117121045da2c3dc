"""Entries that could not reach the store: on disk, fsynced, replayed once the store is back."""

import base64
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from router.clock import World
from router.ledger.entry import Entry
from router.ledger.ledger import Ledger

_log = logging.getLogger(__name__)


class Spooled(msgspec.Struct, frozen=True):
    """One settle that waits."""

    account: str
    entry: Entry
    decision: str


class Spool:
    """A folder of append-only files, one a worker, each a JSON line a settle.

    A settle is idempotent on its attempt, so a file replayed twice changes nothing; a line torn by a
    crash in the middle of its write was never acknowledged and is reported and left out.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}-{world.new_id('spool')}.jsonl"
        self._file: IO[bytes] | None = None

    def append(self, account: str, entry: Entry, decision: bytes) -> None:
        """Writes one settle and waits until the disk has it.

        Raises:
            OSError: the disk refused; nothing may be acknowledged.
        """
        line = msgspec.json.encode(Spooled(account, entry, base64.b64encode(decision).decode()))
        file = self._open()
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())

    @property
    def waiting(self) -> bool:
        """Whether any worker's entries wait here."""
        return self._folder.is_dir() and any(self._folder.glob("*.jsonl"))

    async def replay(self, ledger: Ledger) -> int:
        """Settles what waits, file by file; answers how many entries were new to the store.

        Raises:
            StoreUnavailable: the store went away again; the rest waits on.
        """
        replayed = 0
        for path in sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else []:
            self._close_if_own(path)
            with _claimed(path) as file:
                if file is None:
                    continue
                for line in _whole_lines(file, path):
                    found = msgspec.json.decode(line, type=Spooled)
                    answer = await ledger.settle(found.account, found.entry, base64.b64decode(found.decision))
                    replayed += answer != "already"
                path.unlink()
        return replayed

    def close(self) -> None:
        """Closes this worker's file; what is in it waits for the next start."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> IO[bytes]:
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / self._name
            self._file = path.open("ab")
            path.chmod(0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return self._file

    def _close_if_own(self, path: Path) -> None:
        if path.name == self._name:
            self.close()


@contextmanager
def _claimed(path: Path) -> Iterator[IO[bytes] | None]:
    """The file, if no living worker writes to it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:  # another worker replayed it
        yield None
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file if path.exists() else None


def _whole_lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    for line in file:
        if line.endswith(b"\n"):
            yield line
        else:
            _log.error("spool %s ends in a torn line of %d bytes, never acknowledged", path.name, len(line))
