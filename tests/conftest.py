"""Real parts that tests of several folders share."""

import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from router.store.connection import Store
from tests.store.servers import KINDS, MakeServer, StoreServer
from tests.store.several import KINDS_OF_SEVERAL, Several

settings.register_profile("untimed", deadline=None)  # a busy machine makes nothing wrong
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--stores cluster,sentinel` runs what takes the fixture `store` against those: `make cluster`."""
    known = ",".join((*KINDS, *KINDS_OF_SEVERAL))
    parser.addoption("--stores", default=",".join(KINDS), help=f"which stores to test with: of {known}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Everything that asks for a store is run on each kind."""
    if "store_server" in metafunc.fixturenames:
        asked = metafunc.config.getoption("--stores").split(",")
        metafunc.parametrize("store_server", [_kind(name) for name in asked], scope="session", indirect=True)


def _kind(name: str) -> object:
    lacking = KINDS.get(name, "") is None
    return pytest.param(name, marks=pytest.mark.skipif(lacking, reason=f"no {name} server is installed"))


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell that starts the tests in the background has them ignore SIGINT, and what they start as well."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def store_server(request: pytest.FixtureRequest) -> Iterator[StoreServer | Several]:
    """A running Valkey, and then a running Redis, for the whole session: flushed, never killed."""
    if request.param in KINDS_OF_SEVERAL:
        several = KINDS_OF_SEVERAL[request.param]("valkey")
        try:
            yield several.start()
        finally:
            several.stop()
        return
    with _folder() as folder:
        server = StoreServer(request.param, folder, {"appendonly": "no"}).start()
        yield server
        server.stop()


@pytest.fixture
async def store(store_server: StoreServer) -> AsyncIterator[Store]:
    """An empty store, on each kind of server."""
    found = Store.at_url(store_server.url)
    await found.everywhere("FLUSHALL")
    await found.everywhere("SCRIPT", "FLUSH")
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
