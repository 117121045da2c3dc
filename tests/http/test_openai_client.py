"""The official `openai` client, sync and async, against the service: it only swaps the base URL."""

import base64
import json
import socket
from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.http.config import EASY, HARD
from tests.service import Service
from tests.upstreams.answers import OK_TEXT
from tests.upstreams.openai_wire import OpenAIWire

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": EASY}]
TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


@pytest.fixture
def ai(service: Service, upstream: OpenAIWire) -> Iterator[OpenAI]:
    upstream.clear()
    with OpenAI(base_url=f"{service.url}/v1", api_key="any", timeout=20) as client:
        yield client


@pytest.fixture
async def async_ai(service: Service, upstream: OpenAIWire) -> AsyncIterator[AsyncOpenAI]:
    upstream.clear()
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key="any", timeout=20) as client:
        yield client


def test_it_completes(ai: OpenAI) -> None:
    done = ai.chat.completions.create(model="auto", messages=ASKED)
    assert done.choices[0].message.content == OK_TEXT
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.total_tokens == 18
    assert done.model == "tiny-1"


async def test_it_completes_async(async_ai: AsyncOpenAI) -> None:
    done = await async_ai.chat.completions.create(model="auto", messages=ASKED)
    assert done.choices[0].message.content == OK_TEXT


def test_it_streams(ai: OpenAI) -> None:
    chunks = list(ai.chat.completions.create(model="auto", messages=ASKED, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks).strip() == OK_TEXT
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


def test_it_streams_with_usage(ai: OpenAI) -> None:
    chunks = list(
        ai.chat.completions.create(
            model="auto", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 9


async def test_it_streams_async(async_ai: AsyncOpenAI) -> None:
    stream = await async_ai.chat.completions.create(model="auto", messages=ASKED, stream=True)
    texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(texts).strip() == OK_TEXT


def test_its_stream_helper_accumulates(ai: OpenAI) -> None:
    with ai.chat.completions.stream(model="auto", messages=ASKED) as stream:
        for _ in stream:
            pass
        done = stream.get_final_completion()
    assert (done.choices[0].message.content or "").strip() == OK_TEXT


def test_it_calls_tools(ai: OpenAI) -> None:
    done = ai.chat.completions.create(model="auto", messages=ASKED, tools=[TOOL], tool_choice="auto")
    calls = done.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert json.loads(calls[0].function.arguments) == {"city": "Paris"}
    assert done.choices[0].finish_reason == "tool_calls"


def test_it_streams_tool_calls(ai: OpenAI) -> None:
    chunks = list(ai.chat.completions.create(model="auto", messages=ASKED, tools=[TOOL], stream=True))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
    assert calls[0].function is not None
    assert calls[0].function.name == "weather"
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


def test_it_asks_for_json(ai: OpenAI) -> None:
    done = ai.chat.completions.create(model="auto", messages=ASKED, response_format={"type": "json_object"})
    assert json.loads(done.choices[0].message.content or "") == {"answer": OK_TEXT}


def test_it_sends_pictures(ai: OpenAI, upstream: OpenAIWire) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
            ],
        }
    ]
    raw = ai.chat.completions.with_raw_response.create(model="auto", messages=messages)
    assert raw.headers["x-pennyroute-reason"] == "needs_vision"
    assert upstream.seen[-1].body["messages"] == messages


def test_it_sends_fields_of_its_own_with_extra_body(ai: OpenAI, upstream: OpenAIWire) -> None:
    ai.chat.completions.create(model="auto", messages=ASKED, extra_body={"top_k": 5})
    assert upstream.seen[-1].body["top_k"] == 5


def test_its_raw_response_shows_decision_and_cost(ai: OpenAI) -> None:
    raw = ai.chat.completions.with_raw_response.create(
        model="auto", messages=ASKED, extra_headers={"x-pennyroute-team": "legal"}
    )
    assert raw.headers["x-pennyroute-tier"] == "small"
    assert raw.headers["x-pennyroute-cost-usd"] == "0.0000045"
    assert raw.parse().choices[0].message.content == OK_TEXT


def test_it_lists_and_reads_models(ai: OpenAI) -> None:
    names = [model.id for model in ai.models.list()]
    assert {"auto", "default", "tiny", "big"} <= set(names)
    assert ai.models.retrieve("default").id == "default"
    with pytest.raises(openai.NotFoundError):
        ai.models.retrieve("none-such")


# --- errors by class: each is raised at once where trying again cannot mend it ------------------------


def test_a_wrong_field_is_a_bad_request_sent_once(ai: OpenAI, upstream: OpenAIWire) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.chat.completions.create(model="auto", messages=ASKED, n=-1)
    assert caught.value.param == "n"
    assert "from 1 to" in caught.value.message
    assert upstream.seen == []


def test_an_unknown_model_is_not_found(ai: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ai.chat.completions.create(model="autoo", messages=ASKED)
    assert caught.value.code == "model_not_found"
    assert 'did you mean "auto"?' in caught.value.message


def test_what_the_provider_refuses_is_sent_once_in_all(ai: OpenAI, upstream: OpenAIWire) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ai.chat.completions.create(model="does-400", messages=ASKED)
    assert caught.value.body == {
        "message": "temperature is too hot",
        "type": "invalid_request_error",
        "param": "temperature",
    }
    assert len(upstream.seen) == 1


def test_a_key_of_ours_that_the_provider_refuses_is_a_server_error_sent_once(
    ai: OpenAI, upstream: OpenAIWire
) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ai.chat.completions.create(model="does-401", messages=ASKED)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_misconfigured"
    assert "sk-test-secret" not in str(caught.value)
    assert len(upstream.seen) == 1


def test_a_query_that_is_too_long_is_a_413_sent_once(ai: OpenAI, upstream: OpenAIWire) -> None:
    long: list[ChatCompletionMessageParam] = [{"role": "user", "content": "word " * 200}]
    with pytest.raises(openai.APIStatusError) as caught:
        ai.chat.completions.create(model="capped", messages=long)
    assert caught.value.status_code == 413
    assert upstream.seen == []


def test_another_content_type_is_a_415(ai: OpenAI, upstream: OpenAIWire) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        ai.chat.completions.create(model="auto", messages=ASKED, extra_headers={"Content-Type": "text/plain"})
    assert caught.value.status_code == 415
    assert upstream.seen == []


def test_a_rate_limit_for_longer_than_clients_wait_is_a_rate_limit_error_sent_once(
    ai: OpenAI, upstream: OpenAIWire
) -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        ai.chat.completions.create(model="does-429-long", messages=ASKED)
    assert caught.value.response.headers["retry-after"] == "3600"
    assert len(upstream.seen) == 1


def test_a_provider_that_fails_is_a_server_error(ai: OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ai.with_options(max_retries=0).chat.completions.create(model="does-500", messages=ASKED)
    assert caught.value.status_code == 502
    assert caught.value.code == "upstream_failed"


def test_its_own_retries_help_where_they_can(ai: OpenAI, upstream: OpenAIWire) -> None:
    upstream.play("500", "ok")
    done = ai.with_options(max_retries=1).chat.completions.create(
        model="once", messages=ASKED, extra_headers={"x-pennyroute-tier": "small"}
    )
    assert done.choices[0].message.content == OK_TEXT
    assert len(upstream.seen) == 2


def test_a_provider_that_is_too_slow_is_a_504(ai: OpenAI) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        ai.with_options(max_retries=0).chat.completions.create(
            model="once-hang", messages=ASKED, extra_headers={"x-pennyroute-tier": "small"}
        )
    assert caught.value.status_code == 504
    assert caught.value.code == "upstream_timeout"


def test_its_own_timeout_cancels_the_provider(service: Service, ai: OpenAI, upstream: OpenAIWire) -> None:
    upstream.play("slow")
    with pytest.raises(openai.APITimeoutError):
        ai.with_options(max_retries=0, timeout=0.2).chat.completions.create(model="auto", messages=ASKED)
    service.until(lambda: upstream.seen[-1].client_left, bool)
    assert service.settled().open_holds == 0


def test_nobody_listening_is_a_connection_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="any", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError),
    ):
        client.chat.completions.create(model="auto", messages=ASKED)


@pytest.mark.parametrize("script", ["half", "error-midway", "half-reset"])
def test_a_stream_that_breaks_raises_and_does_not_end_as_if_it_were_whole(ai: OpenAI, script: str) -> None:
    stream = ai.chat.completions.create(model=f"does-{script}", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(stream)
    assert "stream" in caught.value.message or "broke" in caught.value.message


async def test_a_stream_that_breaks_raises_async(async_ai: AsyncOpenAI) -> None:
    stream = await async_ai.chat.completions.create(model="does-half", messages=ASKED, stream=True)
    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass


async def test_errors_have_their_classes_async(async_ai: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        await async_ai.chat.completions.create(model="autoo", messages=ASKED)
    with pytest.raises(openai.BadRequestError):
        await async_ai.chat.completions.create(model="does-400", messages=ASKED)


def test_a_hard_query_reaches_the_large_model_through_it(ai: OpenAI) -> None:
    done = ai.chat.completions.create(model="auto", messages=[{"role": "user", "content": HARD}])
    assert done.model == "big-1"
