"""What the store remembers of the entries that left it: up to where, and which files hold them now."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from router.archive.folder import StoredDay, in_order
from router.store.connection import Store
from router.store.keys import AccountKeys

_DAY = b"day:"


class LeftDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day of which entries left the store.

    Attributes:
        sha256: of the manifest of the export they left for.
        last_id: stream id of the day's last entry; when it is beyond `Gone.through`, a part is still here.
        first_hour: the earliest Unix hour that an entry of the day counts in.
        last_hour: the latest.
        archive: the directory it was in; only to be told.
    """

    sha256: str
    entries: int
    last_id: str
    first_hour: int
    last_hour: int
    archive: str

    @classmethod
    def of(cls, stored: StoredDay, archive: Path) -> "LeftDay":
        """What to remember of an exported day."""
        return cls(
            sha256=stored.sha256,
            entries=stored.manifest.entries,
            last_id=stored.manifest.last_id,
            first_hour=stored.manifest.first_hour,
            last_hour=stored.manifest.last_hour,
            archive=str(archive.absolute()),
        )

    def encoded(self) -> bytes:
        """As it stands in the store."""
        return msgspec.json.encode(self)


@dataclass(frozen=True, slots=True)
class Gone:
    """What left the store.

    Attributes:
        through: stream id of the newest entry that did; '' when none has.
        days: by day, `2026-11-01`.
    """

    through: str = ""
    days: Mapping[str, LeftDay] = field(default_factory=dict)

    @property
    def leaving(self) -> LeftDay | None:
        """The day of which a part is still in the store: it is being trimmed, or a trim was cut off there."""
        if not self.days:
            return None
        last = self.days[max(self.days)]
        return last if in_order(last.last_id) > in_order(self.through) else None


async def read_gone(store: Store, account: str) -> Gone:
    """What has left the store of an account.

    Raises:
        StoreUnavailable: no answer.
    """
    return gone_of(await store.hash_of(AccountKeys(account).archived))


def gone_of(fields: Mapping[bytes, bytes]) -> Gone:
    """From the hash in the store."""
    return Gone(
        fields.get(b"through", b"").decode(),
        {
            name[len(_DAY) :].decode(): msgspec.json.decode(raw, type=LeftDay)
            for name, raw in sorted(fields.items())
            if name.startswith(_DAY)
        },
    )
