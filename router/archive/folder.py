"""How an archive lies on disk: a folder for each account and day, there whole or not at all.

    DIR/account=main/day=2026-11-01/entries.parquet    what the store held, entry by entry
                                   /sums.parquet       what those add up to, by hour and group
                                   /manifest.json      what the two must come to, and their SHA-256

A day is the UTC day an entry was written in, by the store's clock, so that nothing is ever added to it later.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from router.errors import PennyrouteError

ENTRIES: Final = "entries.parquet"
SUMS: Final = "sums.parquet"
MANIFEST: Final = "manifest.json"
_DAY: Final = re.compile(r"day=(\d{4}-\d{2}-\d{2})", re.ASCII)


class ArchiveBroken(PennyrouteError):  # noqa: N818 - the name says what the archive is
    """A day of the archive is missing, damaged, or not what left the store."""

    status = 503
    code = "archive_broken"


class FileSum(msgspec.Struct, frozen=True):
    """What a file must be."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a day comes to.

    Attributes:
        day: UTC, of when the entries were written.
        first_id: stream id of the first entry.
        last_id: of the last one.
        first_hour: the earliest Unix hour that one of them counts in.
        last_hour: the latest.
        nano_by_kind: nano-dollars that the entries of each kind add to the cost; what an adjustment adds is
            the difference to what it replaces.
        unknown_cost: attempts whose cost is not known, adjusted ones taken back.
    """

    version: int = 1
    account: str
    day: str
    entries: int
    first_id: str
    last_id: str
    first_hour: int
    last_hour: int
    nano_by_kind: dict[str, int]
    unknown_cost: int
    files: dict[str, FileSum]

    @property
    def cost_nano(self) -> int:
        """What the day adds to the cost."""
        return sum(self.nano_by_kind.values())


@dataclass(frozen=True, slots=True)
class StoredDay:
    """One day that an archive holds.

    Attributes:
        sha256: of the manifest, and so of everything it vouches for.
    """

    folder: Path
    manifest: Manifest
    sha256: str

    @property
    def entries(self) -> Path:
        """The day's entries."""
        return self.folder / ENTRIES

    @property
    def sums(self) -> Path:
        """The day's sums."""
        return self.folder / SUMS

    def check_sum(self, name: str) -> None:
        """Reads a file once, and compares it with the manifest.

        Raises:
            ArchiveBroken: it is missing, or not what was written.
        """
        path = self.folder / name
        try:
            found = file_sum(path)
        except OSError as error:
            raise ArchiveBroken(f"{path} cannot be read ({error.strerror})") from error
        if self.manifest.files.get(name) != found:
            raise ArchiveBroken(
                f"{path} is not what was exported: its SHA-256 is not the manifest's; "
                "bring the file back from a backup"
            )


class AccountFolder:
    """The days of one account."""

    def __init__(self, archive: Path, account: str) -> None:
        self.archive = archive
        self.account = account
        self.path = archive / f"account={account}"

    def days(self) -> list[str]:
        """The days there are, oldest first."""
        if not self.path.is_dir():
            return []
        found = (_DAY.fullmatch(each.name) for each in self.path.iterdir())
        return sorted(each[1] for each in found if each is not None)

    def day(self, day: str) -> StoredDay | None:
        """One day; `None` when it is not there.

        Raises:
            ArchiveBroken: its manifest cannot be read, or is another day's.
        """
        folder = self.path / f"day={day}"
        if not folder.is_dir():
            return None
        try:
            raw = (folder / MANIFEST).read_bytes()
            manifest = msgspec.json.decode(raw, type=Manifest)
        except (OSError, ValueError) as error:
            raise ArchiveBroken(
                f"{folder / MANIFEST} cannot be read: {error}; bring it back from a backup"
            ) from error
        if (manifest.account, manifest.day) != (self.account, day):
            raise ArchiveBroken(f"{folder} is of account {manifest.account} and day {manifest.day}")
        return StoredDay(folder, manifest, hashlib.sha256(raw).hexdigest())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second export of the account away, and clears what a killed one left.

        Raises:
            ArchiveBroken: another export is at work.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync(self.archive)
        with (self.path / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ArchiveBroken(f"another export of account {self.account} is at work here") from None
            for left in self.path.glob(".day=*"):
                shutil.rmtree(left)
            yield

    def sync(self) -> None:
        """Makes the names of the days outlast a power cut, also that of an export that was killed there."""
        _sync(self.path)

    def begun(self, day: str) -> Path:
        """An empty folder to write a day's files to, under a name that no reader looks at."""
        part = self.path / f".day={day}.part"
        part.mkdir(mode=0o700)
        return part

    def publish(self, part: Path, manifest: Manifest) -> StoredDay:
        """Makes a day that is written and checked last, and gives it its name in one step."""
        raw = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
        (part / MANIFEST).write_bytes(raw)
        for name in (*manifest.files, MANIFEST):
            _sync(part / name)
        _sync(part)
        folder = self.path / f"day={manifest.day}"
        part.rename(folder)
        self.sync()
        return StoredDay(folder, manifest, hashlib.sha256(raw).hexdigest())


def file_sum(path: Path) -> FileSum:
    """A file's length and SHA-256.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileSum(file.tell(), digest)


def day_of(stream_id: str) -> str:
    """The UTC day a stream id was made in."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + _ms(stream_id) // 86_400_000).isoformat()


def day_begins_ms(day: str) -> int:
    """Unix milliseconds of a day's first moment, UTC."""
    return (date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()) * 86_400_000


def in_order(stream_id: str) -> tuple[int, int]:
    """A stream id as what sorts like it."""
    ms, _, sequence = stream_id.partition("-")
    return int(ms), int(sequence or 0)


def _ms(stream_id: str) -> int:
    return in_order(stream_id)[0]


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
