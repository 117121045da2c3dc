"""The door to the store: batches, scripts it has forgotten, servers that died, froze or came back."""

import asyncio
from dataclasses import replace

import pytest

from router.errors import StoreUnavailable
from router.store.connection import Store, StoreRefused
from router.store.scripts import Script
from tests.store.cut import Cut
from tests.store.servers import MakeServer

ADD = Script("add", "return redis.call('INCRBY', KEYS[1], ARGV[1])", may_fill=True)
ECHO = Script("echo", "return ARGV[1]")
FAIL = Script("fail", "return redis.error_reply('ERR no, because of this')")


async def test_calls_made_at_once_travel_in_batches_and_get_each_its_own_answer(store: Store):
    answers = await asyncio.gather(*(store.run(ECHO, (), (f"n{number}",)) for number in range(500)))
    assert answers == [f"n{number}".encode() for number in range(500)]


async def test_one_call_that_fails_hurts_nobody_else_in_its_batch(store: Store):
    answers = await asyncio.gather(
        store.run(ECHO, (), ("before",)),
        store.run(FAIL, (), ()),
        store.run(ECHO, (), ("half a pair: \ud800",)),
        store.run(ECHO, (), ("after",)),
        return_exceptions=True,
    )
    assert [answers[0], answers[3]] == [b"before", b"after"]
    assert isinstance(answers[1], StoreRefused)
    assert "no, because of this" in str(answers[1])
    assert isinstance(answers[2], UnicodeEncodeError)


async def test_scripts_the_server_has_forgotten_are_loaded_again(store: Store):
    await store.run(ADD, ("n",), (1,))
    await store.command("SCRIPT", "FLUSH")
    answers = await asyncio.gather(*(store.run(ADD, ("n",), (1,)) for _ in range(100)))
    assert sorted(answers) == list(range(2, 102))


async def test_a_caller_who_leaves_does_not_take_the_others_with_him(store: Store):
    leaving = asyncio.create_task(store.run(ECHO, (), ("gone",)))
    staying = asyncio.create_task(store.run(ECHO, (), ("here",)))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == b"here"


async def test_a_stream_is_read_page_by_page_both_ways(store: Store):
    for start in range(0, 2_500, 500):
        await store.commands(*(("XADD", "s", f"1-{n + 1}", "n", n) for n in range(start, start + 500)))
    forward = [int(fields[b"n"]) async for _, fields in store.stream("s")]
    backward = [int(fields[b"n"]) async for _, fields in store.stream("s", newest_first=True)]
    assert forward == list(range(2_500))
    assert backward == forward[::-1]


async def test_a_transaction_reads_one_moment(store: Store):
    await store.command("HSET", "h", "a", 1)
    assert await store.at_once(("HGETALL", "h"), ("DEL", "h"), ("HGETALL", "h")) == [{b"a": b"1"}, 1, {}]


async def test_a_key_of_another_type_is_refused_by_name(store: Store):
    await store.command("SET", "k", "v")
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        await store.command("HGET", "k", "f")


async def test_an_account_says_which_server_it_is_on(store: Store):
    server = await store.server()
    assert {"redis_version", "aof_enabled", "maxmemory_policy"} <= server.keys()


async def test_a_url_that_cannot_be_read_is_not_repeated_in_the_error():
    for url in ("redis://:pa#ss-5e3f@host:6379", "http://user:5e3f@host", "redis://u:p@host:5e3f"):
        with pytest.raises(StoreUnavailable) as caught:
            Store.at_url(url)
        assert "5e3f" not in str(caught.value)
        assert caught.value.__cause__ is None


async def test_a_server_that_is_not_there_is_said_to_be_unavailable():
    store = Store.at_url("unix:///nowhere/to/be/found")
    for call in (store.run(ECHO, (), ("x",)), store.command("PING"), store.now_ms(), store.server()):
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await call
    with pytest.raises(StoreUnavailable, match="does not answer"):
        _ = [id_ async for id_, _ in store.stream("s")]
    await store.aclose()


async def test_a_killed_server_fails_what_is_asked_and_serves_again_when_it_is_back(own_server: MakeServer):
    server = own_server()
    store = Store.at_url(server.url)
    assert await store.run(ADD, ("n",), (1,)) == 1
    server.kill()
    failures = await asyncio.gather(
        *(store.run(ADD, ("n",), (1,)) for _ in range(200)), return_exceptions=True
    )
    assert all(isinstance(failure, StoreUnavailable) for failure in failures)
    server.start()
    assert await store.run(ADD, ("n",), (1,)) == 2, "from the AOF, and not one of the failed calls"
    await store.aclose()


async def test_a_frozen_server_fails_every_waiting_call_within_one_timeout(own_server: MakeServer):
    """Thousands wait behind two batches: they are not made to wait for a time-out each."""
    server = own_server()
    store = Store.at_url(server.url, timeout_s=1.0)
    await store.run(ECHO, (), ("x",))
    server.freeze()
    async with asyncio.timeout(40):  # batch after batch of 64, two at a time, they would take 60 s
        failures = await asyncio.gather(
            *(store.run(ECHO, (), ("x",)) for _ in range(8_000)), return_exceptions=True
        )
    assert all(isinstance(failure, StoreUnavailable) for failure in failures)
    server.thaw()
    assert await store.run(ECHO, (), ("back",)) == b"back"
    await store.aclose()


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_script_whose_answer_is_lost_is_sent_again_only_if_it_stands_it(
    own_server: MakeServer, *, repeatable: bool
):
    server = own_server()
    script = replace(ADD, repeatable=repeatable)
    async with Cut(server) as cut:
        store = Store.at_url(cut.url)
        assert await store.run(script, ("n",), (1,)) == 1
        cut.cuts = 1
        if repeatable:
            assert await store.run(script, ("n",), (1,)) == 3, "sent twice, as it may be"
        else:
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await store.run(script, ("n",), (1,))
            assert await store.command("GET", "n") == b"2", "it ran, once"
        await store.aclose()


async def test_a_line_that_was_closed_while_idle_hurts_no_script(store: Store):
    assert await store.run(ADD, ("n",), (1,)) == 1
    await store.command("CLIENT", "KILL", "SKIPME", "yes", "TYPE", "normal")
    assert await store.run(ADD, ("n",), (1,)) == 2


async def test_closing_waits_for_what_is_on_its_way(own_server: MakeServer):
    store = Store.at_url(own_server().url)
    calls = [asyncio.create_task(store.run(ADD, ("n",), (1,))) for _ in range(300)]
    await asyncio.sleep(0)
    await store.aclose()
    assert sorted(await asyncio.gather(*calls)) == list(range(1, 301))


async def test_a_cancellation_is_never_lost_whenever_it_comes(store: Store):
    """A background loop that asks the store must end when it is told to."""

    async def ask_for_ever() -> None:
        while True:
            await store.now_ms()
            await store.run(ECHO, (), ("x",))
            await store.at_once(("PING",))

    for turns in range(400):
        asking = asyncio.create_task(ask_for_ever())
        for _ in range(turns % 40):
            await asyncio.sleep(0)
        asking.cancel()
        ended, _ = await asyncio.wait([asking], timeout=30)
        assert ended, f"cancelled after {turns % 40} turns of the loop, and went on"
