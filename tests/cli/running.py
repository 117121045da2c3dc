"""The real command as a process of its own, in a folder and an environment of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

CONFIG = """\
models:
  tiny: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", model: tiny-1, price: {input: 0.10, output: 0.40}}
  big: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", model: big-1, price: {input: 2, output: 10}}
routes:
  default: {small: tiny, large: big, threshold: 0.12}
  support: {small: tiny, large: big, threshold: 0.2}
"""


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Pennyroute:
    """Runs commands where nothing of the developer's own set-up is seen."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def __call__(self, *words: str, given: bytes = b"", columns: int = 120, **environ: str) -> Ran:
        done = subprocess.run(
            self.command(*words),
            input=given,
            capture_output=True,
            cwd=self.folder,
            env=self.env(COLUMNS=str(columns), **environ),
            timeout=100,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def ok(self, *words: str, **more: Any) -> Ran:
        """The same, for what must succeed."""
        ran = self(*words, **more)
        assert ran.code == 0, ran
        return ran

    def refused(self, *words: str, code: int = 1, **more: Any) -> str:
        """What it says of what it refuses: words for a person, never a traceback, nothing as a result."""
        ran = self(*words, **more)
        assert ran.code == code, ran
        assert "Traceback" not in ran.err
        assert ran.out == ""
        assert ran.err.startswith("error: ")
        return ran.err

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "router.cli.main", *words]

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return (
            kept | {"PYTHONPATH": str(ROOT), "PENNYROUTE_DATA_DIR": str(self.data_dir)} | self.environ | more
        )

    @contextmanager
    def started(self, *words: str, **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
        """A command that goes on; interrupted at the end if it still does."""
        process = subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=100)
