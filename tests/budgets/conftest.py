"""A real service of two workers, whose callers need keys, before a scripted upstream."""

from collections.abc import Iterator

import httpx
import pytest

from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

KEY = "sk-test-secret"
CONFIG = """\
models:
  tiny: {{provider: openai-compatible, base_url: "{url}", model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}}}
  big:  {{provider: openai-compatible, base_url: "{url}", model: big-1, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, output: 10.00}}}}
  free: {{provider: openai-compatible, base_url: "{url}", model: "tiny-1@500", api_key: os.environ/TINY_KEY,
         price: {{input: 0, output: 0}}}}
  odd:  {{provider: openai-compatible, base_url: "{url}", model: odd-1, api_key: os.environ/TINY_KEY}}
routes:
  default: {{small: tiny, large: big, threshold: 1, caps: {{max_output_tokens: 50}}}}
  unpriced: {{small: odd, large: big, threshold: 1, price: unknown-ok}}
  falls-back: {{small: free, large: big, threshold: 1, attempts: 2}}
"""


@pytest.fixture(scope="session")
def budget_upstream() -> Iterator[OpenAIWire]:
    with OpenAIWire() as running:
        yield running


@pytest.fixture(scope="session")
def service(budget_upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Every test makes budgets for names of its own, so that none bounds another's calls."""
    config, environ = CONFIG.format(url=budget_upstream.base_url), {"TINY_KEY": KEY}
    folder = tmp_path_factory.mktemp("budgets")
    with Service(folder, config, environ=environ, arguments=("--workers", "2")) as running:
        yield running
    assert "Traceback" not in running.said, running.said


@pytest.fixture(scope="session")
def admin(service: Service) -> str:
    return service.key("ops", "admin")


@pytest.fixture
def client(service: Service, admin: str, budget_upstream: OpenAIWire) -> Iterator[httpx.Client]:
    budget_upstream.clear()
    with service.client(headers={"authorization": f"Bearer {admin}"}) as calling:
        yield calling
