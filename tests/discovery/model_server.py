"""A real HTTP server on loopback that lists models the way Ollama, vLLM and llama.cpp's server do."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from router.discovery import Server


class ModelServer:
    """Enter it to start it; `pages` are what it answers by path, anything else is a 404; a mute one never answers."""

    def __init__(self, provider: str, pages: Mapping[str, Any], *, mute: bool = False) -> None:
        self.seen: list[dict[str, str]] = []
        self._leaving = threading.Event()
        owner = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.seen.append({"path": self.path, **dict(self.headers)})
                if mute:
                    owner._leaving.wait()
                    return
                page = pages.get(self.path)
                content = page if isinstance(page, bytes) else json.dumps(page).encode()
                self.send_response(404 if page is None else 200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
                """Says nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self.root_url = f"http://127.0.0.1:{self._http.server_port}"
        self.server = Server(provider, f"{self.root_url}/v1")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def ollama(*models: str, **sizes: str) -> ModelServer:
    """Lists models as `/api/tags` does; `sizes` are parameter sizes by name without what comes after `:`."""
    tags = [
        {
            "name": name,
            "model": name,
            "size": 3_338_801_804,
            "details": {
                "family": "nomic-bert" if "nomic" in name else "llama",
                **({"parameter_size": sizes[key]} if (key := name.split(":")[0]) in sizes else {}),
            },
        }
        for name in models
    ]
    return ModelServer("ollama", {"/api/tags": {"models": tags}})


def listing(provider: str, *models: str, owner: str | None = None, **more: Any) -> ModelServer:
    """Lists models as `/v1/models` of vLLM and llama.cpp's server does."""
    owners = {"vllm": "vllm", "llama.cpp": "llamacpp"}
    items = [
        {"id": name, "object": "model", "owned_by": owner or owners[provider], **more} for name in models
    ]
    return ModelServer(provider, {"/v1/models": {"object": "list", "data": items}})


def nobody(provider: str = "ollama") -> Server:
    """An address where nothing listens any more."""
    with ModelServer(provider, {}) as gone:
        pass
    return gone.server
