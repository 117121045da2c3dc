"""The demo sends its workload to the service that is up, or to one it starts, and shows the report."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path
from subprocess import Popen

import pytest

from router.store.embedded import EmbeddedStore
from tests.cli.running import Pennyroute

OFFLINE = """\
models:
  offline/small: {{provider: offline}}
  offline/large: {{provider: offline}}
routes:
  default: {{small: offline/small, large: offline/large}}
  support: {{small: offline/small, large: offline/large}}
server: {{port: {port}}}
"""


@pytest.fixture
def offline(pennyroute: Pennyroute) -> Pennyroute:
    """The command beside a configuration of the offline upstream, on a port where nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    (pennyroute.folder / "pennyroute.yaml").write_text(OFFLINE.format(port=port))
    return pennyroute


def test_with_the_service_down_one_is_started_for_the_duration(offline: Pennyroute):
    ran = offline.ok("demo")
    assert "starting the service" in ran.err
    assert "Stopping the service again" in ran.err
    assert "233 queries sent, 233 answered" in ran.out
    assert "Not configured, so sent through `default`: legal-triage, meeting-notes, prompt-lab" in ran.out
    assert "Cost by route, tier" in ran.out
    assert not EmbeddedStore(offline.data_dir).alive()
    total = offline.ok("report", "--format", "json").json["total"]
    assert total["requests"] == 233
    assert f"{total['input_tokens']:,}" in ran.out
    assert offline.ok("ledger", "verify").out.startswith("account main: 233 entries")


def test_with_the_service_up_it_is_used_and_asks_for_a_key_where_one_is_needed(offline: Pennyroute):
    key = offline.ok("keys", "create", "ops", "--scope", "admin").out.strip()
    with offline.started("serve") as service:
        _wait_until_up(offline, service)
        without = offline("demo")
        assert without.code == 1
        assert "Using the service at" in without.err
        assert "233 queries sent, 0 answered" in without.out
        assert "PENNYROUTE_API_KEY" in without.out
        answered = offline.ok("demo", "--concurrency", "16", PENNYROUTE_API_KEY=key)
        assert "233 answered" in answered.out
        assert key not in answered.out + answered.err
        assert service.poll() is None
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0


def test_an_address_that_was_named_and_does_not_answer_is_refused(offline: Pennyroute):
    assert "does not answer" in offline.refused("demo", "--url", "http://127.0.0.1:9")
    assert "no address" in offline.refused("demo", "--url", "nonsense")
    assert "--concurrency" in offline.refused("demo", "--concurrency", "0", code=2)


def test_ctrl_c_ends_it_quietly_and_its_service_with_it(offline: Pennyroute):
    with offline.started("demo") as demo:
        assert demo.stderr is not None
        assert b"starting the service" in demo.stderr.readline()
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 130
        assert b"Traceback" not in demo.stderr.read()
    deadline = time.monotonic() + 30
    while _processes(offline.data_dir):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _processes(data_dir: Path) -> list[Path]:
    """Every process that was started with this data directory, or whose store lies in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            if os.fsencode(data_dir) in (process / "cmdline").read_bytes():
                found.append(process)
    return found


def _wait_until_up(offline: Pennyroute, service: Popen[bytes]) -> None:
    port = int((offline.folder / "pennyroute.yaml").read_text().rpartition("port: ")[2].rstrip("}\n"))
    while True:
        assert service.poll() is None
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
