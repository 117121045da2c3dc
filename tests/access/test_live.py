"""What a worker knows of keys and thresholds: who may call, how old it may be, and how it hears of changes."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from fastapi import Response

from router.access.caller import ANYBODY
from router.access.keys import KeyRing, Scope
from router.clock import World, real_world
from router.errors import NotAuthenticated, StoreUnavailable
from router.http.health import readyz
from router.ledger.ledger import StaleSettings
from router.live import FRESH_LIMIT_S, STALE_LIMIT_S, LiveSettings
from router.routes.thresholds import Change, Thresholds
from router.store.connection import Store
from router.store.keys import ACCOUNTS, SETTINGS_VERSION, threshold_key
from tests.ledger.examples import ACCOUNT, a_hold, lasting
from tests.store.servers import MakeServer
from tests.waiting import until


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 10.0

    def world(self) -> World:
        return replace(real_world(), monotonic_s=lambda: self.now_s)


async def a_worker(store: Store, clock: Clock | None = None) -> LiveSettings:
    await Thresholds(store).seed("default", 0.1)
    live = LiveSettings(store, ["default"], (clock or Clock()).world())
    await live.refresh()
    return live


async def heard(live: LiveSettings, version: str) -> None:
    """Waits until the worker's own loop has brought it to a version."""
    await until(lambda: live.known.overall == version)


async def test_while_no_key_exists_anybody_may_call(store: Store):
    live = await a_worker(store)
    assert live.caller(None) == ANYBODY
    assert live.caller("whatever a client sends") == ANYBODY


async def test_once_a_key_exists_every_call_needs_one_that_is_good(store: Store):
    live = await a_worker(store)
    key, secret = await KeyRing(store).create("ci", (Scope.CALL,), account="acme")
    await live.refresh()
    found = live.caller(secret)
    assert (found.account, found.key_id, found.may_call, found.admin) == ("acme", key.id, True, False)
    assert found.digest not in repr(found)
    for wrong in (None, "", secret[:-1], secret + "x", secret.upper(), key.id, found.digest):
        with pytest.raises(NotAuthenticated) as caught:
            live.caller(wrong)
        assert secret not in str(caught.value)


async def test_the_first_key_is_good_in_a_worker_that_has_not_heard_of_it_yet(store: Store):
    live = await a_worker(store)
    key, secret = await KeyRing(store).create("first", (Scope.CALL,))
    early, without = live.caller(secret), live.caller(None)
    await live.refresh()
    assert live.confirm(early).key_id == key.id
    with pytest.raises(NotAuthenticated):
        live.confirm(without)


async def test_a_revoked_key_is_refused_and_the_last_one_opens_nothing(store: Store):
    live = await a_worker(store)
    key, secret = await KeyRing(store).create("ci", (Scope.CALL,))
    caller = (await live.refresh()) and live.caller(secret)
    await KeyRing(store).revoke(key.id)
    await live.refresh()
    for ask in (lambda: live.caller(secret), lambda: live.confirm(caller), lambda: live.caller(None)):
        with pytest.raises(NotAuthenticated):
            ask()


async def test_a_store_that_lost_its_keys_opens_nothing(store: Store):
    live = await a_worker(store)
    _, secret = await KeyRing(store).create("ci", (Scope.CALL,))
    await live.refresh()
    await store.everywhere("FLUSHALL")
    await live.refresh()
    for sent in (secret, None):
        with pytest.raises(NotAuthenticated):
            live.caller(sent)


async def test_a_worker_that_never_read_anything_lets_nobody_in(store: Store):
    live = LiveSettings(store, ["default"], Clock().world())
    for ask in (lambda: live.caller(None), lambda: live.threshold("default"), lambda: live.confirm(ANYBODY)):
        with pytest.raises(StoreUnavailable, match="since the start"):
            ask()


async def test_without_the_store_what_is_known_holds_for_fifteen_minutes_and_no_longer(store: Store):
    clock = Clock()
    live = await a_worker(store, clock)
    clock.now_s += STALE_LIMIT_S
    assert live.threshold("default").value == 0.1
    assert live.caller(None) == ANYBODY
    clock.now_s += 1
    for ask in (lambda: live.caller(None), lambda: live.threshold("default")):
        with pytest.raises(StoreUnavailable, match="901 s"):
            ask()


async def test_a_change_is_live_in_every_worker_within_its_next_look(store: Store):
    workers = [await a_worker(store) for _ in range(3)]
    loops = [asyncio.create_task(live.keep_fresh()) for live in workers]
    await Thresholds(store).set(Change("default", 0.7, "me"))
    for live in workers:
        await heard(live, "2")
        assert live.threshold("default").value == 0.7
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def test_a_change_whose_author_died_before_telling_the_accounts_still_reaches_the_workers(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    live = await a_worker(store)

    async def died(_: Store) -> None:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr("router.routes.thresholds.changed", died)
        with pytest.raises(ConnectionAbortedError):
            await Thresholds(store).set(Change("default", 0.7, "me"))
    await live._confirm()
    assert live.threshold("default").value == 0.7


@pytest.mark.parametrize("change", ["threshold", "new key", "revoked key"])
async def test_the_next_reserve_after_a_change_is_refused_as_stale(store: Store, change: str):
    ring = KeyRing(store)
    key, _ = await ring.create("ci", (Scope.CALL,))
    live = await a_worker(store)
    if change == "threshold":
        await Thresholds(store).set(Change("default", 0.7, "me"))
    elif change == "new key":
        await ring.create("another", (Scope.CALL,))
    else:
        await ring.revoke(key.id)
    ledger = lasting(store)
    with pytest.raises(StaleSettings):
        await ledger.reserve(ACCOUNT, a_hold(), version=live.known.versions[ACCOUNT])
    await live.refresh()
    await ledger.reserve(ACCOUNT, a_hold(), version=live.known.versions[ACCOUNT])


async def test_the_loop_outlives_an_outage_and_reports_it_once(
    own_server: MakeServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("router.live.REFRESH_EVERY_S", 0.01)
    server = own_server()
    store = Store.at_url(server.url)
    live = await a_worker(store)
    loop = asyncio.create_task(live.keep_fresh())
    server.kill()
    await until(lambda: "cannot be refreshed" in caplog.text)
    await asyncio.sleep(0.1)
    assert live.threshold("default").value == 0.1
    server.start()
    await Thresholds(store).set(Change("default", 0.7, "me"))
    await heard(live, "2")
    assert caplog.text.count("cannot be refreshed") == 1
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)
    await store.aclose()


async def test_the_loop_outlives_whatever_the_store_answers_and_reports_it_once(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("router.live.REFRESH_EVERY_S", 0.01)
    live = await a_worker(store)
    loop = asyncio.create_task(live.keep_fresh())
    for number, (command, *words) in enumerate(
        [
            ("SET", threshold_key("default"), "no threshold"),
            ("HSET", threshold_key("default"), "threshold", "high"),
            ("SADD", ACCOUNTS, b"\xff is no UTF-8"),
        ]
    ):
        await store.command("DEL", threshold_key("default"))
        await store.command(command, *words)
        await store.command("INCR", SETTINGS_VERSION)
        await until(lambda: caplog.text.count("cannot be refreshed") > number)  # noqa: B023 - awaited in its turn
        await asyncio.sleep(0.1)
        assert live.threshold("default").value == 0.1
        await store.command("DEL", threshold_key("default"), ACCOUNTS)
        await Thresholds(store).set(Change("default", 0.1, "me"))
        await until(lambda: caplog.text.count("refreshed again") > number)  # noqa: B023 - awaited in its turn
    assert caplog.text.count("cannot be refreshed") == 3
    assert not loop.done()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def calls(store: Store) -> dict[str, int]:
    """Command → how often the server has run it since `CONFIG RESETSTAT`."""
    lines = (await store.command("INFO", "commandstats")).items()
    return {name.removeprefix("cmdstat_"): int(found["calls"]) for name, found in lines}


async def test_a_crowd_that_finds_its_settings_stale_reads_them_once(store: Store):
    routes = [f"route{number}" for number in range(41)]
    for route in routes:
        await Thresholds(store).seed(route, 0.1)
    live = LiveSettings(store, routes, Clock().world())
    await live.refresh()
    await Thresholds(store).set(Change("route7", 0.7, "me"))
    await store.command("CONFIG", "RESETSTAT")
    found = await asyncio.gather(*(live.refresh() for _ in range(200)))
    assert {known.thresholds["route7"].value for known in found} == {0.7}
    assert (await calls(store))["hgetall"] == len(routes) + 2, "thresholds, keys and budgets"


async def test_a_crowd_of_strangers_costs_one_look(store: Store):
    live = await a_worker(store)
    _, good = await KeyRing(store).create("ci", (Scope.CALL,))
    await live.refresh()
    await store.command("CONFIG", "RESETSTAT")
    asked = [ask(f"guess {n}") for n in range(100) for ask in (live.known_caller, live.confirmed_caller)]
    refusals = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(refusal) for refusal in refusals} == {NotAuthenticated}
    for ask in (live.known_caller, live.confirmed_caller):
        with pytest.raises(NotAuthenticated):
            await ask(None)
    await live.known_caller(good)
    assert (await calls(store))["smembers"] == 1


async def test_strangers_wait_their_turn_and_a_key_made_meanwhile_is_good(store: Store):
    live = await a_worker(store)
    await KeyRing(store).create("ci", (Scope.CALL,))
    await live.refresh()
    for _ in range(3):
        with pytest.raises(NotAuthenticated):
            await live.known_caller("a guess")
        key, secret = await KeyRing(store).create("another", (Scope.CALL,))
        assert (await live.known_caller(secret)).key_id == key.id
        await KeyRing(store).revoke(key.id)
        with pytest.raises(NotAuthenticated, match="revoked"):
            await live.confirmed_caller(secret)


@dataclass
class Those:
    """The parts of a worker that its readiness is about."""

    store: Store
    live: LiveSettings


async def test_a_worker_is_ready_only_while_what_it_knows_is_fresh(store: Store):
    clock = Clock()
    those = Those(store, await a_worker(store, clock))
    found = []
    for older_s in (0.0, FRESH_LIMIT_S, 1.0, STALE_LIMIT_S):
        clock.now_s += older_s
        response = Response()
        answer = await readyz(cast("Any", those), response)
        found.append((answer.status, response.status_code))
    assert found == [("ready", 200), ("ready", 200), ("degraded", 200), ("unready", 503)]
    assert "last read 906 s ago" in answer.store
