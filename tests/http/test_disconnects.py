"""Callers who leave and services that stop: the provider is cancelled, what was used is priced, nothing is left."""

import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.config import CONFIG, HARD, KEY, ask, chat
from tests.http.wire import events_of
from tests.service import Service
from tests.upstreams.answers import OK_TEXT
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"


@pytest.fixture
def own(upstream: OpenAIWire, tmp_path: Path) -> Iterator[Service]:
    """A service that a test may stop, kill and start again."""
    upstream.clear()
    service = Service(tmp_path, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY})
    with service:
        yield service
    assert "Traceback" not in service.said, service.said


def leave_midway(service: Service, path: str, body: dict[str, Any]) -> str:
    """Reads the start of a stream and goes away; answers the decision's id."""
    with service.client() as client, client.stream("POST", path, json=body) as response:
        lines = response.iter_lines()
        while "quick" not in next(lines):
            pass
        return response.headers["x-pennyroute-decision-id"]


def hang_up(service: Service, path: str, body: dict[str, Any], when: Callable[[], bool]) -> None:
    """Sends a query and hangs up when it is time to."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    raw = json.dumps(body).encode()
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw)
        service.until(when, bool)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("path", "body"), [("/complete", ask(stream=True)), (CHAT, chat(stream=True))], ids=["complete", "chat"]
)
def test_a_caller_who_leaves_a_stream_cancels_the_provider_and_pays_for_what_came(
    service: Service, client: httpx.Client, upstream: OpenAIWire, path: str, body: dict[str, Any]
) -> None:
    before = service.settled()
    upstream.play("slow")
    id_ = leave_midway(service, path, body)
    service.until(lambda: upstream.seen[0].client_left, bool)
    after = service.until(service.ledger, lambda found: found.open_holds == 0)
    found = client.get(f"/v1/decisions/{id_}").json()
    assert found["status"] == "client_gone"
    (attempt,) = found["attempts"]
    assert attempt["usage_source"] == "counted"
    assert attempt["usage"]["input_tokens"] > 0
    assert attempt["usage"]["output_tokens"] > 0
    assert attempt["nano_usd"] > 0
    assert after.cost_nano == before.cost_nano + attempt["nano_usd"]
    assert after.entries == before.entries + 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/complete", ask(max_output_tokens=30)),
        (CHAT, chat(max_tokens=30)),
        (CHAT, chat(max_tokens=30, stream=True)),
    ],
    ids=["complete", "chat", "chat streamed"],
)
def test_a_caller_who_leaves_while_waiting_cancels_the_provider_and_nothing_stays_held(
    service: Service, upstream: OpenAIWire, client: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    before = service.settled()
    upstream.play("hang")
    hang_up(service, path, body, lambda: bool(upstream.seen))
    service.until(lambda: upstream.seen[0].client_left, bool)
    after = service.settled()
    assert after.entries == before.entries + 1
    # Whether the provider charges for it cannot be known: the worst case stands for it.
    assert after.cost_nano > before.cost_nano
    assert len(upstream.seen) == 1
    assert client.post("/complete", json=ask()).status_code == 200


def test_a_caller_who_leaves_the_line_before_anything_was_sent_is_charged_nothing(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.settled()
    upstream.play("slow")
    body = ask(route="narrow", tier="small", stream=True)
    with client.stream("POST", "/complete", json=body) as response:
        lines = response.iter_lines()
        while "quick" not in next(lines):
            pass
        hang_up(service, "/complete", body, lambda: service.ledger().open_holds == 2)
        after = service.until(service.ledger, lambda found: found.entries > before.entries)
        assert len(upstream.seen) == 1
        if after.open_holds:
            assert after.cost_nano == before.cost_nano
        list(lines)
    service.settled()
    total = service.ledger()
    assert total.entries == before.entries + 2
    found = client.get(f"/v1/decisions/{response.headers['x-pennyroute-decision-id']}").json()
    assert total.cost_nano == before.cost_nano + found["cost"]["nano_usd"]
    assert len(upstream.seen) == 1


@pytest.mark.parametrize("path", ["/complete", CHAT])
def test_what_came_before_a_caller_left_is_kept_where_prompts_are(
    service: Service, client: httpx.Client, upstream: OpenAIWire, path: str
) -> None:
    upstream.play("slow")
    body = ask(route="kept", stream=True) if path == "/complete" else chat(model="kept", stream=True)
    id_ = leave_midway(service, path, body)
    service.settled()
    found = client.get(f"/v1/decisions/{id_}").json()
    assert found["status"] == "client_gone"
    assert found["output"].startswith("The quick")
    assert OK_TEXT.startswith(found["output"].strip())


def test_a_caller_who_leaves_between_two_attempts_starts_no_other(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.settled()
    errors = client.get("/v1/reports/routes").json()["total"]["errors"]
    upstream.play("429", "ok")
    hang_up(service, "/complete", ask(route="spare-7"), lambda: any(seen.answered for seen in upstream.seen))
    after = service.until(service.ledger, lambda found: found.entries == before.entries + 2)
    assert after.open_holds == 0
    assert after.cost_nano == before.cost_nano
    assert len(upstream.seen) == 1
    assert client.get("/v1/reports/routes").json()["total"]["errors"] == errors + 1


def test_a_caller_who_leaves_before_the_body_is_whole_is_charged_nothing(
    service: Service, client: httpx.Client, upstream: OpenAIWire
) -> None:
    before = service.settled()
    host, _, port = service.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = b"POST /complete HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b'Content-Length: 100\r\n\r\n{"query": "x')
    assert client.post("/complete", json=ask(dry_run=True)).status_code == 200
    assert service.ledger() == before
    assert upstream.seen == []


def test_a_running_stream_finishes_before_the_service_stops(own: Service, upstream: OpenAIWire) -> None:
    upstream.play("slow")
    texts: list[str] = []
    with own.client() as client, client.stream("POST", "/complete", json=ask(stream=True)) as response:
        lines = response.iter_lines()
        next(lines)
        stopping: list[int] = []
        thread = threading.Thread(target=lambda: stopping.append(own.stop(signal.SIGTERM)))
        thread.start()
        texts = list(lines)
    thread.join(60)
    name, body = events_of("\n".join(texts))[-1]
    assert name == "completion"
    assert body["output"].strip() == OK_TEXT
    assert stopping == [0]
    with own.start().client() as client:
        found = client.get(f"/v1/decisions/{body['decision']['id']}").json()
    assert found["cost"]["nano_usd"] == body["cost"]["nano_usd"]
    assert own.ledger().open_holds == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_service_and_its_store_and_leaves_no_process(
    own: Service, number: signal.Signals
) -> None:
    with own.client() as client:
        assert client.post("/complete", json=ask()).status_code == 200
    store, service = own.store_pid(), own.process
    assert service is not None
    assert own.stop(number) == 0
    assert service.poll() == 0
    own.until(lambda: gone(store), bool)
    assert not (own.data_dir / "store" / "valkey.sock").exists()


def test_two_workers_stop_too_and_so_does_what_they_started(tmp_path: Path) -> None:
    with Service(tmp_path, arguments=("--workers", "2")) as service:
        with service.client() as client:
            assert client.post("/complete", json=ask()).status_code == 200
        assert service.process is not None
        children = descendants(service.process.pid)
        assert len(children) >= 3  # two workers and the offline upstream
        assert service.stop(signal.SIGTERM) == 0
        assert [pid for pid in children if not gone(pid)] == []


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def test_after_a_kill_the_same_report_is_there_and_the_service_starts_again(
    own: Service, upstream: OpenAIWire
) -> None:
    with own.client() as client:
        for text in ("What is two plus two?", HARD):
            assert client.post("/complete", json=ask(text)).status_code == 200
        before = client.get("/v1/reports/routes?by=route,tier").json()
    verified = own.ledger()
    own.kill()
    with own.start().client() as client:
        assert client.get("/v1/reports/routes?by=route,tier").json() == before
        assert own.ledger() == verified
        upstream.play("ok")
        assert client.post("/complete", json=ask()).status_code == 200
    assert own.ledger().entries == verified.entries + 1


def test_what_a_killed_worker_held_is_settled_as_assumed_and_not_lost(
    upstream: OpenAIWire, tmp_path: Path
) -> None:
    upstream.clear()
    config = CONFIG.format(url=upstream.base_url) + "ledger: {hold_expiry_s: 10, extend_every_s: 1}\n"
    own = Service(tmp_path, config, environ={"TINY_KEY": KEY})
    with own:
        upstream.play("hang")
        hang = threading.Thread(target=_ignored, args=(own,))
        hang.start()
        own.until(lambda: len(upstream.seen), lambda seen: seen == 1)
        assert own.ledger().open_holds == 1
        own.kill()
        hang.join(60)
        with own.start().client() as client:
            after = own.until(own.ledger, lambda found: found.open_holds == 0, 60)
            assert after.entries == 1
            assert after.cost_nano > 0
            total = client.get("/v1/reports/routes").json()["total"]
            assert total["nano_usd"] == after.cost_nano


def _ignored(service: Service) -> None:
    try:
        with service.client() as client:
            client.post("/complete", json=ask(max_output_tokens=10))
    except httpx.TransportError:
        pass  # it was killed
