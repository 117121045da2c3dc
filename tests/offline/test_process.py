"""The process of a bundled upstream lives exactly as long as who started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from router.bundled.process import BundledProcess
from router.errors import SetupError
from router.offline.process import OfflineProcess

ROOT = Path(__file__).parent.parent.parent
STARTER = """
import sys
from router.offline.process import OfflineProcess
upstream = OfflineProcess()
print(upstream.start(), upstream.pid, flush=True)
sys.stdin.read()
"""


def is_up(base_url: str) -> bool:
    try:
        return httpx.get(base_url + "/models", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_it_starts_answers_and_is_gone_when_stopped():
    upstream = OfflineProcess()
    base_url = upstream.start()
    assert base_url.startswith("http://127.0.0.1:")
    assert base_url.endswith("/v1")
    assert is_up(base_url)
    upstream.stop()
    assert not is_up(base_url)
    upstream.stop()  # once more changes nothing
    assert upstream.pid is None


def test_it_can_be_started_again():
    upstream = OfflineProcess()
    for _ in range(2):
        assert is_up(upstream.start())
        upstream.stop()


def test_it_ends_when_its_starter_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as starter:
        assert starter.stdout is not None
        base_url, _pid = starter.stdout.readline().split()
        assert is_up(base_url)
        starter.kill()
    until(lambda: not is_up(base_url))


def test_ctrl_c_is_not_for_it_and_sigterm_is():
    upstream = OfflineProcess()
    base_url = upstream.start()
    assert upstream.pid is not None
    os.kill(upstream.pid, signal.SIGINT)
    assert is_up(base_url)
    os.kill(upstream.pid, signal.SIGTERM)
    until(lambda: not is_up(base_url))
    upstream.stop()


def test_it_is_in_a_session_of_its_own():
    upstream = OfflineProcess()
    upstream.start()
    assert upstream.pid is not None
    assert os.getsid(upstream.pid) != os.getsid(0)
    upstream.stop()


def test_it_is_told_no_provider_key():
    upstream = OfflineProcess(environ={**os.environ, "OPENAI_API_KEY": "sk-not-for-you"})
    upstream.start()
    told = Path(f"/proc/{upstream.pid}/environ").read_bytes()
    upstream.stop()
    assert b"sk-not-for-you" not in told
    assert b"PATH=" in told


def test_one_that_does_not_start_says_why():
    with pytest.raises(SetupError, match=r"offline upstream did not start(.|\n)*invalid float value"):
        OfflineProcess("--latency-scale", "fast").start()


def test_one_that_says_nothing_is_given_up():
    class Silent(BundledProcess):
        module = "router.bundled.app"  # ends at once without a word
        title = "a silent upstream"

    with pytest.raises(SetupError, match=r"a silent upstream did not start .*(.|\n)*said nothing"):
        Silent().start()
    with pytest.raises(SetupError, match="did not start"):
        OfflineProcess(start_limit_s=0).start()


def test_a_port_that_is_taken_is_said():
    upstream = OfflineProcess()
    port = upstream.start().removesuffix("/v1").rpartition(":")[2]
    found = subprocess.run(
        [sys.executable, "-m", "router.offline", "--port", port],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    upstream.stop()
    assert found.returncode != 0
    assert found.stdout == ""
    assert "in use" in found.stderr
