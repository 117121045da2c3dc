"""Keys are made, listed and revoked by the command."""

from router.access.keys import KeyRing, digest
from router.store.connection import Store
from tests.cli.running import Pennyroute


def test_a_key_is_printed_alone_on_standard_output_and_explained_beside_it(configured: Pennyroute):
    ran = configured.ok("keys", "create", "bot", "--scope", "call")
    key = ran.out.strip()
    assert key.startswith("pr-")
    assert len(ran.out.splitlines()) == 1
    assert 'Authorization: Bearer $PENNYROUTE_API_KEY"' in ran.err
    assert "export PENNYROUTE_API_KEY=…" in ran.err
    assert key not in ran.err
    assert "curl http://127.0.0.1:8080/complete" in ran.err
    assert "only time" in ran.err
    assert "first key" in ran.err


def test_the_call_that_is_shown_goes_where_the_configuration_listens(configured: Pennyroute):
    written = configured.folder / "pennyroute.yaml"
    written.write_text(f"{written.read_text()}server: {{host: 0.0.0.0, port: 9123}}\n")
    assert "curl http://127.0.0.1:9123/complete" in configured.ok("keys", "create", "bot").err


async def test_a_key_made_by_the_command_is_the_one_in_the_store(configured: Pennyroute, store: Store):
    secret = configured.ok("keys", "create", "ops", "--scope", "admin", "--account", "acme").out.strip()
    (known,) = (await KeyRing(store).all()).items()
    assert known[0] == digest(secret)
    assert (known[1].name, known[1].account, known[1].scopes) == ("ops", "acme", ("admin",))


def test_keys_are_listed_without_their_text_and_revoked_by_id(configured: Pennyroute):
    secret = configured.ok("keys", "create", "bot").out.strip()
    assert "first key" not in configured.ok("keys", "create", "second").err
    listed = configured.ok("keys", "list", "--format", "json")
    assert secret not in listed.out
    bot, second = listed.json
    assert (bot["name"], bot["scopes"], bot["account"], bot["revoked_at"]) == ("bot", ["call"], "main", None)
    assert bot["id"] in configured.ok("keys", "revoke", bot["id"]).out
    bot, second = configured.ok("keys", "list", "--format", "json").json
    assert bot["revoked_at"] is not None
    assert second["revoked_at"] is None
    table = configured.ok("keys", "list").out
    assert bot["id"] in table
    assert secret not in table


def test_without_a_key_the_list_says_what_that_means(configured: Pennyroute):
    ran = configured.ok("keys", "list")
    assert ran.out == ""
    assert "loopback" in ran.err
    assert configured.ok("keys", "list", "--format", "json").json == []


def test_what_is_no_key_name_scope_account_or_id_is_refused_in_words(configured: Pennyroute):
    assert "1 to 64" in configured.refused("keys", "create", "bad|name")
    assert "account" in configured.refused("keys", "create", "x", "--account", "a b")
    assert "'call', 'admin'" in configured.refused("keys", "create", "x", "--scope", "root", code=2)
    assert "NAME" in configured.refused("keys", "create", code=2)
    assert "keys list" in configured.refused("keys", "revoke", "key_0")
