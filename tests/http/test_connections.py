"""Connections that are meant to cost us something: heads without end, callers who stop reading, too many of them."""

import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from router.connection import Connection
from router.http.request import Receive, Scope, Send, read_body, send_whole
from tests.http.config import KEY, ask, chat
from tests.http.wire import error_of
from tests.service import Service
from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire

HEAD = b"POST /complete HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
LARGE = 8 << 20
BRIEF = """\
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}, timeouts: {{first_byte_s: 2, idle_s: 2, total_s: 2}}}}
routes:
  default: {{small: tiny, large: tiny, threshold: 0.12}}
"""


class Quick(Connection):
    """The same, with less patience."""

    patience_s = 0.3
    stalled_s = 0.3
    linger_s = 0.3


class Few(Connection):
    """The same, for very few."""

    most_connections = 2


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers `/large` with much, `/early` before the body is read, and all else with the body's size."""
    if scope["type"] != "http":
        return
    body = b"x" * LARGE
    if scope["path"] == "/early":
        body = b"early"
    elif scope["path"] != "/large":
        body = b"%d" % len(await read_body(receive, {}, LARGE, 5))
    await send_whole(send, 200, [], body)


@contextmanager
def listening(protocol: type[Connection]) -> Iterator[tuple[str, int]]:
    """A server of ours; at the end every connection must be gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, http=protocol, loop="uvloop", ws="none", lifespan="off", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()
            until_none_is_left(server)
        finally:
            server.should_exit = True
            thread.join(30)
        assert not thread.is_alive()


def until_none_is_left(server: uvicorn.Server) -> None:
    give_up = time.monotonic() + 20
    while server.server_state.connections:
        assert time.monotonic() < give_up, server.server_state.connections
        time.sleep(0.02)


def connected(at: tuple[str, int], window: int | None = None) -> socket.socket:
    """A socket to the server; `window` bytes are all it takes unread."""
    caller = socket.socket()
    if window is not None:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    caller.settimeout(20)
    caller.connect(at)
    return caller


def all_of(caller: socket.socket) -> bytes:
    """What comes until the server closes."""
    found = b""
    while piece := caller.recv(65_536):
        found += piece
    return found


def error_in(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    return found


def address(service: Service) -> tuple[str, int]:
    host, _, port = service.url.removeprefix("http://").partition(":")
    return host, int(port)


# --- heads ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"X-Long: " + b"x" * 70_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: %s\r\n" % (at, b"x" * 100) for at in range(700)) + b"\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        HEAD + b"X-Endless: " + b"x" * 1_000_000,
        HEAD + b"X: x\r\n" * 200_000,
    ],
    ids=["one long header", "many headers", "long address", "a header without end", "headers without end"],
)
def test_a_head_that_is_too_large_is_refused_with_431_before_anything_else(
    service: Service, head: bytes
) -> None:
    with connected(address(service)) as caller:
        caller.sendall(head)
        answer = all_of(caller)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"connection: close" in answer
    assert error_in(answer)["code"] == "headers_too_large"


def test_a_head_of_just_under_the_limit_is_read(client: httpx.Client) -> None:
    for _ in range(3):
        response = client.post("/complete", json=ask(dry_run=True), headers={"x-long": "x" * 64_000})
        assert response.status_code == 200


def test_a_large_head_behind_another_request_is_refused_too(service: Service) -> None:
    with connected(address(service)) as caller:
        caller.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert caller.recv(65_536).startswith(b"HTTP/1.1 200")
        caller.sendall(HEAD + b"X-Endless: " + b"x" * 1_000_000)
        assert error_in(all_of(caller))["code"] == "headers_too_large"


def test_trailers_without_end_are_not_kept() -> None:
    with listening(Connection) as at, connected(at) as caller:
        caller.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            flood(caller)


def flood(caller: socket.socket) -> None:
    """Sends far more than the system keeps for a server that does not read."""
    for _ in range(1_000):
        caller.sendall(b"X-Trailer: " + b"x" * 100_000)


def test_what_is_not_http_is_answered_as_every_error_is(service: Service) -> None:
    with connected(address(service)) as caller:
        caller.sendall(b"hello there\r\n\r\n")
        answer = all_of(caller)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert error_in(answer)["code"] == "invalid_request"


def test_a_head_that_does_not_become_whole_is_refused_with_408() -> None:
    with listening(Quick) as at, connected(at) as caller:
        caller.sendall(HEAD[:40])
        answer = all_of(caller)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert error_in(answer)["code"] == "request_timeout"


def test_a_second_head_that_does_not_become_whole_is_refused_too() -> None:
    with listening(Quick) as at, connected(at) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert caller.recv(65_536).startswith(b"HTTP/1.1 200")
        caller.sendall(b"GET / HT")
        assert all_of(caller).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("after", [b"", b"GET / HTTP/1.1\r\n\r\n"], ids=["at once", "after a request"])
def test_a_connection_without_a_word_is_closed(after: bytes) -> None:
    with listening(Quick) as at, connected(at) as caller:
        caller.sendall(after)
        assert all_of(caller).count(b"HTTP/1.1") == bool(after)


def test_a_slow_body_outlives_the_patience_with_heads() -> None:
    with listening(Quick) as at, connected(at) as caller:
        caller.sendall(HEAD + b"Connection: close\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            time.sleep(0.1)
            caller.sendall(b"x")
        assert all_of(caller).endswith(b"\r\n\r\n6")


def test_a_body_that_is_answered_already_need_not_be_read_for_ever() -> None:
    with listening(Quick) as at, connected(at) as caller:
        caller.sendall(b"POST /early HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nx")
        assert all_of(caller).endswith(b"early")


# --- callers who do not read ----------------------------------------------------------------------


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["kept alive", "closing"])
def test_a_caller_who_does_not_read_is_cut_off(more: bytes) -> None:
    with listening(Quick) as at, connected(at, window=4_096) as caller:
        caller.sendall(b"GET /large HTTP/1.1\r\n" + more + b"\r\n")
        caller.recv(16)
        # Nothing is read from here on, and yet the server ends with no connection left.


def test_a_caller_who_reads_slowly_gets_all_of_it() -> None:
    with listening(Quick) as at, connected(at) as caller:
        caller.sendall(b"GET /large HTTP/1.1\r\nConnection: close\r\n\r\n")
        size = 0
        while piece := caller.recv(1 << 20):
            size += len(piece)
            time.sleep(0.02)
    assert size > LARGE


@pytest.mark.parametrize(
    ("path", "body"),
    [("/complete", ask(stream=True)), ("/v1/chat/completions", chat(stream=True))],
    ids=["complete", "chat"],
)
def test_a_caller_who_stops_reading_a_stream_keeps_no_hold_beyond_the_time_of_an_attempt(
    upstream: OpenAIWire, tmp_path: Path, path: str, body: dict[str, Any]
) -> None:
    upstream.clear()
    said = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"x" * 50_000)
    upstream.say(Spoken([said] * 400, streamed=True, content_type="text/event-stream"))
    raw = json.dumps(body).encode()
    head = HEAD.replace(b"/complete", path.encode()) + b"Content-Length: %d\r\n\r\n" % len(raw)
    own = Service(tmp_path, BRIEF.format(url=upstream.base_url), environ={"TINY_KEY": KEY})
    with own, connected(address(own), window=4_096) as caller:
        caller.sendall(head + raw)
        begun = caller.recv(2_048).lower()
        assert begun.startswith(b"http/1.1 200")
        id_ = begun.partition(b"x-pennyroute-decision-id: ")[2].partition(b"\r\n")[0].decode()
        own.until(lambda: upstream.seen[0].client_left, bool)
        assert own.settled().entries == 1
        with own.client() as client:
            assert client.get(f"/v1/decisions/{id_}").json()["status"] == "client_gone"
            refusals = 'pennyroute_refusals_total{code="client_gone"} 1.0'
            own.until(lambda: client.get("/metrics").text, lambda text: refusals in text)
    assert "Traceback" not in own.said


# --- too many -------------------------------------------------------------------------------------


def test_a_worker_may_open_as_many_files_as_its_connections_need(tmp_path: Path) -> None:
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    own = Service(tmp_path)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), most))
    try:
        own.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
    try:
        assert own.process is not None
        allowed, _ = resource.prlimit(own.process.pid, resource.RLIMIT_NOFILE)
    finally:
        own.stop()
    assert allowed == (21_000 if most == resource.RLIM_INFINITY else min(21_000, most))


def test_more_connections_than_a_worker_takes_are_told_to_come_back() -> None:
    with listening(Few) as at:
        url = f"http://{at[0]}:{at[1]}"
        with connected(at), connected(at), httpx.Client(trust_env=False) as client:
            response = client.get(url)
            error_of(response, 503, "service_busy")
            assert response.headers["x-should-retry"] == "true"
            assert response.headers["connection"] == "close"
        with httpx.Client(trust_env=False) as client:
            for _ in range(100):
                if client.get(url).status_code == 200:
                    return
                time.sleep(0.02)
            raise AssertionError("still busy")
