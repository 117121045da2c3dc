"""Serving a bundled upstream: on loopback, announced by one line, never outliving who started it."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import uvicorn

from router.bundled.app import WireApp
from router.bundled.speaker import Speaker

_FINISH_WITHIN_S = 5


def arguments(module: str, purpose: str) -> argparse.ArgumentParser:
    """The command line every bundled upstream has."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=purpose)
    parser.add_argument("--port", type=int, default=0, help="TCP port on 127.0.0.1; 0 takes a free one")
    return parser


def serve(speaker: Speaker, port: int) -> None:
    """Serves until SIGTERM or the end of standard input, having printed the base URL.

    Ctrl-C is for the service, which ends this process when it has answered what is under way. A service that
    was killed cannot: then its end of the pipe closes, and that ends this process at once.

    Raises:
        OSError: the port is taken.
    """
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        WireApp(speaker),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_FINISH_WITHIN_S,
    )
    _Server(config, f"http://127.0.0.1:{listener.getsockname()[1]}/v1").run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, base_url: str) -> None:
        super().__init__(config)
        self._base_url = base_url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        threading.Thread(target=_end_with_standard_input, daemon=True).start()
        sys.stdout.write(f"{self._base_url}\n")
        sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        yield

    def _stop(self) -> None:
        self.should_exit = True


def _end_with_standard_input() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)  # nothing here is worth keeping, and a thread at work in C could not be stopped otherwise
