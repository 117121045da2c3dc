"""What is loaded late stays unloaded."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["router.providers.upstreams", "router.providers.wide", "router.core"])
def test_importing_does_not_load_litellm(module: str) -> None:
    asked = (
        f"import sys, {module}; print([m for m in sys.modules if m.split('.')[0] in ('litellm', 'openai')])"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_fast_call_does_not_load_litellm() -> None:
    asked = """
import asyncio, sys
from router.clock import real_world
from router.providers.endpoint import Call
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from tests.providers.calls import endpoint, raw, told
from tests.upstreams.openai_wire import OpenAIWire

async def main():
    with OpenAIWire() as upstream:
        upstreams = Upstreams(Session(), real_world())
        await upstreams.call(Call(endpoint(upstream), raw()))
        await told(upstreams, Call(endpoint(upstream), raw(), stream=True))
        await upstreams.aclose()

asyncio.run(main())
print('litellm' in sys.modules, 'openai' in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
