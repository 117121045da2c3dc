"""The store goes away, a body does not arrive: said clearly, nothing lost, nothing hangs."""

import http.client
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http.config import CONFIG, EASY, HARD, KEY, ask, chat
from tests.http.wire import error_of, events_of
from tests.service import Service
from tests.store.servers import StoreServer
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"


@pytest.fixture
def store() -> Iterator[StoreServer]:
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        server = StoreServer("valkey", Path(folder)).start()
        yield server
        server.stop()


def before_a_store(upstream: OpenAIWire, folder: Path, url: str) -> Service:
    return Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY, "REDIS_URL": url})


def test_while_the_store_is_away_queries_are_answered_and_their_cost_is_kept(
    upstream: OpenAIWire, store: StoreServer, tmp_path: Path
) -> None:
    upstream.clear()
    with before_a_store(upstream, tmp_path, store.url) as service, service.client() as client:
        assert client.post("/complete", json=ask()).status_code == 200
        before = service.settled()
        store.kill()
        answers = [client.post("/complete", json=ask(text)) for text in (EASY, HARD)]
        streamed = client.post("/complete", json=ask(stream=True))
        assert client.post(CHAT, json=chat()).status_code == 200
        costs = [answer.json()["cost"]["nano_usd"] for answer in answers]
        costs += [events_of(streamed.text)[-1][1]["cost"]["nano_usd"], 4_500]
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert client.get("/healthz").status_code == 200
        for method, path in (("GET", "/v1/reports/routes"), ("PUT", "/v1/routes/default/threshold")):
            response = client.request(method, path, json={"threshold": 0.5}, headers={"if-match": "*"})
            error = error_of(response, 503, "store_unavailable")
            assert "pennyroute doctor" in error["message"]
            assert response.headers["x-should-retry"] == "true"
        error_of(client.get(f"/v1/decisions/{answers[0].json()['decision']['id']}"), 503, "store_unavailable")
        store.start()
        after = service.until(service.ledger, lambda found: found.entries == before.entries + 4, 60)
        assert after.cost_nano == before.cost_nano + sum(costs)
        assert after.open_holds == 0
        found = client.get(f"/v1/decisions/{answers[0].json()['decision']['id']}").json()
        assert found["enforced"] is False
        assert found["cost"]["nano_usd"] == costs[0]
        service.until(lambda: client.get("/readyz").json()["status"], lambda status: status == "ready", 60)
    assert "Traceback" not in service.said


def test_what_was_spooled_when_the_service_stops_is_written_when_it_starts_again(
    upstream: OpenAIWire, store: StoreServer, tmp_path: Path
) -> None:
    service = before_a_store(upstream, tmp_path, store.url)
    with service, service.client() as client:
        store.kill()
        cost = client.post("/complete", json=ask()).json()["cost"]["nano_usd"]
        assert service.stop(signal.SIGTERM) == 0
    store.start()
    with service:
        after = service.until(service.ledger, lambda found: found.entries == 1, 60)
    assert after.cost_nano == cost


def test_a_store_that_is_frozen_delays_an_answer_and_does_not_lose_it(
    upstream: OpenAIWire, store: StoreServer, tmp_path: Path
) -> None:
    with before_a_store(upstream, tmp_path, store.url) as service, service.client() as client:
        store.freeze()
        response = client.post("/complete", json=ask())
        assert response.status_code == 200
        store.thaw()
        after = service.until(service.ledger, lambda found: found.entries == 1 and not found.open_holds, 60)
        assert after.cost_nano == response.json()["cost"]["nano_usd"]


def test_a_service_whose_store_is_not_there_does_not_start_and_says_so(
    upstream: OpenAIWire, tmp_path: Path
) -> None:
    service = before_a_store(upstream, tmp_path, f"unix://{tmp_path}/none")
    with pytest.raises(RuntimeError, match="the store does not answer") as caught:
        service.start()
    assert "Traceback" not in str(caught.value)


def test_a_store_that_may_forget_money_is_refused(upstream: OpenAIWire, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        server = StoreServer("valkey", Path(folder), {"maxmemory-policy": "allkeys-lru"}).start()
        service = before_a_store(upstream, tmp_path, server.url)
        with pytest.raises(RuntimeError, match="noeviction"):
            service.start()
        server.stop()


def test_an_embedded_store_that_dies_is_started_again_and_has_everything(
    upstream: OpenAIWire, tmp_path: Path
) -> None:
    upstream.clear()
    with (
        Service(tmp_path, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY}) as service,
        service.client() as client,
    ):
        assert client.post("/complete", json=ask()).status_code == 200
        first = service.store_pid()
        os.kill(first, signal.SIGKILL)
        assert client.post("/complete", json=ask()).status_code == 200
        service.until(lambda: client.get("/readyz").json()["status"], lambda status: status == "ready", 60)
        after = service.until(service.ledger, lambda found: found.entries == 2 and not found.open_holds, 60)
        assert after.cost_nano == 2 * 4_500
        assert service.store_pid() != first
        second = service.store_pid()
    service.until(lambda: Path(f"/proc/{second}").exists(), lambda there: not there)


@pytest.mark.parametrize("path", ["/complete", CHAT, "/v1/routes/default/threshold"])
def test_a_body_that_does_not_arrive_in_time_is_a_408(slow: Service, path: str) -> None:
    host, _, port = slow.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.putrequest("PUT" if "threshold" in path else "POST", path)
    connection.putheader("content-type", "application/json")
    connection.putheader("content-length", "1000")
    connection.endheaders(b'{"query": "I am sl')
    response = connection.getresponse()
    body = response.read().decode()
    assert response.status == 408
    assert '"code":"request_timeout"' in body
    assert "server.request_timeout_s" in body
    assert response.getheader("x-should-retry") == "true"
    connection.close()


def test_a_body_that_drips_is_a_408_too(slow: Service) -> None:
    host, _, port = slow.url.removeprefix("http://").partition(":")
    head = b"POST /complete HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(head + b"Content-Length: 1000\r\n\r\n")
        connection.settimeout(0.05)
        answer = b""
        while not answer:
            connection.sendall(b" ")
            try:
                answer = connection.recv(64)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")


def test_the_slow_are_not_waited_for_by_others(slow: Service) -> None:
    with slow.client() as client:
        assert client.post("/complete", json=ask()).status_code == 200
    assert slow.ledger().entries == 1


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with little patience; on the offline pair."""
    config = """\
models:
  offline/small: {provider: offline}
  offline/large: {provider: offline}
routes:
  default: {small: offline/small, large: offline/large}
server: {request_timeout_s: 0.3}
"""
    with Service(tmp_path_factory.mktemp("slow"), config) as service:
        yield service
    assert "Traceback" not in service.said
