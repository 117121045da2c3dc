"""`pennyroute serve`: store, our own models' servers, workers; started in that order, stopped in reverse."""

import asyncio
import logging
import os
import resource
import signal
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.supervisors import Multiprocess

from router.access.keys import KeyRing
from router.address import listening
from router.answers.keys import check_cache_keys
from router.banner import Banner, FoundInStore
from router.bundled.process import BundledProcess
from router.connection import Connection
from router.errors import SetupError
from router.http.guard import is_loopback
from router.http.request import App
from router.local.process import LocalProcess
from router.names import DATA_DIR, DEFAULT_ROUTE
from router.offline.process import OfflineProcess
from router.proof import lacking
from router.routes.thresholds import Thresholds
from router.setup import LOCAL, OFFLINE, SetUp, opened, set_up, with_address
from router.store.connection import Server, Store
from router.store.embedded import EmbeddedStore
from router.worker import WorkerPlan, worker_app

_log = logging.getLogger(__name__)
_LOOK_AT_STORE_EVERY_S: Final = 1.0
_DRAIN_S: Final = 30
_BACKLOG: Final = 2_048
_OTHER_FILES: Final = 1_000
_PROCESSES: Final[Mapping[str, type[BundledProcess]]] = {OFFLINE: OfflineProcess, LOCAL: LocalProcess}


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the command line says; `None` leaves it to the configuration."""

    host: str | None = None
    port: int | None = None
    workers: int | None = None
    config: Path | None = None
    data_dir: Path | None = None


def run(options: ServeOptions, environ: Mapping[str, str] = os.environ) -> int:
    """Serves until it is told to stop; answers the exit status.

    Raises:
        SetupError: it cannot start as it is set up; nothing is left running.
    """
    made = with_address(set_up(options.config, environ), options.host, options.port)
    check_cache_keys([name for name, route in made.catalog.routes.items() if route.cache], made.answer_keys)
    data_dir = (options.data_dir or DATA_DIR).expanduser().resolve()
    workers = options.workers or 1
    _take_open_files()
    with ExitStack() as stack:
        listener = stack.enter_context(_listener(made))
        store_url = stack.enter_context(_store(made, data_dir))
        found = asyncio.run(_look_at_store(made, store_url))
        addresses = {name: stack.enter_context(_bundled(name)) for name in sorted(made.served_by_us)}
        plan = WorkerPlan(
            config=options.config,
            data_dir=data_dir,
            host=made.settings.server.host,
            port=listener.getsockname()[1],
            store_url=store_url,
            addresses=addresses,
            pair=made.pair,
        )
        banner = Banner(made, plan, found)
        stack.enter_context(banner.shown_when_ready())
        with _stopping_quietly():
            _serve(made, plan, listener, workers, stack)
    return 0


def _serve(made: SetUp, plan: WorkerPlan, listener: socket.socket, workers: int, stack: ExitStack) -> None:
    if workers == 1:
        server = uvicorn.Server(_config(worker_app(plan, made)))
        try:
            server.run(sockets=[listener])
        except SystemExit as error:  # how the server ends when its application does not start
            raise SetupError("the service did not start; the lines above say why") from error
        return
    shared = stack.enter_context(tempfile.TemporaryDirectory(prefix="pennyroute-metrics-"))
    os.environ |= {"PROMETHEUS_MULTIPROC_DIR": shared, WorkerPlan.VARIABLE: plan.as_text()}
    Multiprocess(_config("router.worker:app_of_plan", workers=workers), sockets=[listener]).run()


def _config(app: App | str, *, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=workers,
        http=Connection,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_S,
        backlog=_BACKLOG,
    )


def _take_open_files() -> None:
    """A worker can have as many files open as its connections need, a call to a provider beside each.

    Where the system allows less than that, all it allows; the usual soft limit of 1,024 is far below both.
    """
    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 2 * Connection.most_connections + _OTHER_FILES
    wanted = enough if most == resource.RLIM_INFINITY else min(enough, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@contextmanager
def _listener(made: SetUp) -> Iterator[socket.socket]:
    host, port = made.settings.server.host, made.settings.server.port
    try:
        listener = listening(host, port)
    except OSError as error:
        raise SetupError(
            f"cannot listen on {host}:{port}: {error.strerror or error}; "
            "stop what listens there or choose another with --port (0 takes a free one)"
        ) from error
    with listener:
        listener.set_inheritable(True)
        yield listener


@contextmanager
def _store(made: SetUp, data_dir: Path) -> Iterator[str]:
    """The store's URL, for as long as it is needed."""
    if made.settings.store.url is not None:
        yield made.settings.store.url.reveal()
        return
    embedded = EmbeddedStore(data_dir)
    embedded.acquire()
    try:
        with _watched(embedded):
            yield embedded.url
    finally:
        embedded.release()


@contextmanager
def _watched(embedded: EmbeddedStore) -> Iterator[None]:
    """Starts the store again when it dies; meanwhile calls go on and are spooled."""
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.wait(_LOOK_AT_STORE_EVERY_S):
            if embedded.alive():
                continue
            _log.warning("the embedded store does not answer; starting it again if it died")
            try:
                embedded.acquire()
            except SetupError as error:
                _log.error("%s", error.message)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        stopping.set()
        watching.join()


async def _look_at_store(made: SetUp, store_url: str) -> FoundInStore:
    """The store must keep what it is told, and beyond loopback there must be keys.

    Raises:
        SetupError: a store that may forget money, or an open door.
    """
    async with opened(store_url) as store:
        for server in await store.servers():
            _check_server(server)
        if not is_loopback(made.settings.server.host):
            await _need_key(store, made.settings.server.host)
        route = made.catalog.routes[DEFAULT_ROUTE]
        threshold = await Thresholds(store).seed(route.name, route.threshold)
        return FoundInStore(threshold.value, tuple([line async for line in _lacking(made, store)]))


def _check_server(server: Server) -> None:
    policy = server.info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise SetupError(
            f"the store evicts keys when it is full (maxmemory-policy {policy} at {server.name}), "
            "which would lose money; set `maxmemory-policy noeviction`"
        )
    if server.info.get("aof_enabled") == "0":
        _log.warning(
            "THE STORE KEEPS NOTHING ON DISK (appendonly no at %s): what was spent is forgotten when it "
            "stops. Set `appendonly yes` in its configuration, or `CONFIG SET appendonly yes`",
            server.name,
        )
    if server.failure:
        _log.warning("%s of the store: %s", server.name, server.failure)


async def _lacking(made: SetUp, store: Store) -> AsyncIterator[str]:
    """A line for each route whose quality is not proven as it should be."""
    thresholds = Thresholds(store)
    for route in made.catalog.routes.values():
        said = lacking(route, await thresholds.current(route.name), made.classifier.id)
        if said:
            yield f"route {route.name}: {said}"


async def _need_key(store: Store, host: str) -> None:
    keys = await KeyRing(store).all()
    if not any(key.revoked_at_ms is None for key in keys.values()):
        raise SetupError(
            f"{host} is reached from other machines, and there is no API key; make one first with "
            "`pennyroute keys create NAME --scope admin`, or listen on 127.0.0.1"
        )


@contextmanager
def _bundled(provider: str) -> Iterator[str]:
    process = _PROCESSES[provider]()
    try:
        yield process.start()
    finally:
        process.stop()


@contextmanager
def _stopping_quietly() -> Iterator[None]:
    """The server raises the signal it stopped for once more when it is done: we are stopping anyway."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: None)
    try:
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
