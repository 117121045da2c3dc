"""From a configuration (or none) to the parts a command works with: settings, prices, catalog, store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from classifiers import Classifier
from router.catalog import Catalog
from router.pricing.book import PriceBook
from router.settings import Settings
from router.store.connection import Store


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a configuration comes to.

    Attributes:
        notes: sentences for the person who starts it: which models were chosen and why, and warnings.
        offline: whether a model is served by the bundled offline upstream, which must then be started.
    """

    settings: Settings
    book: PriceBook
    catalog: Catalog
    classifier: Classifier
    notes: tuple[str, ...]
    offline: bool


def set_up(config: Path | None, environ: Mapping[str, str]) -> SetUp:
    """Checks and resolves everything that is known before anything starts.

    Args:
        config: the file; `None` takes `pennyroute.yaml` in the working directory if there is one, else
            looks for keys and local servers, else the offline upstream.
        environ: the environment.

    Raises:
        SetupError: with every problem of the configuration.
    """
    raise NotImplementedError


@asynccontextmanager
async def open_store(settings: Settings, data_dir: Path) -> AsyncIterator[Store]:
    """The store: `REDIS_URL`'s or the configured one, else the embedded one of the data directory.

    Raises:
        SetupError: the embedded store cannot be started.
        StoreUnavailable: it does not answer.
    """
    raise NotImplementedError
    yield
