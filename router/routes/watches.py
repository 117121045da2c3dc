"""The watch on each route's certificate: what it counted, and the alarm that withdraws the certificate.

One a route, for all accounts: a certificate speaks of all the route's queries. A new threshold version, by a
person or with a new certificate, begins a new watch. docs/outcomes.md says what its alarm promises.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from policies.watch import WatchState, WatchTerms
from router.routes.thresholds import VERSIONS_KEPT, WATCH
from router.store.connection import Store
from router.store.keys import SETTINGS_VERSION, threshold_history_key, threshold_key, watch_key, watched_key
from router.store.scripts import read_script
from router.store.settings import changed

COUNT = read_script("router.routes", "count_audit", "put_threshold", repeatable=True)
_IDS_KEPT = 100_000


class Counted(StrEnum):
    """What became of an audit."""

    COUNTED = "counted"
    ALREADY = "already"
    PAST = "past"  # it was made under a threshold that is no longer in force
    SUSPENDED = "suspended"  # it was counted, and the certificate is withdrawn


@dataclass(frozen=True, slots=True)
class Audit:
    """One audited query with both scores.

    Attributes:
        version: of the threshold it was decided with.
        z: by how much it fell short of the floor, see `policies.watch.excess`.
        certificate: id of the certificate it was made under.
        floor: of that certificate.
    """

    route: str
    version: int
    decision_id: str
    z: float
    certificate: str
    floor: float


class _Stored(msgspec.Struct):
    version: str
    certificate: str
    lambdas: str
    levels: str
    audits: str
    since: str
    last_at: str
    suspended_version: str = ""
    suspended_at: str = ""


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watch of a route knows.

    Attributes:
        version: of the threshold it watches, or watched until the alarm.
        state: its level and how many audits it counted.
        since_ms: Unix milliseconds of when that threshold came into force.
        last_at_ms: of when the newest audit was counted.
        suspended_version: of the threshold that the alarm put in force; `None` without an alarm.
        suspended_at_ms: when that was.
    """

    version: int
    certificate: str
    state: WatchState
    since_ms: int
    last_at_ms: int
    suspended_version: int | None = None
    suspended_at_ms: int | None = None

    def is_of(self, version: int) -> bool:
        """Whether this is the watch of the threshold version that is in force, also after its alarm."""
        return version in (self.version, self.suspended_version)


class Watches:
    """The watches of all routes, in the store."""

    def __init__(self, store: Store, terms: WatchTerms, *, remembers_ms: int) -> None:
        self._store = store
        self._remembers_ms = remembers_ms
        self.terms = terms

    async def count(self, audit: Audit) -> Counted:
        """Counts an audit, once a decision; on alarm all goes to the large model before this answers.

        Raises:
            StoreUnavailable: whether it is counted is not known; count it again.
        """
        reply = await self._store.run(
            COUNT,
            (
                threshold_key(audit.route),
                threshold_history_key(audit.route),
                SETTINGS_VERSION,
                watch_key(audit.route),
                watched_key(audit.route),
            ),
            (
                audit.version,
                audit.decision_id,
                repr(float(audit.z)),
                repr(float(self.terms.alarm_at)),
                self._remembers_ms,
                _IDS_KEPT,
                WATCH,
                _why(audit),
                VERSIONS_KEPT,
                audit.certificate,
                *(repr(float(bet)) for bet in self.terms.lambdas),
            ),
        )
        counted = Counted(reply[0].decode())
        if counted is Counted.SUSPENDED:
            await changed(self._store)
        return counted

    async def of(self, routes: Iterable[str]) -> Mapping[str, Watched]:
        """What is known of each route that has counted an audit."""
        names = list(routes)
        if not names:
            return {}
        found = await self._store.commands(*(("HGETALL", watch_key(name)) for name in names))
        return {name: _watched(raw) for name, raw in zip(names, found, strict=True) if b"version" in raw}

    async def first_to_tell(self, route: str, suspended_version: int) -> bool:
        """Whether nobody has told of this alarm yet; whoever asks then does."""
        return bool(await self._store.command("HSETNX", watch_key(route), f"told_{suspended_version}", "1"))


def _why(audit: Audit) -> str:
    return f"audited answers fell below the floor of {audit.floor:g} that {audit.certificate} certified"


def _watched(raw: Mapping[bytes, bytes]) -> Watched:
    known = {name.decode(): value.decode() for name, value in raw.items()}
    stored = msgspec.convert(known, _Stored)
    return Watched(
        version=int(stored.version),
        certificate=stored.certificate,
        state=WatchState(tuple(float(level) for level in stored.levels.split()), int(stored.audits)),
        since_ms=int(stored.since),
        last_at_ms=int(stored.last_at),
        suspended_version=int(stored.suspended_version) if stored.suspended_version else None,
        suspended_at_ms=int(stored.suspended_at) if stored.suspended_at else None,
    )
