"""Model servers on this machine: where they usually are, whether they are there, and what they serve."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from router.providers.endpoint import Timeouts
from router.providers.failure import AttemptFailed
from router.providers.session import Session

PATIENCE_S: Final = 0.3
"""How long one server may take to say what it serves; all are asked at once."""

OLLAMA: Final = "ollama"

_MOST_BYTES: Final = 4 * 1024 * 1024
_OLLAMA_PORT: Final = 11434
_OK: Final = 200
# `8x7b`, `1.5B`, `e4b` and `135m`, not `q4_K_M` or `3.3`.
_SIZE: Final = re.compile(
    r"(?:^|[^a-z0-9.])e?(?:(\d{1,3})x)?(\d{1,4}(?:\.\d{1,3})?)([mbt])(?![a-z0-9])", re.IGNORECASE
)
_UNITS: Final = {"m": 10**6, "b": 10**9, "t": 10**12}
_NO_CHAT: Final = re.compile(
    r"embed|rerank|(?:^|[^a-z])(?:bge|gte|e5|minilm|whisper)(?:[^a-z]|$)", re.IGNORECASE
)
# What `owned_by` says. Anything else on that port is another program; Pennyroute's own is 8080 too.
_OWNERS: Final = {"vllm": "vllm", "llama.cpp": "llamacpp"}


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model server may be.

    Attributes:
        provider: its preset's name: `ollama`, `vllm` or `llama.cpp`.
        base_url: up to and without `/chat/completions`.
    """

    provider: str
    base_url: str


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server on this machine has.

    Attributes:
        name: what the server calls it.
        parameters: how many it has, where the server or the name says so.
    """

    server: Server
    name: str
    parameters: int | None


def usual_servers(environ: Mapping[str, str]) -> tuple[Server, ...]:
    """Where Ollama (`OLLAMA_HOST`, if set), vLLM and llama.cpp's server listen if nobody says otherwise."""
    ollama = ollama_url(environ.get("OLLAMA_HOST", "")) or f"http://127.0.0.1:{_OLLAMA_PORT}/v1"
    return (
        Server(OLLAMA, ollama),
        Server("vllm", "http://127.0.0.1:8000/v1"),
        Server("llama.cpp", "http://127.0.0.1:8081/v1"),
        Server("llama.cpp", "http://127.0.0.1:8080/v1"),
    )


def ollama_url(host: str) -> str | None:
    """`OLLAMA_HOST` as Ollama's own client reads it; `None` if it is empty or no address."""
    scheme, separator, rest = host.strip().strip("\"'").rpartition("://")
    scheme = scheme.lower() if separator else "http"
    usual_port = {"http": 80, "https": 443}.get(scheme) if separator else _OLLAMA_PORT
    try:
        parts = urlsplit(f"//{rest}")
        name, port = parts.hostname or "127.0.0.1", parts.port or usual_port
    except ValueError:
        return None
    if not rest or usual_port is None or "@" in parts.netloc:
        return None
    if name in ("0.0.0.0", "::"):  # noqa: S104 - what a server binds to is not where a client finds it
        name = "127.0.0.1"
    return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}{parts.path.rstrip('/')}/v1"


def served_models(servers: Sequence[Server], patience_s: float = PATIENCE_S) -> tuple[ServedModel, ...]:
    """What the servers have, asked all at once and without any key; those that do not answer have nothing.

    Can be called with an event loop running: it uses one of its own, in a thread.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _ask_all(servers, patience_s)).result()


def parameters_in(name: str) -> int | None:
    """How many parameters a model's name says it has: 4 billion for `qwen3:4b`, 56 for `mixtral:8x7b`."""
    found = _SIZE.search(name)
    if found is None:
        return None
    experts, number, unit = found.groups()
    return round(float(number) * _UNITS[unit.lower()] * int(experts or 1))


async def _ask_all(servers: Sequence[Server], patience_s: float) -> tuple[ServedModel, ...]:
    session = Session(most_answer_bytes=_MOST_BYTES)
    waits = Timeouts(patience_s, patience_s, patience_s, patience_s)
    try:
        found = await asyncio.gather(*(_ask(session, waits, server) for server in servers))
    finally:
        await session.aclose()
    return tuple(model for models in found for model in models if not _NO_CHAT.search(model.name))


async def _ask(session: Session, waits: Timeouts, server: Server) -> list[ServedModel]:
    if server.provider == OLLAMA:
        url = f"{server.base_url.removesuffix('/v1')}/api/tags"
        tags = await _items(session, waits, server, url, "models")
        return [model for tag in tags if (model := _ollama_model(server, tag))]
    listed = await _items(session, waits, server, f"{server.base_url}/models", "data")
    return [model for item in listed if (model := _model(server, item))]


def _ollama_model(server: Server, tag: Mapping[str, Any]) -> ServedModel | None:
    name, details = tag.get("name"), tag.get("details")
    # With a remote_host the model is somewhere else, and costs what is charged there.
    if not isinstance(name, str) or not isinstance(details, dict) or tag.get("remote_host"):
        return None
    size, family = details.get("parameter_size"), details.get("family")
    if isinstance(family, str) and "bert" in family:  # makes embeddings
        return None
    stated = parameters_in(size) if isinstance(size, str) else None
    return ServedModel(server, name, stated or parameters_in(name))


def _model(server: Server, item: Mapping[str, Any]) -> ServedModel | None:
    name, meta = item.get("id"), item.get("meta")
    if not isinstance(name, str) or item.get("owned_by") != _OWNERS.get(server.provider):
        return None
    stated = meta.get("n_params") if isinstance(meta, dict) else None  # llama.cpp says it
    known = stated if type(stated) is int and stated > 0 else parameters_in(name)
    return ServedModel(server, name, known)


async def _items(
    session: Session, waits: Timeouts, server: Server, url: str, key: str
) -> list[dict[str, Any]]:
    """The list at `key` of what is at `url`; empty when nobody is there, or somebody else."""
    try:
        reply = await session.get(url, {}, name=server.provider, timeouts=waits)
        try:
            body = msgspec.json.decode(await reply.whole()) if reply.status == _OK else None
        finally:
            reply.close()
    except (AttemptFailed, msgspec.DecodeError):
        return []
    listed = body.get(key) if isinstance(body, dict) else None
    return [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
