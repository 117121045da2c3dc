"""A stranger who follows README.md or the quick start from top to bottom: every command of theirs is run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import page
from tests.service import Service

ADDRESS = "127.0.0.1:8080"
CURL = "curl --silent --show-error --fail-with-body "
"""As a person runs it, but a refusal fails."""
STARTED_ELSEWHERE = ("make run", "make demo")
"""What they do has tests of its own, and would take too long here."""
FOLLOWED = ("README.md", "docs/quickstart.md")


class Reader:
    """Somebody at a shell beside a running service, who pastes what the page shows."""

    def __init__(self, service: Service) -> None:
        programs = service.folder / "bin"
        programs.mkdir()
        command = programs / "pennyroute"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m router.cli.main "$@"\n')
        command.chmod(0o755)
        self._service = service
        self._environ = {
            **service.environ,
            "PATH": f"{programs}{os.pathsep}{service.environ['PATH']}",
            "PENNYROUTE_DATA_DIR": str(service.data_dir),
        }

    def follow(self, name: str) -> list[str]:
        """Runs a page's blocks in their order; answers what each printed."""
        shown = []
        for language, block in re.findall(
            r"^```(\w+)\n(.*?)^```$", page(name).text, re.MULTILINE | re.DOTALL
        ):
            if language == "yaml":
                (self._service.folder / "pennyroute.yaml").write_text(block)
                self._environ.update(OPENAI_API_KEY="a-key", ANTHROPIC_API_KEY="a-key")
            elif language == "python":
                shown.append(self._run([sys.executable, "-c"], block))
            elif language == "sh" and block.strip() not in STARTED_ELSEWHERE:
                shown.append(self.run_shell(block))
        return shown

    def run_shell(self, block: str) -> str:
        """Runs one block of commands; answers what they printed."""
        return self._run(["sh", "-euc"], block.replace("curl ", CURL))

    def _run(self, program: list[str], block: str) -> str:
        text = block.replace(f"http://{ADDRESS}", self._service.url).replace(
            ".venv/bin/pennyroute", "pennyroute"
        )
        done = subprocess.run(
            [*program, text],
            cwd=self._service.folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def test_the_readme_works_from_top_to_bottom(tmp_path: Path):
    with Service(tmp_path) as service:
        shown = Reader(service).follow("README.md")
    assert '"tier":"small"' in shown[0]
    assert '"tier":"large"' in shown[1]
    assert re.search(r"^offline/small 0\.0\d+ USD$", shown[2], re.MULTILINE)


def test_the_quick_start_works_from_top_to_bottom(tmp_path: Path):
    with Service(tmp_path) as service:
        shown = Reader(service).follow("docs/quickstart.md")
    assert '"output":null' in shown[1]
    assert "event: completion" in shown[3]
    assert '"tier":' in shown[-1]


@pytest.mark.parametrize("name", FOLLOWED)
def test_no_block_is_of_a_kind_that_is_not_followed(name: str):
    assert set(re.findall(r"^```(\w+)$", page(name).text, re.MULTILINE)) <= {"sh", "python", "yaml", "json"}
