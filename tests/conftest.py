"""Real parts that tests of several folders share."""

import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from router.store.connection import Store
from tests.store.servers import KINDS, MakeServer, StoreServer

_BOTH = [
    pytest.param(kind, marks=pytest.mark.skipif(binary is None, reason=f"no {kind} server is installed"))
    for kind, binary in KINDS.items()
]


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell that starts the tests in the background has them ignore SIGINT, and what they start as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", params=_BOTH)
def store_server(request: pytest.FixtureRequest) -> Iterator[StoreServer]:
    """A running Valkey, and then a running Redis, for the whole session: flushed, never killed."""
    with _folder() as folder:
        server = StoreServer(request.param, folder, {"appendonly": "no"}).start()
        yield server
        server.stop()


@pytest.fixture
async def store(store_server: StoreServer) -> AsyncIterator[Store]:
    """An empty store, on each kind of server."""
    found = Store.at_url(store_server.url)
    await found.command("FLUSHALL")
    await found.command("SCRIPT", "FLUSH")
    yield found
    await found.aclose()


@pytest.fixture
def own_server() -> Iterator[MakeServer]:
    """Makes servers that a test may kill, freeze, fill and start again: `own_server(kind, **options)`."""
    made: list[StoreServer] = []
    folders = []

    def make(kind: str = "valkey", **options: str) -> StoreServer:
        folders.append(_folder())
        server = StoreServer(
            kind, folders[-1].__enter__(), {name.replace("_", "-"): value for name, value in options.items()}
        )
        made.append(server)
        return server.start()

    yield make
    for server in made:
        server.stop()
    for folder in folders:
        folder.__exit__(None, None, None)


class _folder:  # noqa: N801 - used as a function
    """A temporary folder with a path short enough for a socket in it."""

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="pr-"))
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)
