"""One real service for these tests, before one scripted upstream; no key exists in it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.ladder.config import CONFIG, ENVIRON
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire


@pytest.fixture(scope="session")
def upstream() -> Iterator[OpenAIWire]:
    with OpenAIWire() as running:
        yield running


@pytest.fixture(scope="session")
def service(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("ladder")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ=ENVIRON) as running:
        yield running
    assert "Traceback" not in running.said, running.said


@pytest.fixture
def client(service: Service, upstream: OpenAIWire) -> Iterator[httpx.Client]:
    upstream.clear()
    with service.client() as calling:
        yield calling
