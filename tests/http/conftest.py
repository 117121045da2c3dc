"""One real service for the tests of a worker process, before one scripted upstream."""

from collections.abc import Iterator

import httpx
import pytest

from tests.http.config import CONFIG, KEY
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire


@pytest.fixture(scope="session")
def upstream() -> Iterator[OpenAIWire]:
    with OpenAIWire() as running:
        yield running


@pytest.fixture(scope="session")
def service(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """No key exists, and no test makes one here; nothing else of it is changed for good either."""
    folder = tmp_path_factory.mktemp("service")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY}) as running:
        yield running
    assert "Traceback" not in running.said, running.said
    assert KEY not in running.said


@pytest.fixture
def client(service: Service, upstream: OpenAIWire) -> Iterator[httpx.Client]:
    upstream.clear()
    with service.client() as calling:
        yield calling
