"""The real service as a subprocess, on a free port, with a data directory of its own."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

import httpx

from router.access.keys import KeyRing, Scope
from router.ledger.verify import Verification, verify
from router.store.connection import Store
from router.store.embedded import EmbeddedStore

T = TypeVar("T")
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
            status = self.process.wait()
            self.process.stdout.close()
            self.process = None
            raise RuntimeError(f"the service did not start ({status}):\n{self.said}")
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

    def kill(self) -> None:
        """As a crash or the kernel's out-of-memory killer does: nothing is told, the store lives on."""
        self.stop(signal.SIGKILL)

    @property
    def store_url(self) -> str:
        return self.environ.get("REDIS_URL") or EmbeddedStore(self.data_dir).url

    def in_store(self, work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Does something with the store, past the service."""

        async def connected() -> T:
            store = Store.at_url(self.store_url)
            try:
                return await work(store)
            finally:
                await store.aclose()

        return asyncio.run(connected())

    def store_pid(self) -> int:
        """The process of the store."""
        found: dict[str, Any] = self.in_store(lambda store: store.command("INFO", "server"))
        return int(found["process_id"])

    def ledger(self, account: str = "main") -> Verification:
        """The account's entries, open holds and cost, recomputed; counters that disagree fail the test."""
        found = self.in_store(lambda store: verify(store, account))
        assert found.clean, found
        return found

    def settled(self) -> Verification:
        """The ledger once no hold is open any more."""
        return self.until(self.ledger, lambda found: found.open_holds == 0)

    def until(self, look: Callable[[], T], good: Callable[[T], bool], patience_s: float = 20.0) -> T:
        """Looks until what is seen is good; fails the test when it never is."""
        give_up = time.monotonic() + patience_s
        while not good(seen := look()):
            assert time.monotonic() < give_up, f"still {seen}\n{self.said}"
            time.sleep(0.02)
        return seen

    def key(self, name: str, scope: str = "call", account: str = "main") -> str:
        """Makes a key and answers its text."""
        _, secret = self.in_store(lambda store: KeyRing(store).create(name, (Scope(scope),), account))
        return secret

    def revoke(self, name: str) -> None:
        """Ends the key of that name."""
        key_id = self.key_id(name)
        self.in_store(lambda store: KeyRing(store).revoke(key_id))

    def key_id(self, name: str) -> str:
        """The id of the key of that name."""
        keys = self.in_store(lambda store: KeyRing(store).all())
        return next(key.id for key in keys.values() if key.name == name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.stop()

    def client(self, **options: Any) -> httpx.Client:
        # No certificates: reading them takes longer than most tests.
        plain: Any = {"timeout": 30, "trust_env": False, "verify": False}
        return httpx.Client(base_url=self.url, **plain, **options)
