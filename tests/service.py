"""The real service as a subprocess, on a free port, with a data directory of its own."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

ROOT = Path(__file__).parent.parent
_ANSWERS_AT = re.compile(r"answers at (http://\S+)")
_NO_KEYS = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONWARNINGS": "default"}


class Service:
    """`pennyroute serve`; enter it to start it."""

    def __init__(
        self,
        folder: Path,
        config: str | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.config = folder / "pennyroute.yaml" if config is not None else None
        if self.config is not None and config is not None:
            self.config.write_text(config, encoding="utf-8")
        self.environ = {**_NO_KEYS, "PYTHONPATH": str(ROOT), **(environ or {})}
        self.arguments = arguments
        self.url = ""
        self.said = ""
        self.process: subprocess.Popen[str] | None = None

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def command(self, *words: str) -> list[str]:
        config = ["--config", str(self.config)] if self.config is not None else []
        return [sys.executable, "-m", "router.cli.main", *words, "--data-dir", str(self.data_dir), *config]

    def cli(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs another command of ours against the same data directory."""
        return subprocess.run(
            self.command(*words),
            env=self.environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=check,
        )

    def start(self) -> Self:
        self.process = subprocess.Popen(
            [*self.command("serve", "--port", "0"), *self.arguments],
            env=self.environ,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            found = _ANSWERS_AT.search(line)
            if found:
                self.url = found[1]
                break
        else:
            raise RuntimeError(f"the service did not start ({self.process.wait()}):\n{self.said}")
        self._listening = threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True)
        self._listening.start()
        return self

    def _listen(self, out: IO[str]) -> None:
        for line in out:
            self.said += line

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits; answers the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        status = self.process.wait(timeout=60)
        self._listening.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return status

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.stop()

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, **options)  # type: ignore[arg-type]
