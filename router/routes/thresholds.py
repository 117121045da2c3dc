"""Thresholds: versioned, with who changed them, when and why."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from router.errors import InvalidRequest, NotFound, VersionConflict
from router.routes.certificate import CertificateInForce, decode_certificate, encode_certificate
from router.routes.threshold import Threshold
from router.store.connection import Store
from router.store.keys import SETTINGS_VERSION, threshold_history_key, threshold_key
from router.store.scripts import read_script
from router.store.settings import changed

_SET = read_script("router.routes", "set_threshold", "put_threshold")
CONFIG = "config"
WATCH = "watch"
VERSIONS_KEPT = 10_000
_LONGEST_NAME = 128
_LONGEST_REASON = 500


class _Stored(msgspec.Struct):
    threshold: str
    version: str
    set_by: str
    set_at: str
    reason: str
    certificate: str = ""
    suspended: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A threshold somebody wants.

    Attributes:
        expected_version: the version they saw; `None` accepts any.
        certificate: what was proven of it; it must be of this very threshold.
        suspended: the watch withdraws the certificate.
    """

    route: str
    value: float
    by: str
    reason: str = ""
    expected_version: int | None = None
    certificate: CertificateInForce | None = None
    suspended: bool = False


class Thresholds:
    """The thresholds of all routes, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def current(self, route: str) -> Threshold | None:
        """The one in force, or `None` for a route the store has not seen."""
        return threshold_of(route, await self._store.hash_of(threshold_key(route)))

    async def history(self, route: str, limit: int = 100) -> list[Threshold]:
        """Newest first."""
        rows = await self._store.command("LRANGE", threshold_history_key(route), 0, limit - 1)
        return [_threshold(route, msgspec.json.decode(raw, type=_Stored)) for raw in rows]

    async def set(self, change: Change) -> Threshold:
        """Puts a threshold in force: no decision after the answer is made with the one before.

        Raises:
            InvalidRequest: not a number from 0 to 1, a name or reason that is too long or no text, or a
                certificate that was altered or is of another threshold.
            VersionConflict: somebody changed it since; the message says what is in force.
        """
        if not 0.0 <= change.value <= 1.0:  # also refuses NaN
            raise InvalidRequest(
                f"a threshold is a number from 0 to 1, not {change.value}", param="threshold"
            )
        _check_certificate(change)
        _check_text("reason", change.reason, _LONGEST_REASON)
        _check_text("set_by", change.by, _LONGEST_NAME)
        expected = "*" if change.expected_version is None else change.expected_version
        reply = await self._store.run(
            _SET,
            (threshold_key(change.route), threshold_history_key(change.route), SETTINGS_VERSION),
            (
                expected,
                repr(float(change.value)),
                change.by,
                change.reason,
                VERSIONS_KEPT,
                encode_certificate(change.certificate),
                "1" if change.suspended else "",
            ),
        )
        if reply[0] == b"conflict":
            raise VersionConflict(
                f"route {change.route!r} is at version {reply[1].decode()}, not {expected}; "
                "read it again and retry",
                param="If-Match",
            )
        await changed(self._store)
        return Threshold(
            change.route,
            change.value,
            int(reply[1]),
            change.by,
            int(reply[2]),
            change.reason,
            change.certificate,
            change.suspended,
        )

    async def rollback(self, route: str, by: str, to_version: int | None = None) -> Threshold:
        """Sets an earlier value again, as a new version; by default the one before the one in force.

        Its certificate comes with it; a suspension does not: a person decided, and that lifts it.

        Raises:
            NotFound: there is no such version.
        """
        past = await self.history(route, VERSIONS_KEPT)
        wanted = (past[0].version - 1 if past else 0) if to_version is None else to_version
        for old in past:
            if old.version == wanted:
                reason = f"rollback to version {old.version}"
                proof = None if old.suspended else old.certificate
                return await self.set(Change(route, old.value, by, reason, past[0].version, proof))
        raise NotFound(f"route {route!r} has no version {wanted} to go back to", param="version")

    async def seed(self, route: str, value: float) -> Threshold:
        """Brings the config's threshold in at start-up; what a person set stays in force."""
        found = await self.current(route)
        if found is not None and (found.set_by != CONFIG or found.value == value):
            return found
        try:
            return await self.set(
                Change(route, value, CONFIG, "from the configuration", found.version if found else 0)
            )
        except VersionConflict:  # another worker brought it in first
            return await self.seed(route, value)


def threshold_of(route: str, found: Mapping[bytes, bytes]) -> Threshold | None:
    """A threshold by the hash it is kept as; `None` where there is none."""
    if not found:
        return None
    return _threshold(route, _Stored(**{name.decode(): raw.decode() for name, raw in found.items()}))


def _check_certificate(change: Change) -> None:
    certificate = change.certificate
    if certificate is None or change.suspended:
        return
    if not certificate.genuine:
        raise InvalidRequest(
            f"certificate {certificate.id!r}: its content is not what was certified; make it again with "
            "`pennyroute tune`",
            param="certificate",
        )
    if certificate.threshold != change.value:
        raise InvalidRequest(
            f"certificate {certificate.id} is of threshold {certificate.threshold!r}, "
            f"not of {change.value!r}",
            param="certificate",
        )


def _check_text(name: str, text: str, limit: int) -> None:
    if len(text) > limit:
        raise InvalidRequest(f"{name}: takes at most {limit} characters, got {len(text)}", param=name)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(f"{name}: has half a surrogate pair, which is no text", param=name) from None
    if not text.isprintable():
        raise InvalidRequest(f"{name}: takes no control characters and no line breaks", param=name)


def _threshold(route: str, stored: _Stored) -> Threshold:
    return Threshold(
        route,
        float(stored.threshold),
        int(stored.version),
        stored.set_by,
        int(stored.set_at),
        stored.reason,
        decode_certificate(stored.certificate),
        suspended=bool(stored.suspended),
    )
