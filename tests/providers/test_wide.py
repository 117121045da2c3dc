"""The wide lane against a server that speaks Anthropic's wire."""

import asyncio
import contextlib
import inspect
import json
import os
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from router.clock import real_world
from router.pricing.book import load_book
from router.pricing.check import check
from router.pricing.usage import Usage
from router.providers import wide
from router.providers.answer import counted_usage
from router.providers.circuit import CircuitState
from router.providers.endpoint import Call, Timeouts
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from router.providers.wide_call import arguments
from router.providers.wide_failure import failure_of
from tests.providers.calls import SHORT, anthropic, failing, raw, streamed, told, until, whole
from tests.upstreams.answers import Spoken
from tests.upstreams.anthropic_wire import SCRIPTS, TEXT, THOUGHT, AnthropicWire

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),  # litellm keeps its connections in the module
    pytest.mark.filterwarnings("ignore:Item .* on TypedDict class .*:UserWarning"),  # of litellm's own types
]

KEY = "sk-ant-test-secret"
CACHED = Usage(950, 9, cached_input_tokens=600, cache_write_5m_tokens=200, cache_write_1h_tokens=100)
ANSWERS: dict[str, Usage | None] = {
    "ok": Usage(12, 9),
    "slow": Usage(12, 9),
    "length": Usage(12, 9),
    "cached": CACHED,
    "usage-missing": None,
}
FAILURES = {
    "400": (FailureKind.BAD_REQUEST, 400, "no", None),
    "401": (FailureKind.AUTH, 401, "no", None),
    "403": (FailureKind.AUTH, 403, "no", None),
    "404": (FailureKind.BAD_REQUEST, 404, "no", None),
    "429": (FailureKind.RATE_LIMITED, 429, "no", 7.0),
    "500": (FailureKind.UPSTREAM_ERROR, 500, "no", None),
    "529": (FailureKind.UPSTREAM_ERROR, 529, "no", None),
    "reset": (FailureKind.CONNECT, None, "maybe", None),
    "hang": (FailureKind.FIRST_BYTE_TIMEOUT, None, "maybe", None),
}
BREAKS = {
    "half": FailureKind.BROKEN_STREAM,
    "half-reset": FailureKind.BROKEN_STREAM,
    "error-midway": FailureKind.BROKEN_STREAM,
    "hang-midway": FailureKind.IDLE_TIMEOUT,
}
TOLD_ELSEWHERE = {"thinking", "redirect", "garbage", "error-first"}
STREAM = pytest.mark.parametrize("stream", [False, True])


@pytest_asyncio.fixture(loop_scope="module")
async def upstreams() -> AsyncIterator[Upstreams]:
    made = Upstreams(Session(), real_world())
    yield made
    await made.aclose()


def call(upstream: AnthropicWire, script: str = "ok", *, stream: bool = False, **body: Any) -> Call:
    timeouts = SHORT if script.startswith("hang") else Timeouts(10, 30, 30, 60)
    return Call(anthropic(upstream, script, timeouts=timeouts), raw(**body), stream=stream)


async def test_what_is_expected_is_said_of_every_script() -> None:
    assert {*ANSWERS, *FAILURES, *BREAKS, *TOLD_ELSEWHERE} == set(SCRIPTS)


@pytest.mark.parametrize("script", ANSWERS)
async def test_a_whole_answer_is_told_on_the_openai_wire(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, script: str
) -> None:
    answer = await whole(upstreams, call(anthropic_wire, script))
    assert answer.text == TEXT
    assert answer.usage == ANSWERS[script]
    assert answer.finish_reason == ("length" if script == "length" else "stop")
    assert answer.served_model == "tiny-1"
    assert (answer.output_estimate > 0) == (answer.usage is None)
    body = json.loads(answer.body)
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize("script", ANSWERS)
async def test_a_streamed_answer_is_told_on_the_openai_wire(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, script: str
) -> None:
    answer = await told(upstreams, call(anthropic_wire, script, stream=True))
    assert answer.failure is None
    assert answer.text.strip() == TEXT
    assert answer.stream.usage == ANSWERS[script]
    assert answer.stream.finish_reason == ("length" if script == "length" else "stop")
    assert answer.stream.first_byte_s is not None
    assert {said["object"] for said in answer.chunks} == {"chat.completion.chunk"}
    assert len({said["id"] for said in answer.chunks}) == 1
    assert all(len(said["choices"]) == 1 for said in answer.chunks)
    if answer.stream.usage is not None:
        assert answer.stream.service_tier == "standard"


async def test_the_usage_chunk_is_shown_to_who_asked_for_it(
    upstreams: Upstreams, anthropic_wire: AnthropicWire
) -> None:
    place = anthropic(anthropic_wire, "cached")
    answer = await told(upstreams, Call(place, raw(), stream=True, stream_usage_wanted=True))
    assert answer.chunks[-1]["choices"] == []
    assert answer.chunks[-1]["usage"]["prompt_tokens"] == 950


@STREAM
@pytest.mark.parametrize("script", FAILURES)
async def test_a_failure_is_named_and_happens_once(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, script: str, *, stream: bool
) -> None:
    kind, status, billed, retry_after_s = FAILURES[script]
    failure = await failing(upstreams, call(anthropic_wire, script, stream=stream))
    assert (failure.kind, failure.status, failure.billed) == (kind, status, billed)
    assert failure.retry_after_s == retry_after_s
    assert not failure.answered
    assert len(anthropic_wire.seen) == 1
    assert KEY not in f"{failure!r} {failure.body!r} {failure.__cause__!r}"
    assert "litellm" not in f"{failure!r} {failure.body!r}"
    if kind is FailureKind.BAD_REQUEST:
        assert failure.body is not None
        assert set(json.loads(failure.body)["error"]) == {"message", "type", "param", "code"}


async def test_what_the_provider_said_of_a_bad_request_goes_back(
    upstreams: Upstreams, anthropic_wire: AnthropicWire
) -> None:
    failure = await failing(upstreams, call(anthropic_wire, "400", stream=True))
    assert failure.body is not None
    assert json.loads(failure.body)["error"]["message"] == "max_tokens: must be positive"


@pytest.mark.parametrize("script", BREAKS)
async def test_a_stream_that_breaks_says_so_and_what_it_used(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, script: str
) -> None:
    answer = await told(upstreams, call(anthropic_wire, script, stream=True))
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.answered) == (BREAKS[script], True)
    assert answer.failure.billed == "maybe"
    assert KEY not in repr(answer.failure)
    assert "litellm" not in repr(answer.failure)
    assert answer.text
    assert TEXT.startswith(answer.text.strip())
    assert answer.stream.finish_reason is None
    # The input is known from the first event; of the output, at least what came.
    assert answer.stream.usage == Usage(12, 1)
    assert counted_usage(answer.stream, 99) == Usage(12, answer.stream.output_estimate)


async def test_an_error_as_the_first_event_is_no_answer(
    upstreams: Upstreams, anthropic_wire: AnthropicWire
) -> None:
    failure = await failing(upstreams, call(anthropic_wire, "error-first", stream=True))
    assert (failure.kind, failure.answered) == (FailureKind.UPSTREAM_ERROR, False)
    assert "Overloaded" in failure.message
    assert KEY not in failure.message


@STREAM
async def test_a_page_in_place_of_an_answer_is_garbage(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    failure = await failing(upstreams, call(anthropic_wire, "garbage", stream=stream))
    assert (failure.kind, failure.answered) == (FailureKind.GARBAGE, False)


@STREAM
async def test_a_redirect_is_not_followed(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    failure = await failing(upstreams, call(anthropic_wire, "redirect", stream=stream))
    assert (failure.kind, failure.answered) == (FailureKind.GARBAGE, False)
    assert len(anthropic_wire.seen) == 1


@STREAM
async def test_no_server_is_no_connection_and_costs_nothing(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    place = anthropic(anthropic_wire, base_url="http://127.0.0.1:9")
    failure = await failing(upstreams, Call(place, raw(), stream=stream))
    assert (failure.kind, failure.billed) == (FailureKind.CONNECT, "no")


@STREAM
async def test_tools_and_thinking_are_told(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "weather", "parameters": parameters}}]
    asked = call(anthropic_wire, stream=stream, tools=tools)
    thinking = call(anthropic_wire, "thinking", stream=stream, top_k=5)
    if stream:
        answer = await told(upstreams, asked)
        deltas = [said["choices"][0]["delta"] for said in answer.chunks]
        parts = [part for delta in deltas for part in delta.get("tool_calls") or ()]
        assert "".join(part["function"]["arguments"] for part in parts) == '{"city": "Paris"}'
        assert answer.stream.finish_reason == "tool_calls"
        thoughts = (await told(upstreams, thinking)).chunks
        assert thoughts[0]["choices"][0]["delta"]["reasoning_content"] == THOUGHT
    else:
        body = json.loads((await whole(upstreams, asked)).body)
        [made] = body["choices"][0]["message"]["tool_calls"]
        assert made["function"]["name"] == "weather"
        assert json.loads(made["function"]["arguments"]) == {"city": "Paris"}
        thought = json.loads((await whole(upstreams, thinking)).body)
        assert thought["choices"][0]["message"]["reasoning_content"] == THOUGHT
    assert anthropic_wire.seen[-1].body["top_k"] == 5


async def test_what_the_caller_asks_arrives(upstreams: Upstreams, anthropic_wire: AnthropicWire) -> None:
    body = raw(temperature=0.25, stop=["END"], metadata={"team": "legal"}, user="u1")
    await whole(
        upstreams, Call(anthropic(anthropic_wire, extra_headers={"x-extra": "1"}), body, output_tokens=77)
    )
    seen = anthropic_wire.seen[0]
    assert seen.body["temperature"] == 0.25
    assert seen.body["stop_sequences"] == ["END"]
    assert seen.body["max_tokens"] == 77
    assert "legal" not in seen.text
    headers = {name.lower(): value for name, value in seen.headers.items()}
    assert (headers["x-api-key"], headers["x-extra"]) == (KEY, "1")


@pytest.mark.parametrize(
    "field",
    [
        "api_base",
        "base_url",
        "api_key",
        "extra_headers",
        "extra_body",
        "mock_response",
        "custom_llm_provider",
        "fallbacks",
        "num_retries",
        "timeout",
        "aws_region_name",
        "vertex_credentials",
        "model_list",
        "no-log",
        "drop_params",
        "additional_drop_params",
        "allowed_openai_params",
        "callbacks",
        "success_callback",
        "failure_callback",
        "logger_fn",
        "context_window_fallback_dict",
        "content_policy_fallbacks",
        "max_retries",
        "api_version",
        "organization",
        "gemini_api_key",
        "model_id",
        "model_info",
        "caching",
        "cache",
        "ttl",
        "input_cost_per_token",
        "use_litellm_proxy",
        "kwargs",
    ],
)
async def test_a_caller_cannot_change_how_a_provider_is_called(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, field: str
) -> None:
    failure = await failing(upstreams, Call(anthropic(anthropic_wire), raw(**{field: "http://127.0.0.1:9"})))
    assert (failure.kind, failure.status) == (FailureKind.BAD_REQUEST, 400)
    assert failure.body is not None
    assert json.loads(failure.body)["error"]["param"] == field
    assert not anthropic_wire.seen


async def test_each_argument_of_litellm_is_a_field_of_the_chat_body_or_refused(
    anthropic_wire: AnthropicWire,
) -> None:
    litellm = wide.load()
    named = set(inspect.signature(litellm.acompletion).parameters)
    named |= set(inspect.signature(litellm.completion).parameters)
    named |= set(inspect.signature(litellm.utils.get_optional_params).parameters)
    asked = call(anthropic_wire)
    taken = set()
    for name in named:
        with contextlib.suppress(AttemptFailed):
            arguments(asked, {name: msgspec.Raw(b"true")}, litellm)
            taken.add(name)
    # The chat body's, and `thinking` and the rest that providers take; anything more is new in litellm: look at it.
    assert taken == {
        *("audio", "frequency_penalty", "function_call", "functions", "include_server_side_tool_invocations"),
        *("logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "modalities", "model"),
        *("n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt_cache_key"),
        *(
            "reasoning_effort",
            "response_format",
            "safety_identifier",
            "seed",
            "service_tier",
            "stop",
            "store",
        ),
        *(
            "stream",
            "stream_options",
            "temperature",
            "thinking",
            "tool_choice",
            "tools",
            "top_logprobs",
            "top_p",
        ),
        *("user", "verbosity", "web_search_options"),
    }


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
async def test_a_base_url_may_end_as_people_write_it(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, end: str
) -> None:
    place = anthropic(anthropic_wire, base_url=anthropic_wire.root_url + end)
    assert (await whole(upstreams, Call(place, raw()))).text == TEXT


async def test_messages_that_cannot_be_translated_are_the_callers_fault(
    upstreams: Upstreams, anthropic_wire: AnthropicWire
) -> None:
    for _ in range(10):
        failure = await failing(upstreams, call(anthropic_wire, messages=[7]))
        assert failure.kind is FailureKind.BAD_REQUEST
        assert "Traceback" not in f"{failure.message} {failure.body!r}"
        assert "litellm" not in f"{failure.message} {failure.body!r}"
    assert upstreams.circuits() == {"tiny": CircuitState.CLOSED}


@STREAM
async def test_fields_the_provider_does_not_take_are_named(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    for fields, said in (
        ({"seed": 7}, "seed; leave it out"),
        ({"store": True, "n": 2}, "n, store; leave them out"),
        ({"logprobs": True}, "logprobs; leave it out"),
        ({"presence_penalty": 1}, "presence_penalty; leave it out"),
        ({"logit_bias": {"50256": -100}}, "logit_bias; leave it out"),
    ):
        failure = await failing(upstreams, call(anthropic_wire, stream=stream, **fields))
        assert (failure.kind, failure.status, failure.billed) == (FailureKind.BAD_REQUEST, 400, "no")
        assert failure.body is not None
        assert json.loads(failure.body)["error"] == {
            "message": f'model "tiny" (provider anthropic) does not take: {said} or choose a model that does',
            "type": "invalid_request_error",
            "param": said.partition(";")[0].partition(",")[0],
            "code": "unsupported_parameter",
        }
        assert failure.message == json.loads(failure.body)["error"]["message"]
    assert not anthropic_wire.seen


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("litellm.BadRequestError: AnthropicException - max_tokens: too low.", "max_tokens: too low."),
        ("litellm.InternalServerError: InternalServerError: OpenAIException - No way.", "No way."),
        ("litellm.APIConnectionError: AzureException APIConnectionError - No way.", "No way."),
        ("litellm.Timeout: Too late.", "Too late."),
        ("Only 1. Or so! To drop it, set `litellm.drop_params = True`. For more, ask.", "Only 1. Or so!"),
        ("Set `litellm.modify_params=True`", "tiny does not take this request"),
        ("the Error of my ways", "the Error of my ways"),
    ],
)
async def test_what_litellm_raises_is_told_without_its_names_and_its_settings(
    anthropic_wire: AnthropicWire, raised: str, said: str
) -> None:
    error = wide.load().BadRequestError("", "x", "anthropic")
    error.message = raised
    failure = failure_of(error, anthropic(anthropic_wire), real_world(), answered=False)
    assert failure.body is not None
    assert json.loads(failure.body)["error"]["message"] == said


async def test_a_value_the_provider_does_not_take_is_told_in_its_words(anthropic_wire: AnthropicWire) -> None:
    told_of = (
        "Only temperature=1 is supported. To drop unsupported openai params, set `litellm.drop_params = True`"
    )
    error = wide.load().UnsupportedParamsError(told_of, status_code=400)
    failure = failure_of(error, anthropic(anthropic_wire), real_world(), answered=False)
    assert failure.message == (
        'model "tiny" (provider anthropic) does not take this request: Only temperature=1 is supported.'
    )


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_breaks_off_after_its_headers_is_one(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    anthropic_wire.say(Spoken([], streamed=True, content_type=kind, reset_at_end=True))
    failure = await failing(upstreams, Call(anthropic(anthropic_wire), raw(), stream=stream))
    assert (failure.kind, failure.answered, failure.billed) == (FailureKind.BROKEN_STREAM, True, "maybe")


async def test_leaving_a_stream_cancels_it_upstream(
    upstreams: Upstreams, anthropic_wire: AnthropicWire
) -> None:
    place = anthropic(anthropic_wire, "hang-midway", max_concurrency=1)
    stream = await streamed(upstreams, Call(place, raw(), stream=True))
    await anext(aiter(stream))
    assert stream.usage == Usage(12, 1)
    await stream.aclose()
    assert stream.usage == Usage(12, 1)
    await until(lambda: anthropic_wire.seen[-1].client_left)
    anthropic_wire.play("ok")
    assert (await whole(upstreams, Call(place, raw()))).text


@STREAM
async def test_cancelling_a_call_cancels_it_upstream(
    upstreams: Upstreams, anthropic_wire: AnthropicWire, *, stream: bool
) -> None:
    place = anthropic(anthropic_wire, "hang")
    calling = asyncio.create_task(upstreams.call(Call(place, raw(), stream=stream)))
    await until(lambda: bool(anthropic_wire.seen))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await until(lambda: anthropic_wire.seen[-1].client_left)


async def test_the_whole_attempt_has_its_time_however_lively_it_is(
    upstreams: Upstreams, anthropic_wire: AnthropicWire
) -> None:
    place = anthropic(anthropic_wire, "slow", timeouts=Timeouts(5.0, 5.0, 5.0, total_s=0.6))
    answer = await told(upstreams, Call(place, raw(), stream=True))
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.answered) == (FailureKind.TOTAL_TIMEOUT, True)


async def test_litellm_keeps_to_itself() -> None:
    litellm = wide.load()
    assert litellm is sys.modules["litellm"]
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"
    assert litellm.drop_params is False
    assert litellm.callbacks == litellm.success_callback == litellm.failure_callback == []
    assert litellm.telemetry is False
    assert wide.load() is litellm


async def test_its_price_map_can_be_checked_against_the_book() -> None:
    prices = wide.price_map()
    assert prices["gpt-4o"]["litellm_provider"] == "openai"
    assert check(load_book(), prices).compared > 100
