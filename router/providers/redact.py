"""Keeps keys out of what a provider says back: some of them echo the key they refuse."""

from typing import Final

from router.providers.endpoint import Endpoint

_SHORTEST_SECRET: Final = 8
"""Header values below this are words, such as a version or a region, not keys."""

_SHOWN_CHARS: Final = 300


def shown(said: str, endpoint: Endpoint) -> str:
    """`: what it said` on one line, shortened and without keys; empty if it said nothing."""
    said = " ".join(redacted(said, endpoint).split())
    if not said:
        return ""
    return f": {said if len(said) <= _SHOWN_CHARS else said[:_SHOWN_CHARS] + '…'}"


def redacted(said: str, endpoint: Endpoint) -> str:
    """`said` with the endpoint's key and what its extra headers carry blotted out."""
    if endpoint.api_key is not None:
        said = endpoint.api_key.redact(said)
    for value in endpoint.extra_headers.values():
        for part in (value, value.rpartition(" ")[2]):
            if len(part) >= _SHORTEST_SECRET:
                said = said.replace(part, "…")
    return said


def redacted_bytes(said: bytes, endpoint: Endpoint) -> bytes:
    """As `redacted`, for a body; it stays the bytes it was where it holds no key."""
    text = said.decode("utf-8", "surrogateescape")
    clean = redacted(text, endpoint)
    return said if clean == text else clean.encode("utf-8", "surrogateescape")
