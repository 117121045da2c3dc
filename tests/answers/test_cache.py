"""The cache of a route: the same call is made once, costs nothing after, and is nobody else's."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.answers.cache import KEEP, LOOKUP
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.answers.config import ANSWERS_KEY, CONFIG, ENVIRON, SECRETLY
from tests.answers.test_idempotency import answer
from tests.http.config import EASY, HARD, ask, chat
from tests.http.wire import events_of
from tests.ledger.test_cluster import clustered as clustered  # noqa: PLC0414 - a fixture
from tests.service import Service
from tests.upstreams.answers import OK_TEXT
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
KEYED = {**ENVIRON, "PENNYROUTE_ANSWERS_KEY": ANSWERS_KEY}
ROUTES = """\
  cached: {small: tiny, large: big, threshold: 0.12, cache: {ttl_s: 3600}}
  shared: {small: tiny, large: big, threshold: 0.12, cache: {ttl_s: 3600, shared: account}}
  brief: {small: tiny, large: big, threshold: 0.12, cache: {ttl_s: 1}}
  narrow: {small: tiny, large: big, threshold: 0.12, cache: {ttl_s: 3600, max_bytes: 2000}}
"""


@pytest.fixture(scope="module")
def caching(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    config = CONFIG.format(url=upstream.base_url, more=ROUTES)
    with Service(tmp_path_factory.mktemp("cache"), config, environ=KEYED) as running:
        yield running
    assert "Traceback" not in running.said, running.said
    assert ANSWERS_KEY not in running.said


@pytest.fixture
def client(caching: Service, upstream: OpenAIWire) -> Iterator[httpx.Client]:
    upstream.clear()
    with caching.client() as calling:
        yield calling


def unique(text: str = EASY) -> str:
    """A query nobody asked before."""
    return f"{text} ({uuid.uuid4().hex})"


def asked(
    client: httpx.Client, service: Service, path: str, body: dict[str, Any], **more: Any
) -> httpx.Response:
    """The answer of a miss, once it is kept."""
    before = kept(service)
    response = client.post(path, json=body, **more)
    assert response.status_code == 200
    service.until(lambda: kept(service), lambda now: now != before)
    return response


def kept(service: Service, account: str = "main") -> dict[bytes, bytes]:
    async def look(store: Store) -> dict[bytes, bytes]:
        keys = await store.command("KEYS", f"pr:{{{account}}}:answer:*")
        return {key: await store.command("GET", key) for key in sorted(keys)}

    return service.in_store(look)


@pytest.mark.parametrize(
    "path_and_body",
    [
        ("/complete", {"route": "cached"}),
        ("/complete", {"route": "cached", "stream": True}),
        (CHAT, {"model": "cached"}),
        (CHAT, {"model": "cached", "stream": True}),
    ],
    ids=["complete", "complete streamed", "chat", "chat streamed"],
)
@pytest.mark.parametrize("text", [EASY, HARD], ids=["small", "large"])
def test_the_same_call_is_made_once_and_costs_nothing_after(
    caching: Service, client: httpx.Client, upstream: OpenAIWire, path_and_body: Any, text: str
) -> None:
    (path, body), before = path_and_body, caching.settled()
    body = ask(unique(text), **body) if path == "/complete" else chat(unique(text), **body)
    first = asked(client, caching, path, body)
    middle = caching.settled()
    again = client.post(path, json=body)
    assert len(upstream.seen) == 1
    after = caching.settled()
    assert after.entries == middle.entries + 1
    assert after.cost_nano == middle.cost_nano > before.cost_nano
    if path == CHAT:
        assert first.headers["x-pennyroute-cache"] == "miss"
        assert again.headers["x-pennyroute-cache"] == "hit"
        assert again.headers["x-pennyroute-reason"] == "cached"
        id_ = again.headers["x-pennyroute-decision-id"]
        if body.get("stream"):
            data = [event for event in events_of(first.text) if event[0] != "comment"]
            assert [event for event in events_of(again.text) if event[0] != "comment"] == data
        else:
            assert again.content == first.content
            assert again.headers["x-pennyroute-cost-usd"] == "0"
    else:
        one, two = (
            events_of(response.text)[-1][1] if body.get("stream") else response.json()
            for response in (first, again)
        )
        assert two["output"] == one["output"]
        assert two["usage"] == one["usage"]
        assert two["decision"]["reason"] == "cached"
        assert two["decision"]["model"] == one["decision"]["model"]
        assert two["cost"]["nano_usd"] == 0
        assert two["cost"]["baseline_usd"] == one["cost"]["baseline_usd"]
        id_ = two["decision"]["id"]
    found = client.get(f"/v1/decisions/{id_}").json()
    assert (found["reason"], found["status"], found["cost"]["nano_usd"]) == ("cached", "ok", 0)
    assert found["chosen_reason"] in {"below_threshold", "at_or_above_threshold", "unfamiliar"}
    (attempt,) = found["attempts"]
    assert (attempt["kind"], attempt["usage"], attempt["held_nano_usd"]) == ("void", None, 0)


def test_reports_count_hits_and_what_they_saved(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    body = ask(unique(), route="cached")
    before = client.get("/v1/reports/routes").json()["total"]
    cost = asked(client, caching, "/complete", body).json()["cost"]["nano_usd"]
    for _ in range(3):
        client.post("/complete", json=body)
    total = client.get("/v1/reports/routes").json()["total"]
    assert total["cache_hits"] == before["cache_hits"] + 3
    assert total["cache_saved_nano_usd"] == before["cache_saved_nano_usd"] + 3 * cost
    assert total["requests"] == before["requests"] + 4
    assert total["nano_usd"] == before["nano_usd"] + cost
    assert "answered by the cache" in caching.cli("report").stdout
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"temperature": 0.5},
        {"max_tokens": 7},
        {"model": "shared"},
        {"stream": True},
        {"metadata": {"team": "sales"}},
        {"seed": 3},
        {"messages": [{"role": "user", "content": "Another"}]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_call_is_made(
    caching: Service, client: httpx.Client, upstream: OpenAIWire, other: dict[str, Any]
) -> None:
    body = chat(unique(), model="cached", temperature=0)
    asked(client, caching, CHAT, body)
    assert client.post(CHAT, json=body | other).headers["x-pennyroute-cache"] == "miss"
    assert len(upstream.seen) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"web_search_options": {}},
        {"store": True},
        {"tools": [{"type": "web_search"}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}
            ]
        },
    ],
    ids=["search", "stored", "tool", "image"],
)
def test_what_depends_on_more_than_it_says_is_asked_each_time(
    caching: Service, client: httpx.Client, upstream: OpenAIWire, more: dict[str, Any]
) -> None:
    before, body = kept(caching), chat(unique(), model="cached") | more
    for _ in range(2):
        upstream.say(answer())
        assert client.post(CHAT, json=body).status_code == 200
    assert len(upstream.seen) == 2
    assert kept(caching) == before


@pytest.mark.parametrize("script", ["length", "usage-missing", "500"])
def test_only_whole_answers_of_known_usage_are_kept(
    caching: Service, client: httpx.Client, upstream: OpenAIWire, script: str
) -> None:
    before, body = kept(caching), ask(unique(), route="cached", tier="small")
    upstream.play(script, *([script] * 2 if script == "500" else []))
    client.post("/complete", json=body)
    caching.settled()
    assert kept(caching) == before
    upstream.clear()
    assert client.post("/complete", json=body).json()["decision"]["reason"] == "forced"


def test_a_threshold_that_moves_the_query_asks_the_other_model(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    body = ask(unique(), route="cached")
    assert asked(client, caching, "/complete", body).json()["decision"]["model"] == "tiny"
    change = {"json": {"threshold": 0.0}, "headers": {"if-match": "*"}}
    client.put("/v1/routes/cached/threshold", **change)  # type: ignore[arg-type]
    moved = client.post("/complete", json=body).json()
    assert (moved["decision"]["model"], moved["decision"]["reason"]) == ("big", "at_or_above_threshold")
    client.put("/v1/routes/cached/threshold", json={"threshold": 0.12}, headers={"if-match": "*"})
    assert client.post("/complete", json=body).json()["decision"]["reason"] == "cached"
    assert len(upstream.seen) == 2


def test_an_answer_goes_after_its_time(caching: Service, client: httpx.Client, upstream: OpenAIWire) -> None:
    body, before = ask(unique(), route="brief"), kept(caching)
    asked(client, caching, "/complete", body)
    caching.until(lambda: kept(caching), lambda now: now == before)
    assert client.post("/complete", json=body).json()["decision"]["reason"] != "cached"
    assert len(upstream.seen) == 2


def test_a_full_cache_lets_the_oldest_go(caching: Service, client: httpx.Client) -> None:
    before = kept(caching)
    bodies = [ask(unique(), route="narrow") for _ in range(8)]
    for body in bodies:
        asked(client, caching, "/complete", body)
    new = {key: raw for key, raw in kept(caching).items() if key not in before}
    assert 0 < sum(map(len, new.values())) <= 2_000
    assert len(new) < len(bodies)
    assert client.post("/complete", json=bodies[-1]).json()["decision"]["reason"] == "cached"
    assert client.post("/complete", json=bodies[0]).json()["decision"]["reason"] != "cached"


def test_an_answer_larger_than_the_cache_is_not_kept(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before, body = kept(caching), ask(unique(), route="narrow")
    for _ in range(2):
        upstream.say(answer("word " * 1_000))
        assert client.post("/complete", json=body).status_code == 200
    assert kept(caching) == before
    assert len(upstream.seen) == 2


def test_what_is_kept_says_nothing_and_what_was_changed_is_a_miss(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before, body = kept(caching), ask(unique("Where do pangolins live?"), route="cached")
    upstream.say(answer(SECRETLY))
    asked(client, caching, "/complete", body)
    ((key, sealed),) = [one for one in kept(caching).items() if one[0] not in before]
    for secret in (SECRETLY, "pangolin", "choices", "stop", "tiny"):
        assert secret.encode() not in key + sealed
    broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
    caching.in_store(lambda store: store.command("SET", key, broken, "KEEPTTL"))
    response = client.post("/complete", json=body).json()
    assert response["output"] == OK_TEXT
    assert response["decision"]["reason"] != "cached"
    assert "cannot be read, and is asked for anew" in caching.said
    assert SECRETLY not in caching.said
    assert "pangolin" not in caching.said
    assert len(upstream.seen) == 2


def test_a_route_without_a_cache_keeps_nothing_and_says_nothing_of_one(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before, body = kept(caching), chat(unique())
    for _ in range(2):
        assert "x-pennyroute-cache" not in client.post(CHAT, json=body).headers
    assert kept(caching) == before
    assert len(upstream.seen) == 2


def test_a_dry_run_neither_asks_nor_fills_the_cache(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    body = ask(unique(), route="cached")
    asked(client, caching, "/complete", body)
    assert client.post("/complete", json=body | {"dry_run": True}).json()["decision"]["reason"] != "cached"
    assert len(upstream.seen) == 1


def test_a_hit_is_the_first_answer_of_an_idempotency_key_as_well(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    body, headers = ask(unique(), route="cached"), {"idempotency-key": uuid.uuid4().hex}
    asked(client, caching, "/complete", body)
    hit = client.post("/complete", json=body, headers=headers)
    again = client.post("/complete", json=body, headers=headers)
    assert hit.json()["decision"]["reason"] == "cached"
    assert again.content == hit.content
    assert len(upstream.seen) == 1


def test_many_at_once_are_all_answered_and_the_ledger_holds(
    caching: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    body, before = ask(unique(), route="cached"), caching.settled()
    with ThreadPoolExecutor(20) as pool:
        every = list(pool.map(lambda _: client.post("/complete", json=body), range(60)))
    assert {response.status_code for response in every} == {200}
    assert len({response.json()["output"] for response in every}) == 1
    hits = sum(response.json()["decision"]["reason"] == "cached" for response in every)
    assert len(upstream.seen) == 60 - hits
    assert caching.settled().entries == before.entries + 60


def test_an_answer_is_given_to_no_other_key_unless_the_route_says_so(
    upstream: OpenAIWire, tmp_path: Path
) -> None:
    upstream.clear()
    config = CONFIG.format(url=upstream.base_url, more=ROUTES)
    with Service(tmp_path, config, environ=KEYED) as own, own.client() as client:
        keys = {
            name: {"authorization": f"Bearer {own.key(name, account=account)}"}
            for name, account in (("one", "main"), ("two", "main"), ("three", "other"))
        }

        def reason(route: str, who: str) -> str:
            response = client.post("/complete", json=ask(route=route), headers=keys[who])
            assert response.status_code == 200
            found: str = response.json()["decision"]["reason"]
            return found

        for route, others in (("cached", False), ("shared", True)):
            asked(client, own, "/complete", ask(route=route), headers=keys["one"])
            assert reason(route, "one") == "cached"
            before = kept(own)
            assert (reason(route, "two") == "cached") is others
            if not others:
                own.until(lambda: kept(own), lambda now: now != before)  # noqa: B023 - looked at before the next
            assert reason(route, "three") != "cached"
        own.revoke("one")
        assert client.post("/complete", json=ask(route="cached"), headers=keys["one"]).status_code == 401
    assert "Traceback" not in own.said, own.said


def test_a_cache_without_a_key_is_refused_at_the_start(upstream: OpenAIWire, tmp_path: Path) -> None:
    service = Service(tmp_path, CONFIG.format(url=upstream.base_url, more=ROUTES), environ=ENVIRON)
    with pytest.raises(RuntimeError, match="PENNYROUTE_ANSWERS_KEY") as caught:
        service.start()
    assert "openssl rand" in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_after_a_change_of_keys_the_cache_begins_anew(upstream: OpenAIWire, tmp_path: Path) -> None:
    upstream.clear()
    config = CONFIG.format(url=upstream.base_url, more=ROUTES)
    with Service(tmp_path, config, environ=KEYED) as own, own.client() as client:
        asked(client, own, "/complete", ask(route="cached"))
    own.environ["PENNYROUTE_ANSWERS_KEY"] = bytes(range(64, 96)).hex()
    with own, own.client() as client:
        assert client.post("/complete", json=ask(route="cached")).json()["decision"]["reason"] != "cached"
    assert len(upstream.seen) == 2
    assert "Traceback" not in own.said, own.said


async def test_what_a_cache_keeps_lies_on_one_slot_and_goes_with_time(clustered: Store) -> None:
    keys = AccountKeys("acme")
    index = keys.cache_index("faq"), keys.cache_sizes("faq")
    gone = []
    for at in range(10):
        gone += await clustered.run(KEEP, (keys.cached(f"n{at}"), *index), (f"n{at}", b"x" * 100, 60, 350))
    assert gone == [f"n{at}".encode() for at in range(7)]
    assert await clustered.hash_of(index[1]) == {
        b"n7": b"100",
        b"n8": b"100",
        b"n9": b"100",
        b"total": b"300",
    }
    await clustered.run(KEEP, (keys.cached("n9"), *index), ("n9", b"x" * 50, 60, 350))
    assert (await clustered.hash_of(index[1]))[b"total"] == b"250"
    reply = await clustered.run(LOOKUP, (keys.version, keys.cached("n9"), keys.cached("none")), ("0",))
    assert reply[2:] == [b"x" * 50, b""]
    assert await clustered.run(LOOKUP, (keys.version, keys.cached("n9")), ("7",)) == [b"stale"]
    for key in await clustered.command("KEYS", "*"):
        assert 0 < await clustered.command("TTL", key) <= 60
