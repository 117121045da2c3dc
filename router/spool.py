"""Entries that could not reach the store: on disk, fsynced, replayed once the store is back."""

import base64
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from router.clock import World
from router.ledger.entry import Entry
from router.ledger.ledger import Ledger, Recorded
from router.store.connection import StoreRefused

_log = logging.getLogger(__name__)
_WAITS = ".jsonl"
_REFUSED = ".refused"
_SAFETY_MS = 60 * 60 * 1000  # an attempt is refused this long before the store forgets it


class Spooled(msgspec.Struct, frozen=True):
    """One settle that waits."""

    account: str
    entry: Entry
    decision: str


@dataclass(slots=True)
class Replayed:
    """What became of what waited.

    Attributes:
        written: entries that were new to the store.
        known: entries the store had already.
        refused: lines set aside in a `.refused` file, each with its reason in the log.
    """

    written: int = 0
    known: int = 0
    refused: int = 0


class Spool:
    """A folder of append-only files, each written by one worker, a JSON line a settle.

    A settle is idempotent on its attempt, so a file replayed twice changes nothing; a line torn by a
    crash in the middle of its write was never acknowledged and is reported and left out. A living
    worker holds a lock on the file it writes; whoever gets the lock may replay and delete it.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self._folder = folder
        self._world = world
        self._file: IO[bytes] | None = None
        self._path = folder

    def append(self, account: str, entry: Entry, decision: bytes) -> None:
        """Writes one settle and waits until the disk has it.

        Raises:
            OSError: the disk refused; nothing may be acknowledged.
        """
        line = msgspec.json.encode(Spooled(account, entry, base64.b64encode(decision).decode())) + b"\n"
        file = self._file or self._open()
        try:
            _write(file, line)
        except OSError:
            self.close()  # what is torn now stays the last line of its file
            raise

    @property
    def waiting(self) -> bool:
        """Whether any worker's entries wait here."""
        return any(self._folder.glob(f"*{_WAITS}"))

    async def replay(self, ledger: Ledger) -> Replayed:
        """Settles what waits, file by file; what another living worker is writing is left to that one.

        Raises:
            StoreUnavailable: the store went away again; the rest waits on.
        """
        done = Replayed()
        oldest_ms = await ledger.now_ms() - ledger.terms.attempt_memory_s * 1000 + _SAFETY_MS
        for path in sorted(self._folder.glob(f"*{_WAITS}")):
            if path == self._path:
                self.close()  # the next append opens another file
            with _claimed(path) as file:
                if file is not None:
                    await self._replay_file(file, path, ledger, oldest_ms, done)
        return done

    async def _replay_file(
        self, file: IO[bytes], path: Path, ledger: Ledger, oldest_ms: int, done: Replayed
    ) -> None:
        refused: list[bytes] = []
        for line in _whole_lines(file, path):
            try:
                waiting = _read(line, oldest_ms)
                answer = await ledger.settle(
                    waiting.account, waiting.entry, base64.b64decode(waiting.decision)
                )
            except (ValueError, StoreRefused) as error:  # msgspec's own are ValueErrors
                _log.error("spool %s: a line is set aside: %s", path.name, error)
                refused.append(line)
            else:
                done.written += answer is not Recorded.ALREADY
                done.known += answer is Recorded.ALREADY
        done.refused += len(refused)
        _finish(path, refused)

    def close(self) -> None:
        """Closes this worker's file; what is in it waits for the next replay, by whomever."""
        if self._file is not None:
            self._file.close()
            self._file, self._path = None, self._folder

    def _open(self) -> IO[bytes]:
        """A new file, under its final name only once it is locked, so that nobody replays it half-born."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = self._folder / f"{self._world.new_id('spool')}-{os.getpid()}{_WAITS}"
        new = self._path.with_suffix(".new")
        file = new.open("xb", buffering=0)
        new.chmod(0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        new.rename(self._path)
        _sync_folder(self._folder)
        self._file = file
        return file


def _read(line: bytes, oldest_ms: int) -> Spooled:
    found = msgspec.json.decode(line, type=Spooled)
    if found.entry.at_ms < oldest_ms:
        raise ValueError(
            f"attempt {found.entry.attempt_id} is older than an attempt is remembered, so nobody can "
            "tell whether it was charged before"
        )
    return found


def _finish(path: Path, refused: list[bytes]) -> None:
    if refused:
        with path.with_suffix(_REFUSED).open("ab", buffering=0) as file:
            os.fchmod(file.fileno(), 0o600)
            _write(file, b"".join(refused))
        _sync_folder(path.parent)
    path.unlink()


def _write(file: IO[bytes], data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _claimed(path: Path) -> Iterator[IO[bytes] | None]:
    """The file, if no living worker writes or replays it."""
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
