"""A stranger who follows README.md or the quick start from top to bottom: every command of theirs is run."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page

ADDRESS = "127.0.0.1:8080"
COMMAND = Path(sys.executable).with_name("python")
CURL = "curl --silent --show-error --fail-with-body "
"""As a person runs it, but a refusal fails."""
STARTED_ELSEWHERE = ("make run", "make demo")
"""Commands with tests of their own; what they install and send would take too long here."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service that runs, and where its reader works."""

    address: str
    directory: Path
    environ: dict[str, str]

    def follow(self, block: str, program: list[str]) -> str:
        """Runs a block of a page against this service; answers what it printed.

        Raises:
            AssertionError: it failed; with everything it said.
        """
        text = block.replace(ADDRESS, self.address).replace(".venv/bin/pennyroute", "pennyroute")
        done = subprocess.run(
            [*program, text],
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def wait_until_known(self, key: str) -> None:
        """Waits as the page says one may have to: until a key just made is good."""
        status = None
        while status != http.client.OK:
            with closing(http.client.HTTPConnection(self.address, timeout=10)) as connection:
                connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
                status = connection.getresponse().status
            assert status in {http.client.OK, http.client.UNAUTHORIZED}
            time.sleep(0.05)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """The real service with its embedded store, on a free port, as `make run` starts it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "pennyroute").write_text(f'#!/bin/sh\nexec "{COMMAND}" -m router.cli.main "$@"\n')
    (programs / "pennyroute").chmod(0o755)
    environ = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "PENNYROUTE_DATA_DIR": str(tmp_path / "data"),
    }
    process = subprocess.Popen(
        ["pennyroute", "serve", "--port", "0"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        found = None
        while found is None:
            line = process.stdout.readline()
            assert line, "the service ended before it said where it answers"
            found = re.search(r"answers at http://([\d.]+:\d+)", line)
        yield Service(found[1], tmp_path, environ)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def followed(service: Service, name: str) -> list[str]:
    """What each block of a page printed, in its order."""
    shown = []
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", page(name).text, re.MULTILINE | re.DOTALL):
        variable = re.fullmatch(r"(\w+)=\$\((.*)\)\n", block)
        if language == "yaml":
            (service.directory / "pennyroute.yaml").write_text(block)
            service.environ.update(OPENAI_API_KEY="a-key", ANTHROPIC_API_KEY="a-key")
        elif language == "python":
            shown.append(service.follow(block, [str(COMMAND), "-c"]))
        elif variable:
            service.environ[variable[1]] = service.follow(variable[2], ["sh", "-euc"]).strip()
            service.wait_until_known(service.environ[variable[1]])
        elif language == "sh" and block.strip() not in STARTED_ELSEWHERE:
            shown.append(service.follow(block.replace("curl ", CURL), ["sh", "-euc"]))
    return shown


def test_the_readme_works_from_top_to_bottom(service: Service):
    shown = followed(service, "README.md")
    assert '"tier":"small"' in shown[0]
    assert '"tier":"large"' in shown[1]
    assert re.search(r"^offline/small 0\.0\d+ USD$", shown[2], re.MULTILINE)


def test_the_quick_start_works_from_top_to_bottom(service: Service):
    shown = followed(service, "docs/quickstart.md")
    assert '"output":null' in shown[1]
    assert "event: completion" in shown[3]
    assert '"tier":' in shown[-1]


def test_nothing_in_the_pages_is_left_unrun_unnoticed():
    for name in ("README.md", "docs/quickstart.md"):
        languages = set(re.findall(r"^```(\w+)$", page(name).text, re.MULTILINE))
        assert languages <= {"sh", "python", "yaml", "json"}
