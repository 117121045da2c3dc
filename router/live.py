"""What a worker knows of the things people change while it runs: thresholds, keys and budgets."""

import asyncio
import contextlib
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from router.access.caller import ANYBODY, Caller
from router.access.keys import ApiKey, Scope, digest, keys_of
from router.budgets.budget import Budget, budgets_of
from router.clock import World
from router.errors import NotAuthenticated, PennyrouteError, StoreUnavailable
from router.joint import Joint
from router.routes.threshold import Threshold
from router.routes.thresholds import threshold_of
from router.store.connection import Store, StoreRefused
from router.store.keys import API_KEYS, AccountKeys, threshold_key
from router.store.settings import look

_log = logging.getLogger(__name__)

REFRESH_EVERY_S = 0.5
FRESH_LIMIT_S = 5.0  # what is older than this is so because something is wrong
STALE_LIMIT_S = 15 * 60.0
STRANGERS_APART_S = 0.05  # so that guessing keys keeps nobody else from the store


@dataclass(frozen=True, slots=True)
class Known:
    """One consistent view of what can change.

    Attributes:
        overall: version of the whole.
        versions: account → its version, which a reserve carries.
        thresholds: route → threshold in force.
        keys: SHA-256 → key, revoked ones too.
        budgets: account → its budgets; never older than its version.
        read_s: monotonic seconds of when it was last confirmed; minus infinity before the first time.
        sealed: this worker has seen a key: a store that lost its keys opens nothing either.
    """

    overall: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    budgets: Mapping[str, tuple[Budget, ...]] = field(default_factory=dict)
    read_s: float = -math.inf
    sealed: bool = False

    @property
    def keys_exist(self) -> bool:
        """Whether a key was ever made, so that every call needs one; revoking the last one opens nothing."""
        return self.sealed or bool(self.keys)


class LiveSettings:
    """Keeps `Known` at most 2 s old; a reserve finds out earlier and asks for a refresh.

    However many ask at once, the store is asked once for all of them.
    """

    def __init__(self, store: Store, routes: Iterable[str], world: World) -> None:
        self._store = store
        self._routes = tuple(routes)
        self._world = world
        self._refreshing = Joint(self._refresh)
        self._confirming = Joint(self._confirm)
        self._asking_for_strangers = Joint(self._confirming, apart_s=STRANGERS_APART_S)
        self.known = Known()

    async def refresh(self) -> Known:
        """What a reading says that began after this was called.

        Raises:
            StoreUnavailable: no answer; what was known stays.
            StoreRefused: what is there cannot be read; what was known stays.
        """
        return await self._refreshing()

    async def keep_fresh(self) -> None:
        """Runs for as long as the worker does, whatever the store answers."""
        well = True
        try:
            while True:
                await asyncio.sleep(REFRESH_EVERY_S)
                error = await self._failure()
                if error is None and not well:
                    _log.warning("settings are refreshed again")
                elif error is not None and well:
                    expected = isinstance(error, PennyrouteError)
                    _log.warning(
                        "settings cannot be refreshed: %s", error, exc_info=None if expected else error
                    )
                well = error is None
        finally:
            for asked in (self._asking_for_strangers, self._confirming, self._refreshing):
                await asked.aclose()

    async def _failure(self) -> Exception | None:
        try:
            await self._confirming()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next look may go well; it is logged
            return error
        return None

    async def _refresh(self) -> Known:
        began_s = self._world.monotonic_s()
        questions = [("HGETALL", threshold_key(route)) for route in self._routes]
        seen = await look(self._store, self.known.versions, *questions, ("HGETALL", API_KEYS))
        raw_budgets = await self._store.commands(
            *(("HGETALL", AccountKeys(account).budgets) for account in seen.versions)
        )
        *hashes, raw_keys = seen.more
        try:
            found = [threshold_of(route, raw) for route, raw in zip(self._routes, hashes, strict=True)]
            keys = keys_of(raw_keys)
            budgets = [budgets_of(raw) for raw in raw_budgets]
        except (ValueError, TypeError) as error:  # what is written has another form than this version's
            raise StoreRefused(
                f"a threshold, a key or a budget in the store cannot be read: {error}"
            ) from error
        self.known = Known(
            overall=seen.overall,
            versions=seen.versions,
            thresholds={threshold.route: threshold for threshold in found if threshold},
            keys=keys,
            budgets=dict(zip(seen.versions, budgets, strict=True)),
            read_s=began_s,
            sealed=self.known.keys_exist,
        )
        return self.known

    async def _confirm(self) -> None:
        began_s = self._world.monotonic_s()
        seen = await look(self._store, self.known.versions)
        if seen.overall != self.known.overall or seen.versions != self.known.versions:
            await self.refresh()
        else:
            self.known = replace(self.known, read_s=max(began_s, self.known.read_s))

    @property
    def age_s(self) -> float:
        """Seconds since what is known was last confirmed by the store."""
        return self._world.monotonic_s() - self.known.read_s

    def threshold(self, route: str) -> Threshold:
        """The threshold in force.

        Raises:
            StoreUnavailable: never read, or last confirmed over 15 minutes ago.
        """
        self._check_age()
        found = self.known.thresholds.get(route)
        if found is None:
            raise StoreUnavailable(
                f"the threshold of route {route!r} is not in the store; a restart of the service brings it in"
            )
        return found

    def budgets(self, account: str) -> tuple[Budget, ...]:
        """The budgets of an account, as far as they are known."""
        return self.known.budgets.get(account, ())

    def caller(self, secret: str | None) -> Caller:
        """Who holds this key.

        Comparison is of SHA-256 digests by table look-up, so its time says nothing about a key.

        Raises:
            NotAuthenticated: a key is needed and this is none, an unknown or a revoked one.
            StoreUnavailable: keys were never read, or last confirmed over 15 minutes ago.
        """
        self._check_age()
        if not self.known.keys_exist:  # what was sent is kept: it may be the first key, made a moment ago
            return replace(ANYBODY, digest=digest(secret)) if secret else ANYBODY
        if not secret:
            raise _no_key()
        return self._holder(digest(secret))

    async def known_caller(self, secret: str | None) -> Caller:
        """As `caller`; of a key that is not known the store is asked first, since it may have just been made.

        A reserve finds out whether what is known is still so; where none follows, see `confirmed_caller`.
        """
        if self._is_strange(secret):
            await self._try_to(self._asking_for_strangers)
        return self.caller(secret)

    async def confirmed_caller(self, secret: str | None) -> Caller:
        """As `caller`, by what the store says now: a key that was made or revoked counts at once."""
        if self._is_strange(secret):
            await self._try_to(self._asking_for_strangers)
        elif secret or not self.known.keys_exist:  # without a key, once there are some, nothing need be asked
            await self._try_to(self._confirming)
        return self.caller(secret)

    def _is_strange(self, secret: str | None) -> bool:
        return bool(secret) and self.known.keys_exist and digest(secret or "") not in self.known.keys

    async def _try_to(self, ask: Joint[None]) -> None:
        with contextlib.suppress(
            StoreUnavailable, StoreRefused
        ):  # then what is known decides, as long as it may
            await ask()

    def confirm(self, caller: Caller) -> Caller:
        """The same caller by what is known now; raises as `caller` does."""
        self._check_age()
        if not self.known.keys_exist:
            return ANYBODY
        if not caller.digest:
            raise _no_key()
        return self._holder(caller.digest)

    def _check_age(self) -> None:
        if self.age_s <= STALE_LIMIT_S:
            return
        how_long = f"for {self.age_s:.0f} s" if math.isfinite(self.age_s) else "since the start"
        raise StoreUnavailable(
            f"thresholds and keys are not known: the store did not answer {how_long}; see `pennyroute doctor`"
        )

    def _holder(self, hashed: str) -> Caller:
        key = self.known.keys.get(hashed)
        if key is None:
            raise NotAuthenticated("this key is not known; `pennyroute keys list` shows the ones there are")
        if key.revoked_at_ms is not None:
            raise NotAuthenticated(f"key {key.id} was revoked; make another with `pennyroute keys create`")
        return Caller(
            account=key.account,
            key_id=key.id,
            may_call=key.allows(Scope.CALL),
            admin=key.allows(Scope.ADMIN),
            tie=key.tie,
            digest=hashed,
        )


def _no_key() -> NotAuthenticated:
    return NotAuthenticated(
        "a key is needed: send `Authorization: Bearer <key>`; `pennyroute keys create` makes one"
    )
