"""A real small model answers: by itself, and through the service. `make test-local` installs it and runs these."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from router.local.process import LocalProcess
from router.local.weights import HOW_TO_INSTALL, installed
from tests.service import Service

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(not installed(), reason=f"the local model is not installed: {HOW_TO_INSTALL}"),
    pytest.mark.timeout(300),
]

MODEL = "local/smollm2-135m"
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
CONFIG = """\
models:
  tiny: {provider: local}
  offline/large: {provider: offline}
routes:
  default: {small: tiny, large: offline/large, threshold: 0.9}
"""


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    upstream = LocalProcess()
    yield upstream.start()
    upstream.stop()


@pytest.fixture
def client(base_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        yield client


def test_it_knows_the_capital_of_france(client: openai.OpenAI):
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    assert "Paris" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 16
    assert 5 < answer.usage.completion_tokens < 30


def test_a_stream_says_the_same_with_the_same_usage(client: openai.OpenAI):
    whole = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    chunks = list(
        client.chat.completions.create(
            model=MODEL,
            messages=QUESTION,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_a_cap_is_kept_and_counted_by_the_models_own_tokenizer(client: openai.OpenAI):
    answer = client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=3)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 3


def test_two_choices_count_once_what_was_asked_and_twice_what_was_said(client: openai.OpenAI):
    one = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0)
    two = client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0, n=2)
    assert one.usage is not None
    assert two.usage is not None
    assert [choice.message.content for choice in two.choices] == [one.choices[0].message.content] * 2
    assert two.usage.prompt_tokens == one.usage.prompt_tokens
    assert two.usage.completion_tokens == 2 * one.usage.completion_tokens


def test_a_schema_is_kept_to(client: openai.OpenAI):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    answer = client.chat.completions.create(
        model=MODEL,
        messages=QUESTION,
        temperature=0,
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": schema}},
    )
    assert list(json.loads(answer.choices[0].message.content or "")) == ["city"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 3),
        ("top_p", "high"),
        ("messages", [{"role": "user", "content": "word " * 9_000}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_it_cannot_do_is_400_before_anything_is_said(
    base_url: str, field: str, value: object, *, stream: bool
):
    body = {"model": MODEL, "messages": QUESTION, "stream": stream, field: value}
    answer = httpx.post(base_url + "/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field


def test_a_tool_that_must_be_called_is_refused(client: openai.OpenAI):
    tool: Any = {"type": "function", "function": {"name": "weather"}}
    with pytest.raises(openai.BadRequestError, match="cannot call tools"):
        client.chat.completions.create(model=MODEL, messages=QUESTION, tools=[tool], tool_choice="required")


def test_an_answer_nobody_waits_for_makes_room_for_the_next(base_url: str):
    for wordy in ("Write a long story.", "A word and another one. " * 1_200):
        body = {"model": MODEL, "messages": [{"role": "user", "content": wordy}], "max_tokens": 1_000}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(base_url + "/chat/completions", json=body, timeout=0.2)
        short = {"model": MODEL, "messages": QUESTION, "max_tokens": 5}
        assert httpx.post(base_url + "/chat/completions", json=short, timeout=60).status_code == 200


def test_the_service_answers_with_it_and_prices_it_to_the_nano_dollar(tmp_path: Path):
    with Service(tmp_path, CONFIG) as service, service.client() as client:
        answer = client.post("/complete", json={"query": "What is the capital of France?", "temperature": 0})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert "Paris" in body["output"]
        assert body["decision"]["tier"] == "small"
        assert body["decision"]["model"] == "tiny"
        assert body["usage"]["input_tokens"] == 16
        assert body["cost"]["usage_source"] == "provider"
        assert body["cost"]["nano_usd"] > 0
        with client.stream(
            "POST", "/complete", json={"query": "What is the capital of France?", "stream": True}
        ) as streamed:
            events = streamed.read().decode()
        assert "event: delta" in events
        assert "event: completion" in events
        large = client.post("/complete", json={"query": "What is the capital of France?", "tier": "large"})
        assert "no model answered" in large.json()["output"]


def test_without_a_configuration_it_is_there_when_it_is_asked_for(tmp_path: Path):
    with Service(tmp_path, environ={"PENNYROUTE_LOCAL": "1"}) as service, service.client() as client:
        assert "local/smollm2-135m" in service.said
        answer = client.post("/complete", json={"query": "Name three fruits.", "tier": "small"})
        assert answer.json()["decision"]["model"] == MODEL
        assert answer.json()["output"]
