"""Sending the workload over real HTTP on loopback."""

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from router.demo.client import Unreachable
from router.demo.run import run_demo
from router.demo.workload import read_workload


class Service(ThreadingHTTPServer):
    """Speaks as much of `/complete` as the sender needs: a tier, unknown routes, refusals."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Wire)
        self.lock = threading.Lock()
        self.seen: list[tuple[str, dict[str, Any], str | None]] = []
        self.refuse = ""
        self.routes = {"default", "support", "legal-triage", "meeting-notes", "prompt-lab"}
        self.url = f"http://127.0.0.1:{self.server_port}"

    def answer(
        self, path: str, body: dict[str, Any], authorization: str | None
    ) -> tuple[int, dict[str, Any]]:
        with self.lock:
            self.seen.append((path, body, authorization))
        if body["route"] not in self.routes:
            return 404, {"error": {"code": "route_not_found", "message": "no such route"}}
        if self.refuse and self.refuse in body["query"]:
            return 502, {"error": {"code": "upstream_failed", "message": "the provider failed"}}
        return 200, {"decision": {"tier": "large" if len(body["query"]) > 200 else "small"}}


class Wire(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Service

    def do_GET(self):
        self._send(200 if self.path == "/healthz" else 404, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._send(*self.server.answer(self.path, body, self.headers["Authorization"]))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keeps the test's output clean."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_every_query_arrives_once_and_progress_is_told_of_each(service: Service):
    told = []
    result = await run_demo(service.url, None, lambda done, total: told.append((done, total)))
    workload = read_workload()
    assert Counter(body["query"] for _, body, _ in service.seen) == Counter(q.query for q in workload)
    assert {path for path, _, _ in service.seen} == {"/complete"}
    assert told == [(i + 1, len(workload)) for i in range(len(workload))]
    assert (result.sent, result.answered, result.failed) == (len(workload), len(workload), 0)
    assert result.to_large == sum(len(query.query) > 200 for query in workload)
    assert result.missing_routes == ()


async def test_the_key_is_sent_as_a_bearer(service: Service):
    await run_demo(service.url, "pr-secret", lambda *_: None, queries=read_workload()[:3])
    assert {authorization for _, _, authorization in service.seen} == {"Bearer pr-secret"}


async def test_a_missing_route_is_asked_for_once_and_then_default_stands_in_for_it(service: Service):
    service.routes = {"default", "support"}
    result = await run_demo(service.url, None, lambda *_: None, concurrency=1)
    assert result.missing_routes == ("legal-triage", "meeting-notes", "prompt-lab")
    assert result.answered == result.sent
    assert len(service.seen) == result.sent + 3
    stood_in = [body for _, body, _ in service.seen if body["metadata"]["feature"].startswith("prompt-lab/")]
    assert {body["route"] for body in stood_in} == {"default"}


async def test_failures_are_counted_by_what_was_said_and_the_rest_goes_on(service: Service):
    service.refuse = "order"
    result = await run_demo(service.url, None, lambda *_: None)
    refused = sum("order" in query.query for query in read_workload())
    assert result.failures == {"the provider failed": refused}
    assert result.answered == result.sent - refused


async def test_a_service_that_is_down_is_said_at_once_with_what_to_do():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unreachable, match="start it with `make run`"):
            await run_demo(address, None, lambda *_: None)


async def test_another_server_is_not_mistaken_for_the_service(service: Service):
    with pytest.raises(Unreachable, match="is this Pennyroute"):
        await run_demo(f"{service.url}/elsewhere", None, lambda *_: None)


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "ftp://host", "http://", ""])
async def test_an_address_that_is_none_is_refused(address: str):
    with pytest.raises(Unreachable, match="is no address"):
        await run_demo(address, None, lambda *_: None)
