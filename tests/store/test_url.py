"""What a store's URL may say, and that what is refused shows nothing of it."""

import pytest

from router.errors import StoreUnavailable
from router.store.connection import Store
from router.store.layout import slot_of
from router.store.url import Address, BadStoreUrl, Kind, parse_store_url

SECRET = "5e3f-hush"


def test_one_server_is_left_to_the_client():
    for url in (f"redis://:{SECRET}@host:6380/3", "rediss://host", "unix:///run/valkey.sock?db=2"):
        found = parse_store_url(url)
        assert (found.kind, found.text) == (Kind.SINGLE, url)
    assert parse_store_url("redis://host:6380/3").hosts == (Address("host", 6380),)


def test_a_cluster_is_reached_by_any_of_its_nodes():
    found = parse_store_url(f"redis+cluster://me:{SECRET}%40%2F@one:7000,[::1]:7001,two")
    assert found.kind is Kind.CLUSTER
    assert found.hosts == (Address("one", 7000), Address("::1", 7001), Address("two", 6379))
    assert (found.username, found.password) == ("me", f"{SECRET}@/")
    assert found.server(found.hosts[1]) == "redis://[::1]:7001/0"
    assert SECRET not in repr(found)
    assert parse_store_url("redis+cluster://one/0").db == 0


def test_sentinels_name_a_service_and_may_have_a_password_of_their_own():
    found = parse_store_url(
        f"rediss+sentinel://:{SECRET}@one,two:26380/money/2?sentinel_password=hush%26&ssl_ca_certs=/etc/ca.pem"
    )
    assert (found.kind, found.service, found.db) == (Kind.SENTINEL, "money", 2)
    assert found.hosts == (Address("one", 26379), Address("two", 26380))
    assert (found.username, found.password, found.sentinel_password) == (None, SECRET, "hush&")
    at = Address("primary", 6379)
    assert found.server(at) == "rediss://primary:6379/2?ssl_ca_certs=%2Fetc%2Fca.pem"
    assert found.sentinel(at) == "rediss://primary:6379/0?ssl_ca_certs=%2Fetc%2Fca.pem"
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("url", "wrong", "right"),
    [
        ("mysql://{}@host", "redis+cluster://", "redis://:password@host"),
        ("host:6379", "must begin with redis://", "redis://"),
        ("redis://:{}@one:1,two:2", "names several hosts", "redis+sentinel://"),
        ("redis://:{}", "cannot be read", "redis://:password@host"),
        ("redis://:{}@", "names no host", "redis://:password@host"),
        ("redis+cluster://:{}@one:70000", "hosts or ports", "redis+cluster://user:password@host"),
        ("redis+cluster://:pa/{}@one", "an @ where no", "percent-encoded"),
        ("redis+cluster://:{}@one,,two", "hosts or ports", "redis+cluster://"),
        ("redis+cluster://:{}@one/3", "a Cluster has none but 0", "redis+cluster://"),
        ("redis+cluster://:{}@one?timeout=1", "option that is not known", "known options are db; with TLS"),
        ("rediss+cluster://:{}@one?ssl=1", "option that is not known", "ssl_ca_certs"),
        ("redis+cluster://one?db=0&db=0", "an option twice", "once"),
        ("redis+sentinel://:{}@one:26379", "does not name the service", "/service-name"),
        ("redis+sentinel://:{}@one/money/x", "number of its database", "/service-name"),
        ("redis+sentinel://one/money?{}", "what follows its ?", "name=value"),
        ("redis+sentinel://one/money#{}", "has a #", "percent-encoded"),
    ],
)
def test_what_names_no_store_is_refused_with_what_would_be_right(url: str, wrong: str, right: str):
    text = url.format(SECRET)
    with pytest.raises(BadStoreUrl) as caught:
        parse_store_url(text)
    assert wrong in caught.value.wrong
    assert right in caught.value.right
    assert "5e3f" not in str(caught.value)
    with pytest.raises(StoreUnavailable) as refused:
        Store.at_url(text)
    assert "5e3f" not in str(refused.value)


def test_all_keys_of_a_tag_lie_on_one_slot():
    assert slot_of("pr:{acme}:holds") == slot_of("pr:{acme}:attempt:1-1") == slot_of("acme") == 11304
    assert slot_of("a{}b") != slot_of("")
