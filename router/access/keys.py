"""API keys: 256 random bits, kept only as their SHA-256."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from router.access.caller import MAIN_ACCOUNT
from router.access.tie import UNTIED, Tie
from router.errors import InvalidRequest, NotFound
from router.store.connection import Store
from router.store.keys import ACCOUNTS, API_KEYS, SETTINGS_VERSION
from router.store.settings import changed

_PREFIX = "pr-"
_NAME = re.compile(r"[\w .:@/-]{1,64}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Scope(StrEnum):
    """What a key may do; `admin` includes `call`."""

    CALL = "call"
    ADMIN = "admin"


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key; its text is not.

    Attributes:
        id: short public name, also what a decision remembers.
        created_at_ms: Unix milliseconds of the store's time.
        revoked_at_ms: `None` while it is good.
        tie: what it is tied to.
    """

    id: str
    name: str
    account: str
    scopes: tuple[Scope, ...]
    created_at_ms: int
    revoked_at_ms: int | None = None
    tie: Tie = UNTIED

    def allows(self, scope: Scope) -> bool:
        """Whether the key reaches `scope`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def digest(secret: str) -> str:
    """What a key is kept and found as."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def keys_of(found: Mapping[bytes, bytes]) -> dict[str, ApiKey]:
    """Keys by the hash they are kept in: SHA-256 of each → what is known of it."""
    return {hashed.decode(): msgspec.json.decode(raw, type=ApiKey) for hashed, raw in found.items()}


class KeyRing:
    """All keys, in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def create(
        self, name: str, scopes: tuple[Scope, ...], account: str = MAIN_ACCOUNT, tie: Tie = UNTIED
    ) -> tuple[ApiKey, str]:
        """Makes a key; its text is answered once and never again.

        Raises:
            InvalidRequest: name, scope, account or tie is not of the form they take.
        """
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "a key's name takes 1 to 64 letters, digits, spaces and _ . : @ / -", param="name"
            )
        if not _ACCOUNT.fullmatch(account):
            raise InvalidRequest("an account takes 1 to 64 letters, digits, _ and -", param="account")
        if not scopes:
            raise InvalidRequest("a key needs at least one scope: call, admin", param="scopes")
        tie.check()
        secret = _PREFIX + secrets.token_urlsafe(32)
        hashed = digest(secret)
        key = ApiKey(
            id=f"key_{secrets.token_hex(6)}",
            name=name,
            account=account,
            scopes=scopes,
            created_at_ms=await self._store.now_ms(),
            tie=tie,
        )
        await self._put(hashed, key)
        return key, secret

    async def all(self) -> dict[str, ApiKey]:
        """SHA-256 of each key → what is known of it, revoked ones too."""
        return keys_of(await self._store.hash_of(API_KEYS))

    async def revoke(self, key_id: str) -> ApiKey:
        """Ends a key; in force in every worker before its next decision.

        Raises:
            NotFound: there is no such key.
        """
        for hashed, key in (await self.all()).items():
            if key.id == key_id:
                if key.revoked_at_ms is not None:
                    return key
                ended = msgspec.structs.replace(key, revoked_at_ms=await self._store.now_ms())
                await self._put(hashed, ended)
                return ended
        raise NotFound(f"there is no key {key_id!r}; `pennyroute keys list` shows them", param="id")

    async def _put(self, hashed: str, key: ApiKey) -> None:
        await self._store.at_once(
            ("SADD", ACCOUNTS, key.account),
            ("HSET", API_KEYS, hashed, msgspec.json.encode(key)),
            ("INCR", SETTINGS_VERSION),
        )
        await changed(self._store)
