"""A real embedded store for the reports' tests; each test has an account of its own."""

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from router.store.connection import Store
from router.store.embedded import EmbeddedStore


@pytest.fixture(scope="module")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedStore(Path(tmp_path_factory.mktemp("data")))
    embedded.acquire()
    yield embedded.url
    embedded.release()


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    opened = Store.at_url(store_url, timeout_s=20)
    yield opened
    await opened.aclose()


@pytest.fixture
def account() -> str:
    return f"t{secrets.token_hex(6)}"
