"""The doctor finds what is wrong with a set-up and says what to do, without a call that costs money."""

import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cli.running import CONFIG, Pennyroute
from tests.store.servers import StoreServer
from tests.upstreams.openai_wire import OpenAIWire


@pytest.fixture
def upstream() -> Iterator[OpenAIWire]:
    with OpenAIWire() as upstream:
        yield upstream


@pytest.fixture
def refusing() -> Iterator[str]:
    """An endpoint that takes nobody's key."""

    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def _configure(pennyroute: Pennyroute, base_url: str, more: str = "") -> None:
    config = CONFIG.replace("http://127.0.0.1:9/v1", base_url).replace(
        "model: tiny-1", "model: tiny-1, api_key: os.environ/TINY_KEY"
    )
    (pennyroute.folder / "pennyroute.yaml").write_text(f"{config}server: {{port: 0}}\n{more}")


def _rows(pennyroute: Pennyroute, code: int, **environ: str) -> dict[str, dict[str, str]]:
    ran = pennyroute("doctor", "--format", "json", TINY_KEY="secret-of-tiny", **environ)
    assert ran.code == code, ran
    assert "secret-of-tiny" not in ran.out + ran.err
    return {f"{row['part']} {row['subject']}".strip(): row for row in ran.json}


def test_a_good_set_up_is_found_good_and_nobody_is_asked_to_complete_anything(
    pennyroute: Pennyroute, upstream: OpenAIWire
):
    _configure(pennyroute, upstream.base_url)
    rows = _rows(pennyroute, code=0)
    assert {row["verdict"] for row in rows.values()} == {"ok"}
    assert rows.keys() == {
        "configuration",
        "store server",
        "store persistence",
        "store eviction",
        "keys",
        "prices tiny",
        "prices big",
        "providers tiny",
        "providers big",
        "classifier",
        "address",
    }
    assert "embedded Valkey" in rows["store server"]["said"]
    assert "with a key" in rows["providers tiny"]["said"]
    assert upstream.seen == []


def test_it_is_a_table_for_people_that_fits_the_window(pennyroute: Pennyroute, upstream: OpenAIWire):
    _configure(pennyroute, upstream.base_url)
    for columns in (80, 120):
        ran = pennyroute("doctor", columns=columns, TINY_KEY="x" * 20)
        assert ran.code == 0
        assert "11 ok, 0 to look at, 0 failed" in ran.out
        assert max(map(len, ran.out.splitlines())) <= columns


def test_an_address_that_does_not_answer_fails(configured: Pennyroute):
    ran = configured("doctor")
    assert ran.code == 1
    assert "127.0.0.1:9: no connection" in ran.out
    assert "→ start that server" in ran.out


def test_a_key_that_is_refused_fails_and_a_model_that_is_not_listed_is_a_warning(
    pennyroute: Pennyroute, upstream: OpenAIWire, refusing: str
):
    _configure(pennyroute, refusing)
    rows = _rows(pennyroute, code=1)
    assert "answers 401 with a key" in rows["providers tiny"]["said"]
    assert "models.tiny.api_key" in rows["providers tiny"]["to_do"]
    _configure(pennyroute, upstream.base_url)
    written = pennyroute.folder / "pennyroute.yaml"
    written.write_text(written.read_text().replace("model: big-1", "model: big-2"))
    rows = _rows(pennyroute, code=0)
    assert rows["providers big"]["verdict"] == "warn"
    assert "big-1" in rows["providers big"]["to_do"]


def test_a_store_that_may_forget_money_is_said_loudly(
    pennyroute: Pennyroute, upstream: OpenAIWire, own_server: Callable[..., StoreServer]
):
    _configure(pennyroute, upstream.base_url)
    forgetful = own_server("valkey", appendonly="no", maxmemory_policy="allkeys-lru", maxmemory="100mb")
    rows = _rows(pennyroute, code=1, REDIS_URL=forgetful.url)
    assert rows["store persistence"]["verdict"] == "warn"
    assert "LOSES MONEY" in rows["store persistence"]["said"]
    assert "appendonly yes" in rows["store persistence"]["to_do"]
    assert rows["store eviction"]["verdict"] == "fail"
    assert "noeviction" in rows["store eviction"]["to_do"]


def test_a_store_that_does_not_answer_fails_and_the_rest_is_looked_at(
    pennyroute: Pennyroute, upstream: OpenAIWire
):
    _configure(pennyroute, upstream.base_url)
    rows = _rows(pennyroute, code=1, REDIS_URL="redis://127.0.0.1:9/0")
    assert rows["store"]["verdict"] == "fail"
    assert "REDIS_URL" in rows["store"]["to_do"]
    assert rows["providers big"]["verdict"] == "ok"


def test_a_broken_configuration_is_shown_whole(pennyroute: Pennyroute):
    (pennyroute.folder / "pennyroute.yaml").write_text("models:\n  a: {provider: opnai}\nroutes: {}\n")
    ran = pennyroute("doctor")
    assert ran.code == 1
    assert "pennyroute.yaml:2" in ran.out
    assert "openai" in ran.out
    assert "once the configuration can be used" in ran.out


def test_an_address_in_use_by_another_and_one_open_without_keys_fail(
    pennyroute: Pennyroute, upstream: OpenAIWire
):
    _configure(pennyroute, upstream.base_url)
    written = pennyroute.folder / "pennyroute.yaml"
    port = upstream.base_url.rpartition(":")[2].removesuffix("/v1")
    written.write_text(written.read_text().replace("port: 0", f"port: {port}"))
    rows = _rows(pennyroute, code=1)
    assert "cannot listen" in rows["address"]["said"]
    written.write_text(written.read_text().replace(f"port: {port}", "port: 0, host: 0.0.0.0"))
    rows = _rows(pennyroute, code=1)
    assert rows["keys"]["verdict"] == "fail"
    assert "keys create" in rows["keys"]["to_do"]


def test_a_key_that_is_not_set_fails_is_not_asked_with_and_the_rest_is_looked_at(
    pennyroute: Pennyroute, refusing: str
):
    _configure(pennyroute, refusing)
    ran = pennyroute("doctor", "--format", "json")
    assert ran.code == 1
    assert "stand-in" not in ran.out + ran.err
    rows = {f"{row['part']} {row['subject']}".strip(): row for row in ran.json}
    assert rows["configuration"]["verdict"] == "fail"
    assert "TINY_KEY is not set" in rows["configuration"]["said"]
    assert rows["providers tiny"]["verdict"] == "fail"
    assert "was not asked" in rows["providers tiny"]["said"]
    assert "answers 401 without a key" in rows["providers big"]["said"]
    assert rows["store server"]["verdict"] == rows["address"]["verdict"] == "ok"
    assert "once the configuration can be used" not in pennyroute("doctor").out
