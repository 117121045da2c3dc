"""A bundled upstream as a process of the service's own."""

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Final

import router
from router.errors import SetupError

_INHERITED: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONWARNINGS",
    "OMP_NUM_THREADS",
)
_STOP_LIMIT_S: Final = 10.0
_TAIL_BYTES: Final = 2_000


class BundledProcess:
    """One upstream, started by `start` and ended by `stop`, or by the kernel when this process dies."""

    module = ""
    title = ""

    def __init__(
        self, *arguments: str, environ: Mapping[str, str] = os.environ, start_limit_s: float = 20.0
    ) -> None:
        """Takes more arguments for its command line, and how long it may take to come up."""
        self._arguments = arguments
        self._environ = environ
        self._start_limit_s = start_limit_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it is started."""
        return None if self._process is None else self._process.pid

    def start(self) -> str:
        """Starts it and waits until it answers.

        Returns:
            Its base URL, such as `http://127.0.0.1:40123/v1`.

        Raises:
            SetupError: it does not come up in time; the message shows the end of what it said.
        """
        with tempfile.TemporaryFile() as said:
            self._process = process = self._spawn(said)
            base_url = self._first_line(process)
            if base_url.startswith("http://"):
                return base_url
            self.stop()
            size_bytes = said.seek(0, os.SEEK_END)
            said.seek(max(0, size_bytes - _TAIL_BYTES))
            tail = said.read().decode("utf-8", "replace").strip() or "(it said nothing)"
        raise SetupError(f"{self.title} did not start (python -m {self.module}):\n{tail}")

    def stop(self) -> None:
        """Ends it, if it is started, and waits until it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _spawn(self, said: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own module, our own words
            [sys.executable, "-m", self.module, "--port", "0", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            # `-m` looks in the working directory first: there must be our packages, and nobody else's.
            cwd=Path(router.__file__).parent.parent,
            # Providers' keys are none of its business.
            env={name: self._environ[name] for name in _INHERITED if name in self._environ},
            start_new_session=True,  # Ctrl-C is for the service
        )

    def _first_line(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        arrival = select.poll()
        arrival.register(process.stdout, select.POLLIN)
        deadline_s = time.monotonic() + self._start_limit_s
        line = b""
        while not line.endswith(b"\n"):
            left_ms = (deadline_s - time.monotonic()) * 1000
            if left_ms <= 0 or not arrival.poll(left_ms):
                return ""
            piece = os.read(process.stdout.fileno(), 4096)
            if not piece:
                return ""
            line += piece
        return line.decode().strip()
