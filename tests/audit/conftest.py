"""One real service all of whose queries are audited, before one upstream."""

from collections.abc import Iterator

import httpx
import pytest

from tests.audit.config import CONFIG, KEY
from tests.audit.tongues import Tongues
from tests.service import Service


@pytest.fixture(scope="module")
def upstream() -> Iterator[Tongues]:
    with Tongues() as running:
        yield running


@pytest.fixture(scope="module")
def service(upstream: Tongues, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("audited")
    with Service(folder, CONFIG.format(url=upstream.base_url), environ={"TINY_KEY": KEY}) as running:
        yield running
    assert "Traceback" not in running.said, running.said


@pytest.fixture
def client(service: Service, upstream: Tongues) -> Iterator[httpx.Client]:
    upstream.clear()
    with service.client() as calling:
        yield calling
