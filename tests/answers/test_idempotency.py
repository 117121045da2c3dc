"""One key, one call, one charge: by the front door, before an upstream that counts its calls."""

import json
import signal
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from router.store.connection import Store
from tests.answers.config import ANSWERS_KEY, CONFIG, ENVIRON, SECRETLY
from tests.http.config import ask, chat
from tests.http.wire import error_of, events_of
from tests.service import Service
from tests.store.servers import StoreServer
from tests.upstreams.answers import OK_TEXT, Spoken
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
BODIES: Any = [
    pytest.param("/complete", ask(), id="complete"),
    pytest.param("/complete", ask(stream=True), id="complete streamed"),
    pytest.param(CHAT, chat(), id="chat"),
    pytest.param(CHAT, chat(stream=True), id="chat streamed"),
]


def fresh(**more: str) -> dict[str, str]:
    """Headers with a key that nobody used."""
    return {"idempotency-key": str(uuid.uuid4()), **more}


def answer(text: str = OK_TEXT, **more: Any) -> Spoken:
    """A provider's answer."""
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "tiny-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14},
    }
    return Spoken([json.dumps(body).encode()], **more)


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_the_same_key_and_body_gets_the_first_answer_byte_for_byte_and_is_charged_once(
    service: Service, client: httpx.Client, upstream: OpenAIWire, path: str, body: dict[str, Any]
) -> None:
    before, headers = service.settled(), fresh()
    first = client.post(path, json=body, headers=headers)
    again = client.post(path, json=body, headers=headers)
    assert first.status_code == again.status_code == 200
    assert OK_TEXT.split()[1] in first.text
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    told = {name: value for name, value in first.headers.items() if name.startswith("x-pennyroute")}
    assert told.items() <= dict(again.headers).items()
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-content-type-options"] == "nosniff"
    assert len(upstream.seen) == 1
    after = service.settled()
    assert after.entries == before.entries + 1


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_ten_at_once_are_one_call(
    service: Service, client: httpx.Client, upstream: OpenAIWire, path: str, body: dict[str, Any]
) -> None:
    upstream.play("slow")
    before, headers = service.settled(), fresh()
    with ThreadPoolExecutor(10) as pool:
        every = list(pool.map(lambda _: client.post(path, json=body, headers=headers), range(10)))
    assert {response.status_code for response in every} == {200}
    assert len({response.content for response in every}) == 1
    assert sum("idempotency-replayed" in response.headers for response in every) == 9
    assert len(upstream.seen) == 1
    assert service.settled().entries == before.entries + 1


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        ("/complete", ask("What is the capital of Spain?"), {}),
        ("/complete", ask(stream=True), {}),
        (CHAT, chat(), {}),
        ("/complete", ask(), {"x-pennyroute-tier": "large"}),
    ],
    ids=["text", "streamed", "path", "tier"],
)
def test_another_request_under_the_same_key_is_refused(
    client: httpx.Client, upstream: OpenAIWire, path: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    keyed = fresh()
    assert client.post("/complete", json=ask(), headers=keyed).status_code == 200
    error = error_of(client.post(path, json=body, headers=keyed | headers), 422, "idempotency_key_reused")
    assert error["param"] == "Idempotency-Key"
    assert len(upstream.seen) == 1


def test_another_key_is_another_call(client: httpx.Client, upstream: OpenAIWire) -> None:
    for _ in range(2):
        assert client.post("/complete", json=ask(), headers=fresh()).status_code == 200
    assert len(upstream.seen) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "café", "a\tb"])
def test_a_key_that_is_none_is_refused_before_anybody_is_called(
    client: httpx.Client, upstream: OpenAIWire, key: str
) -> None:
    response = client.post("/complete", json=ask(), headers={b"idempotency-key": key.encode("latin-1")})
    error_of(response, 400, "invalid_request")
    assert upstream.seen == []


@pytest.mark.parametrize("control", [b"\x01", b"\x00", b"\x7f", b"\n"])
def test_no_control_character_gets_in_by_the_key(
    service: Service, upstream: OpenAIWire, control: bytes
) -> None:
    upstream.clear()
    host, _, port = service.url.removeprefix("http://").partition(":")
    body = json.dumps(ask()).encode()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(
            b"POST /complete HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nIdempotency-Key: a" + control + b"b\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )
        assert connection.recv(64).startswith(b"HTTP/1.1 400")
    assert upstream.seen == []


def test_every_printable_character_may_be_in_a_key(client: httpx.Client, upstream: OpenAIWire) -> None:
    headers = {"idempotency-key": "".join(chr(code) for code in range(0x21, 0x7F)) + uuid.uuid4().hex}
    for _ in range(2):
        assert client.post("/complete", json=ask(), headers=headers).status_code == 200
    assert len(upstream.seen) == 1


def test_only_allow_allows(client: httpx.Client) -> None:
    headers = fresh(**{"idempotency-retry": "please"})
    assert error_of(client.post("/complete", json=ask(), headers=headers), 400)["param"] == (
        "Idempotency-Retry"
    )


@pytest.mark.parametrize("script", ["429", "400", "404", "401"])
def test_what_failed_and_was_charged_nothing_may_be_sent_again(
    client: httpx.Client, upstream: OpenAIWire, script: str
) -> None:
    headers = fresh()
    upstream.play(script)
    assert client.post("/complete", json=ask(), headers=headers).status_code >= 400
    again = client.post("/complete", json=ask(), headers=headers)
    assert again.status_code == 200
    assert "idempotency-replayed" not in again.headers
    assert len(upstream.seen) == 2


def test_what_is_refused_before_a_call_may_be_sent_again(client: httpx.Client) -> None:
    headers = fresh()
    for _ in range(2):
        response = client.post(CHAT, json=chat(model="nobody"), headers=headers)
        error_of(response, 404, "model_not_found")
        assert "idempotency-replayed" not in response.headers


@pytest.mark.parametrize("script", ["half-a-body", "half"])
def test_what_failed_and_was_charged_is_answered_again_until_another_call_is_allowed(
    service: Service, client: httpx.Client, upstream: OpenAIWire, script: str
) -> None:
    streamed = script == "half"
    before, headers, body = service.settled(), fresh(), ask(stream=streamed)
    upstream.play(script)
    first = client.post("/complete", json=body, headers=headers)
    assert "error" in first.text
    again = client.post("/complete", json=body, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert streamed or again.headers["x-should-retry"] == "false"
    assert service.settled().entries == before.entries + 1
    allowed = client.post("/complete", json=body, headers={**headers, "idempotency-retry": "allow"})
    assert "error" not in allowed.text
    assert service.settled().entries == before.entries + 2
    assert client.post("/complete", json=body, headers=headers).content == allowed.content
    assert len(upstream.seen) == 2


def test_allowing_another_call_makes_none_where_an_answer_stands(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    headers = fresh(**{"idempotency-retry": "allow"})
    first = client.post("/complete", json=ask(), headers=headers)
    assert client.post("/complete", json=ask(), headers=headers).content == first.content
    assert len(upstream.seen) == 1


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_caller_whose_line_broke_gets_the_answer_when_it_asks_again(
    service: Service, client: httpx.Client, upstream: OpenAIWire, path: str, body: dict[str, Any]
) -> None:
    before, headers = service.settled(), fresh()
    upstream.play("slow")
    host, _, port = service.url.removeprefix("http://").partition(":")
    raw = json.dumps(body).encode()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {headers['idempotency-key']}\r\nContent-Length: {len(raw)}\r\n\r\n"
        )
        connection.sendall(head.encode() + raw)
        service.until(lambda: upstream.seen, bool)
    # httpx would write the same JSON otherwise: the very bytes are what must be the same.
    again = client.post(path, content=raw, headers={**headers, "content-type": "application/json"})
    assert again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert OK_TEXT.split()[-1] in again.text
    assert len(upstream.seen) == 1
    assert service.settled().entries == before.entries + 1


def test_an_answer_too_large_to_keep_is_given_once_and_again_only_by_another_call(
    client: httpx.Client, upstream: OpenAIWire
) -> None:
    headers = fresh()
    upstream.say(answer("word " * 10_000))
    first = client.post("/complete", json=ask(), headers=headers)
    assert first.status_code == 200
    assert len(first.content) > 50_000
    again = client.post("/complete", json=ask(), headers=headers)
    error = error_of(again, 409, "answer_not_kept")
    assert first.json()["decision"]["id"] in error["message"]
    assert again.headers["x-should-retry"] == "false"
    allowed = client.post("/complete", json=ask(), headers={**headers, "idempotency-retry": "allow"})
    assert allowed.status_code == 200
    assert len(upstream.seen) == 2


def test_a_dry_run_costs_nothing_and_takes_no_key(client: httpx.Client, upstream: OpenAIWire) -> None:
    headers = fresh()
    assert client.post("/complete", json=ask(dry_run=True), headers=headers).status_code == 200
    assert client.post("/complete", json=ask(), headers=headers).status_code == 200
    assert len(upstream.seen) == 1


def kept(service: Service, what: str = "once") -> list[tuple[str, dict[bytes, bytes]]]:
    """Every claim, or whatever else is kept of answers, as the store has it."""

    async def look(store: Store) -> list[tuple[str, dict[bytes, bytes]]]:
        keys = await store.command("KEYS", f"pr:*:{what}:*")
        return [(key.decode(), await store.hash_of(key.decode())) for key in keys]

    return service.in_store(look)


def test_what_is_kept_says_nothing_of_the_answer_nor_of_the_key_and_goes_after_its_time(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    headers = fresh()
    upstream.say(answer(SECRETLY))
    first = client.post("/complete", json=ask("Where do kumquats grow?"), headers=headers)
    assert SECRETLY in first.text

    async def everything(store: Store) -> tuple[bytes, list[int]]:
        found, lives = b"", []
        for key in await store.command("KEYS", "*once*"):
            fields = await store.hash_of(key.decode())
            found += key + b"".join(name + value for name, value in fields.items())
            lives.append(await store.command("TTL", key))
        return found, lives

    found, lives = service.in_store(everything)
    for secret in (SECRETLY, "kumquat", headers["idempotency-key"], "Where do", "choices", "output"):
        assert secret.encode() not in found
    assert lives
    assert all(0 < seconds <= 86_400 for seconds in lives)
    assert SECRETLY not in service.said


def test_what_was_changed_or_moved_in_the_store_is_never_given_out(
    service: Service, client: httpx.Client
) -> None:
    mine, other = fresh(), fresh()
    bodies = [ask("What is the capital of Chad?"), ask("What is the capital of Peru?")]
    known = {key for key, _ in kept(service)}
    client.post("/complete", json=bodies[0], headers=mine)
    (first,) = [one for one in kept(service) if one[0] not in known]
    client.post("/complete", json=bodies[1], headers=other)
    (second,) = [one for one in kept(service) if one[0] not in known | {first[0]}]
    sealed = bytearray(first[1][b"answer"])
    sealed[-1] ^= 1
    for changed in (bytes(sealed), second[1][b"answer"], b"", b"\x01short", sealed[:40]):
        service.in_store(
            lambda store, raw=bytes(changed): store.command("HSET", first[0], "answer", raw)  # type: ignore[misc]
        )
        response = client.post("/complete", json=bodies[0], headers=mine)
        error_of(response, 409, "answer_not_kept")
        assert response.headers["x-pennyroute-decision-id"]
    assert "cannot be read" in service.said
    assert OK_TEXT not in service.said
    allowed = client.post("/complete", json=bodies[0], headers={**mine, "idempotency-retry": "allow"})
    assert allowed.status_code == 200
    assert client.post("/complete", json=bodies[0], headers=mine).content == allowed.content


@pytest.fixture
def own(upstream: OpenAIWire, tmp_path: Path) -> Iterator[Service]:
    """A service that a test may kill, with short leases and little patience."""
    upstream.clear()
    more = "idempotency: {lease_s: 1, wait_s: 0.2, keep_s: 2}"
    service = Service(tmp_path, CONFIG.format(url=upstream.base_url, more=more), environ=ENVIRON)
    with service:
        yield service
    assert "Traceback" not in service.said, service.said


@pytest.mark.parametrize(("path", "body"), BODIES[1:3])
def test_after_a_crash_in_flight_nobody_knows_the_outcome_and_only_who_allows_it_is_charged_again(
    upstream: OpenAIWire, tmp_path: Path, path: str, body: dict[str, Any]
) -> None:
    upstream.clear()
    more = "idempotency: {lease_s: 1, wait_s: 60}\nledger: {hold_expiry_s: 600}"
    own = Service(tmp_path, CONFIG.format(url=upstream.base_url, more=more), environ=ENVIRON).start()
    headers = fresh()
    upstream.play("hang")

    def lost() -> None:
        with own.client() as client, pytest.raises(httpx.TransportError):
            client.post(path, json=body, headers=headers)

    caller = threading.Thread(target=lost)
    caller.start()
    own.until(lambda: upstream.seen, bool)
    own.kill()
    caller.join(30)
    with own, own.client() as client:
        response = client.post(path, json=body, headers=headers)
        error = error_of(response, 409, "outcome_unknown")
        id_ = response.headers["x-pennyroute-decision-id"]
        assert id_ in error["message"]
        assert "USD is held" in error["message"]
        assert "Idempotency-Retry: allow" in error["message"]
        assert response.headers["x-should-retry"] == "false"
        assert client.get(f"/v1/decisions/{id_}").status_code == 200
        error_of(client.post(path, json=body, headers=headers), 409, "outcome_unknown")
        assert len(upstream.seen) == 1
        allowed = client.post(path, json=body, headers={**headers, "idempotency-retry": "allow"})
        assert allowed.status_code == 200
        assert len(upstream.seen) == 2
        again = client.post(path, json=body, headers=headers)
        assert again.content == allowed.content
        assert own.ledger().entries == 1
        assert own.ledger().open_holds == 1
    assert "Traceback" not in own.said, own.said


def test_who_waits_longer_than_a_request_may_is_told_when_to_come_again(
    own: Service, upstream: OpenAIWire
) -> None:
    headers = fresh()
    upstream.say(answer(wait_s=3.5))
    with own.client() as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/complete", json=ask(), headers=headers)
        own.until(lambda: upstream.seen, bool)
        # Long after its first lease the claim of a live worker holds.
        while not first.done():
            response = client.post("/complete", json=ask(), headers=headers)
            if response.status_code == 200:
                break
            error_of(response, 409, "idempotency_key_in_use")
            assert int(response.headers["retry-after"]) >= 1
            assert response.headers["x-should-retry"] == "true"
        assert first.result().status_code == 200
    assert len(upstream.seen) == 1


def test_a_key_is_free_again_once_its_answer_has_expired(own: Service, upstream: OpenAIWire) -> None:
    headers = fresh()
    with own.client() as client:
        first = client.post("/complete", json=ask(), headers=headers)
        assert client.post("/complete", json=ask(), headers=headers).content == first.content
        own.until(lambda: kept(own), lambda found: not found)
        assert client.post("/complete", json=ask("Another?"), headers=headers).status_code == 200
    assert len(upstream.seen) == 2


def test_a_service_that_stops_answers_what_has_a_key_first(own: Service, upstream: OpenAIWire) -> None:
    headers = fresh()
    upstream.play("slow")
    with own.client() as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/complete", json=ask(), headers=headers)
        own.until(lambda: upstream.seen, bool)
        assert own.stop(signal.SIGTERM) == 0
        assert first.result().status_code == 200
    assert own.start().settled().entries == 1


def test_two_api_keys_do_not_share_an_idempotency_key(own: Service, upstream: OpenAIWire) -> None:
    secrets = [own.key("one"), own.key("two"), own.key("three", account="other")]
    headers = fresh()
    with own.client() as client:
        for secret in secrets:
            response = client.post(
                "/complete", json=ask(), headers={**headers, "authorization": f"Bearer {secret}"}
            )
            assert response.status_code == 200
            assert "idempotency-replayed" not in response.headers
        own.revoke("one")
        response = client.post(
            "/complete", json=ask(), headers={**headers, "authorization": f"Bearer {secrets[0]}"}
        )
        error_of(response, 401)
    assert len(upstream.seen) == 3


def test_without_a_store_nothing_with_a_key_is_called(upstream: OpenAIWire, tmp_path: Path) -> None:
    upstream.clear()
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        server = StoreServer("valkey", Path(folder)).start()
        environ = {**ENVIRON, "REDIS_URL": server.url, "PENNYROUTE_ANSWERS_KEY": ANSWERS_KEY}
        config = CONFIG.format(url=upstream.base_url, more="")
        with Service(tmp_path, config, environ=environ) as service, service.client() as client:
            headers = fresh()
            first = client.post("/complete", json=ask(), headers=headers)
            server.kill()
            for keyed in (headers, fresh()):
                response = client.post("/complete", json=ask(), headers=keyed)
                error_of(response, 503, "store_unavailable")
                assert response.headers["x-should-retry"] == "true"
            assert len(upstream.seen) == 1
            assert client.post("/complete", json=ask()).status_code == 200
            server.start()
            again = service.until(
                lambda: client.post("/complete", json=ask(), headers=headers),
                lambda response: response.status_code == 200,
            )
            assert again.content == first.content
        server.stop()
    assert not (tmp_path / "data" / "answers.key").exists()
    assert ANSWERS_KEY not in service.said
    assert "Traceback" not in service.said, service.said


def test_a_store_that_is_full_keeps_that_there_was_an_answer(upstream: OpenAIWire, tmp_path: Path) -> None:
    upstream.clear()
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        server = StoreServer("valkey", Path(folder)).start()
        environ = {**ENVIRON, "REDIS_URL": server.url}
        config = CONFIG.format(url=upstream.base_url, more="")
        with Service(tmp_path, config, environ=environ) as service, service.client() as client:
            headers = fresh()
            upstream.say(answer(wait_s=1.0))
            with ThreadPoolExecutor(1) as pool:
                first = pool.submit(client.post, "/complete", json=ask(), headers=headers)
                service.until(lambda: upstream.seen, bool)
                service.in_store(lambda store: store.command("CONFIG", "SET", "maxmemory", "1"))
                assert first.result().status_code == 200
            service.in_store(lambda store: store.command("CONFIG", "SET", "maxmemory", "0"))
            error_of(client.post("/complete", json=ask(), headers=headers), 409, "answer_not_kept")
            assert len(upstream.seen) == 1
        server.stop()


def test_the_key_of_an_installation_is_its_own_and_outlives_a_restart(own: Service) -> None:
    file = own.data_dir / "answers.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(file.read_text())) == 32
    assert file.read_text().strip() not in own.said
    assert own.stop() == 0
    file.chmod(0o644)
    with pytest.raises(RuntimeError, match="can be read by others"):
        own.start()
    file.chmod(0o600)
    own.start()


def test_streams_that_are_given_again_are_whole(client: httpx.Client) -> None:
    headers = fresh()
    client.post("/complete", json=ask(stream=True), headers=headers)
    again = client.post("/complete", json=ask(stream=True), headers=headers)
    name, last = events_of(again.text)[-1]
    assert name == "completion"
    assert last["output"].strip() == OK_TEXT
