"""A folder with a configuration in it, and the command."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from router.store.connection import Store
from router.store.embedded import EmbeddedStore
from tests.cli.running import CONFIG, Pennyroute


@pytest.fixture
def pennyroute(tmp_path: Path) -> Pennyroute:
    """The command in an empty folder."""
    return Pennyroute(tmp_path)


@pytest.fixture
def configured(pennyroute: Pennyroute) -> Pennyroute:
    """The command beside a configuration with two models and the routes `default` and `support`."""
    (pennyroute.folder / "pennyroute.yaml").write_text(CONFIG)
    return pennyroute


@pytest.fixture
def embedded(configured: Pennyroute) -> Iterator[EmbeddedStore]:
    """The command's embedded store, kept running so that commands attach to it."""
    embedded = EmbeddedStore(configured.data_dir)
    embedded.acquire()
    yield embedded
    embedded.release()


@pytest.fixture
async def store(embedded: EmbeddedStore) -> AsyncIterator[Store]:
    """The same, to look into."""
    opened = Store.at_url(embedded.url, timeout_s=20)
    yield opened
    await opened.aclose()
