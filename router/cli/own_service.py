"""A service of our own for as long as a command takes."""

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from router.cli.attached import Where
from router.cli.failing import CommandFailed

_START_LIMIT_S: Final = 120.0
_STOP_LIMIT_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.05
_LAST_CHARS: Final = 2_000


@contextmanager
def own_service(where: Where) -> Iterator[str]:
    """Starts `pennyroute serve` on a free port, answers its address, and stops it by SIGTERM.

    Raises:
        CommandFailed: it did not start; with what it said.
    """
    port = _free_port()
    command = [sys.executable, "-m", "router.cli.main", "serve", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--data-dir", str(where.data_dir)]
    if where.config is not None:
        command += ["--config", str(where.config)]
    with tempfile.TemporaryFile() as said:
        # A Ctrl-C while it is being started waits until we know whom to stop.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # Ctrl-C is for us, who then stop it
        )
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            address = f"http://127.0.0.1:{port}"
            _wait(process, address, said)
            yield address
        finally:
            _stop(process)


def _wait(process: "subprocess.Popen[bytes]", address: str, said: IO[bytes]) -> None:
    from router.demo.client import Connection, Unreachable

    deadline = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            with Connection(address, None) as connection:
                connection.check()
        except Unreachable:
            if process.poll() is not None or time.monotonic() > deadline:
                said.seek(0)
                text = said.read().decode("utf-8", "replace").strip()[-_LAST_CHARS:]
                raise CommandFailed(f"the service did not start:\n{text.removeprefix('error: ')}") from None
            time.sleep(_LOOK_EVERY_S)
        else:
            return


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
