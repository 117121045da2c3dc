"""One real service for the tests of a worker process, before one scripted upstream."""

from collections.abc import Iterator

import httpx
import pytest

from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

CONFIG = """\
models:
  tiny: {{provider: openai-compatible, base_url: {url}, model: tiny-1, api_key: os.environ/TINY_KEY,
         price: {{input: 0.10, output: 0.40}}, context_window: 2000, supports: {{tools: false, vision: false}},
         timeouts: {{connect_s: 2, first_byte_s: 2, idle_s: 2, total_s: 20}}}}
  big:  {{provider: openai-compatible, base_url: {url}, model: big-1, api_key: os.environ/TINY_KEY,
         price: {{input: 2.00, cached_input: 0.20, output: 10.00}},
         timeouts: {{connect_s: 2, first_byte_s: 2, idle_s: 2, total_s: 20}}}}
routes:
  default: {{small: tiny, large: big, threshold: 0.12}}
  once: {{small: tiny, large: big, threshold: 0.12, attempts: 1}}
  capped: {{small: tiny, large: big, threshold: 0.12, caps: {{max_input_tokens: 50, max_output_tokens: 20}}}}
  trimmed: {{small: tiny, large: big, threshold: 0.12, caps: {{max_input_tokens: 50, on_excess_input: trim}}}}
  kept: {{small: tiny, large: big, threshold: 0.12, store_prompts: true}}
server: {{max_body_bytes: 20971520, allowed_origins: ["https://app.example.com"]}}
"""
KEY = "sk-test-secret"
EASY = "What is the capital of France?"
HARD = (
    "Prove that every finite group whose order is the product of two distinct primes p < q, where p does not "
    "divide q - 1, is cyclic, and explain step by step which of Sylow's theorems each step uses and why."
)


@pytest.fixture(scope="session")
def upstream() -> Iterator[OpenAIWire]:
    with OpenAIWire() as running:
        yield running


@pytest.fixture(scope="session")
def service(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    config = CONFIG.format(url=upstream.base_url)
    with Service(folder, config, environ={"TINY_KEY": KEY}) as running:
        yield running


@pytest.fixture
def client(service: Service, upstream: OpenAIWire) -> Iterator[httpx.Client]:
    upstream.clear()
    with service.client() as calling:
        yield calling
