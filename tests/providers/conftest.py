from collections.abc import AsyncIterator, Iterator

import pytest

from router.clock import real_world
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from tests.upstreams.anthropic_wire import AnthropicWire
from tests.upstreams.openai_wire import OpenAIWire


@pytest.fixture(scope="module")
def _openai_wire() -> Iterator[OpenAIWire]:
    with OpenAIWire() as upstream:
        yield upstream


@pytest.fixture
def upstream(_openai_wire: OpenAIWire) -> OpenAIWire:
    _openai_wire.clear()
    return _openai_wire


@pytest.fixture(scope="module")
def _anthropic_wire() -> Iterator[AnthropicWire]:
    with AnthropicWire() as upstream:
        yield upstream


@pytest.fixture
def anthropic_wire(_anthropic_wire: AnthropicWire) -> AnthropicWire:
    _anthropic_wire.clear()
    return _anthropic_wire


@pytest.fixture
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams(Session(), real_world())
    yield made
    await made.aclose()
