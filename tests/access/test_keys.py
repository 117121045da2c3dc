"""API keys: only their SHA-256 is kept; what they may do; how they end."""

import hashlib

import pytest

from router.access.keys import ApiKey, KeyRing, Scope, digest
from router.errors import InvalidRequest, NotFound
from router.store.connection import Store
from router.store.keys import SETTINGS_VERSION, AccountKeys
from router.store.settings import accounts
from tests.store.contents import dumps_of


async def whole_store(store: Store) -> bytes:
    """Every name and value there is, as the server would write them to disk."""
    return b"".join(name.encode() + value for name, value in (await dumps_of(store)).items())


async def test_a_key_has_256_random_bits_and_only_its_hash_is_kept(store: Store):
    ring = KeyRing(store)
    made = [await ring.create("ci", (Scope.CALL,)) for _ in range(5)]
    secrets = [secret for _, secret in made]
    assert len({*secrets}) == 5
    assert all(len(secret.removeprefix("pr-")) == 43 for secret in secrets), "43 characters of base 64"
    kept = await whole_store(store)
    for key, secret in made:
        assert secret.encode() not in kept
        assert secret.removeprefix("pr-").encode()[:12] not in kept
        assert (await ring.all())[hashlib.sha256(secret.encode()).hexdigest()] == key


async def test_a_keys_text_is_not_in_what_is_known_of_it(store: Store):
    key, secret = await KeyRing(store).create("ci", (Scope.CALL,))
    assert secret not in repr(key)
    assert digest(secret) not in repr(key)


async def test_a_revoked_key_stays_listed_with_its_end(store: Store):
    ring = KeyRing(store)
    key, secret = await ring.create("ci", (Scope.CALL,))
    ended = await ring.revoke(key.id)
    assert ended.revoked_at_ms is not None
    assert await ring.revoke(key.id) == ended, "its first end counts"
    assert await ring.all() == {digest(secret): ended}


async def test_a_key_that_does_not_exist_cannot_be_revoked(store: Store):
    with pytest.raises(NotFound, match="keys list"):
        await KeyRing(store).revoke("key_000000000000")


async def test_making_and_revoking_a_key_tells_every_account_and_every_worker(store: Store):
    ring = KeyRing(store)
    key, _ = await ring.create("ci", (Scope.CALL,), account="acme")
    assert await accounts(store) == ["acme", "main"]
    await ring.revoke(key.id)
    names = [AccountKeys("main").version, AccountKeys("acme").version, SETTINGS_VERSION]
    assert await store.commands(*(("GET", name) for name in names)) == [b"2", b"2", b"2"]


@pytest.mark.parametrize("name", ["", "a" * 65, "line\nbreak", "nul\x00", "half \ud800"])
async def test_a_name_that_would_not_be_readable_is_refused(store: Store, name: str):
    with pytest.raises(InvalidRequest, match="name takes"):
        await KeyRing(store).create(name, (Scope.CALL,))
    assert await KeyRing(store).all() == {}


@pytest.mark.parametrize("account", ["", "a b", "{main}", "a:b", "é"])
async def test_an_account_that_would_break_its_hash_tag_is_refused(store: Store, account: str):
    with pytest.raises(InvalidRequest, match="account takes"):
        await KeyRing(store).create("ci", (Scope.CALL,), account=account)


async def test_a_key_needs_a_scope(store: Store):
    with pytest.raises(InvalidRequest, match="at least one scope"):
        await KeyRing(store).create("ci", ())


def test_admin_includes_call_and_not_the_other_way_round():
    def key(*scopes: Scope) -> ApiKey:
        return ApiKey(id="key_1", name="n", account="main", scopes=scopes, created_at_ms=0)

    assert key(Scope.ADMIN).allows(Scope.CALL)
    assert not key(Scope.CALL).allows(Scope.ADMIN)
