"""Streams of the OpenAI wire: what goes through, what is hidden, and what breaks."""

import asyncio
import gc
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.pricing.usage import Usage
from router.providers.answer import counted_usage
from router.providers.endpoint import Call
from router.providers.failure import FailureKind
from router.providers.secret import Secret
from router.providers.upstreams import Upstreams
from tests.providers.calls import KEY, endpoint, failing, raw, streamed, told, until, whole
from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire


def event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **fields: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "tiny-1", "choices": [choice]} | fields


def spoken(*pieces: bytes, **changes: Any) -> Spoken:
    return Spoken(list(pieces), streamed=True, content_type="text/event-stream", **changes)


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = b"data: [DONE]\n\n"
HELLO = event(chunk({"content": "Hello"}))
STOP = event(chunk({}, "stop"))


def call(upstream: OpenAIWire, **changes: Any) -> Call:
    return Call(endpoint(upstream), raw(), **({"stream": True} | changes))


async def test_the_usage_chunk_is_shown_to_who_asked_for_it(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    asked = await told(upstreams, call(upstream, stream_usage_wanted=True))
    assert asked.chunks[-1]["choices"] == []
    assert asked.chunks[-1]["usage"]["completion_tokens"] == 9


async def test_the_usage_chunk_is_hidden_from_who_did_not(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    unasked = await told(upstreams, call(upstream))
    assert all(said["choices"] for said in unasked.chunks)
    assert unasked.stream.usage is not None
    assert upstream.seen[0].body["stream_options"] == {"include_usage": True}


async def test_a_chunk_without_choices_or_usage_goes_through(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    filters = event({"id": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]})
    upstream.say(spoken(filters, HELLO, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert answer.raw == filters + HELLO + STOP
    assert answer.text == "Hello"


async def test_comments_and_fields_we_do_not_know_go_through_byte_for_byte(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    comment = b": OPENROUTER PROCESSING\n\n"
    named = b"event: chunk\nid: 7\nretry: 10\n" + event(chunk({"content": "\u00fc", "x": 1.50}, vendor=[]))
    upstream.say(spoken(comment, HELLO, comment, named, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert answer.raw == comment + HELLO + comment + named + STOP
    assert answer.text == "Hello\u00fc"


async def test_all_chunks_have_one_id(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    other = event(chunk({"content": " you"}, id="chatcmpl-2", vendor={"n": 1.50}))
    upstream.say(spoken(HELLO, b": here\nevent: x\n" + other, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert {said["id"] for said in answer.chunks} == {"chatcmpl-1"}
    assert answer.events[1].raw.startswith(b": here\nevent: x\ndata: {")
    assert answer.chunks[1]["vendor"] == {"n": 1.5}
    assert answer.events[0].raw == HELLO


async def test_data_in_several_lines_is_one_event(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    lines = json.dumps(chunk({"content": "Hello"}), indent=1).encode().splitlines()
    pretty = b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    upstream.say(spoken(pretty, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert (answer.raw, answer.text) == (pretty + STOP, "Hello")


async def test_a_last_event_without_its_blank_line_still_counts(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(spoken(HELLO, STOP.rstrip()))
    answer = await told(upstreams, call(upstream))
    assert (answer.raw, answer.failure) == (HELLO + STOP, None)


async def test_a_stream_that_calls_itself_json_is_read_as_what_it_is(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(Spoken([HELLO + STOP + DONE], content_type="application/json"))
    answer = await told(upstreams, call(upstream))
    assert (answer.raw, answer.text, answer.failure) == (HELLO + STOP, "Hello", None)


async def test_text_is_of_the_first_choice_only(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    answer = await told(upstreams, Call(endpoint(upstream), raw(n=2), stream=True))
    assert answer.text.strip() == "The quick brown fox jumps over the lazy dog."
    single = await told(upstreams, call(upstream))
    assert answer.stream.output_estimate == 2 * single.stream.output_estimate


async def test_an_answer_is_whole_only_when_each_choice_it_began_is(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(spoken(HELLO, event(chunk({"content": "Hi"}, index=1)), STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert answer.failure is not None
    assert answer.failure.kind is FailureKind.BROKEN_STREAM


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("second", ["", "begun", "finished"])
async def test_without_an_end_mark_an_answer_has_as_many_choices_as_were_asked_for(
    upstreams: Upstreams, upstream: OpenAIWire, second: str, *, reset: bool
) -> None:
    pieces = [HELLO, STOP]
    if second:
        pieces.append(event(chunk({"content": "Hi"}, index=1)))
    if second == "finished":
        pieces.append(event(chunk({}, "stop", index=1)))
    upstream.say(spoken(*pieces, reset_at_end=reset, gap_s=0.01))
    answer = await told(upstreams, Call(endpoint(upstream), raw(n=2), stream=True))
    if second == "finished":
        assert answer.failure is None
    else:
        assert answer.failure is not None
        assert answer.failure.kind is FailureKind.BROKEN_STREAM


async def test_a_provider_that_says_it_gave_all_may_give_fewer_choices(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    whole_one = {"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}
    upstream.say(spoken(HELLO, STOP, DONE), Spoken([json.dumps(whole_one).encode()]))
    for _ in range(2):
        answer = await told(upstreams, Call(endpoint(upstream), raw(n=2), stream=True))
        assert (answer.text, answer.failure) == ("Hello", None)


async def test_the_end_mark_alone_does_not_make_an_answer_whole(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(spoken(HELLO, DONE))
    answer = await told(upstreams, call(upstream))
    assert answer.failure is not None
    assert answer.failure.kind is FailureKind.BROKEN_STREAM


async def test_a_connection_lost_after_the_finish_loses_nothing(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(spoken(HELLO, STOP, reset_at_end=True, gap_s=0.01))
    answer = await told(upstreams, call(upstream))
    assert (answer.text, answer.failure) == ("Hello", None)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(DONE, id="only the end mark"),
        pytest.param(b": waiting\n\n", id="only a comment"),
        pytest.param(b"data: hello\n\n", id="no JSON"),
        pytest.param(b"data: [1]\n\n", id="no object"),
        pytest.param(event({"hello": "world"}), id="another object"),
        pytest.param(b"data: " + b"[" * 100_000 + b"\n\n", id="nested too deeply"),
        pytest.param(HELLO.replace(b"Hello", b"\xff"), id="no UTF-8"),
    ],
)
async def test_a_stream_that_is_not_the_wire_fails_before_anything_is_passed_on(
    upstreams: Upstreams, upstream: OpenAIWire, body: bytes
) -> None:
    upstream.say(spoken(body))
    failure = await failing(upstreams, call(upstream))
    assert (failure.kind, failure.answered) == (FailureKind.GARBAGE, False)


@pytest.mark.parametrize("garbage", [b"data: {half\n\n", HELLO.replace(b"Hello", b"\xff")])
async def test_a_stream_that_turns_to_garbage_is_broken(
    upstreams: Upstreams, upstream: OpenAIWire, garbage: bytes
) -> None:
    upstream.say(spoken(HELLO, garbage, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.answered) == (FailureKind.BROKEN_STREAM, True)
    assert answer.raw == HELLO


async def test_bytes_that_are_no_text_in_what_we_do_not_read_go_through(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    odd = event(chunk({"content": " you"}, id="chatcmpl-2", vendor="?")).replace(b'"vendor"', b'"\xff"')
    upstream.say(spoken(HELLO, odd, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert (answer.raw, answer.text, answer.failure) == (HELLO + odd + STOP, "Hello you", None)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "body",
    [
        b'{"choices": [{"message": {"content": "\xff"}}]}',
        b'{"choices": [{"message": {"\xff": 1}}]}',
        b'{"choices": ' + b"[" * 100_000,
    ],
)
async def test_a_whole_answer_that_cannot_be_decoded_is_garbage(
    upstreams: Upstreams, upstream: OpenAIWire, body: bytes, *, stream: bool
) -> None:
    upstream.say(Spoken([body]))
    if not stream and b'{"\xff"' in body:
        assert (await whole(upstreams, call(upstream, stream=False))).body == body
        return
    failure = await failing(upstreams, call(upstream, stream=stream))
    assert (failure.kind, failure.billed) == (FailureKind.GARBAGE, "maybe")


async def test_what_came_in_one_piece_with_an_error_is_passed_on_before_it(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(spoken(HELLO + HELLO + event({"error": {"message": "it broke"}})))
    answer = await told(upstreams, call(upstream))
    assert answer.raw == HELLO + HELLO
    assert answer.failure is not None
    assert "it broke" in answer.failure.message


async def test_an_error_that_echoes_a_secret_does_not_show_it(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    said = {"error": {"message": f"key {KEY} and Basic dXNlcjpwYXNz are bad"}}
    place = endpoint(upstream, extra_headers={"x-proxy-auth": "Basic dXNlcjpwYXNz"})
    upstream.say(spoken(event(said)), spoken(HELLO, event(said)))
    first = await failing(upstreams, Call(place, raw(), stream=True))
    midway = (await told(upstreams, Call(place, raw(), stream=True))).failure
    for failure in (first, midway):
        assert "are bad" in str(failure)
        assert KEY not in repr(failure)
        assert "dXNlcjpwYXNz" not in repr(failure)


async def test_half_surrogates_go_through_and_are_read_as_unknown_characters(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    torn = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"a\\ud83d"}}]}\n\n'
    upstream.say(spoken(torn, STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert (answer.raw, answer.text) == (torn + STOP, "a\ufffd")
    assert answer.stream.output_estimate > 0


async def test_content_that_comes_in_parts_is_read(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "A"},
    ]
    upstream.say(spoken(event(chunk({"content": parts})), STOP, DONE))
    answer = await told(upstreams, call(upstream))
    assert answer.text == "A"


async def test_tool_calls_and_reasoning_are_counted_in_the_estimate(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    arguments = json.dumps({"city": "Paris, the capital of France"})
    calls = [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    for delta in ({"tool_calls": calls}, {"reasoning_content": arguments}, {"reasoning": arguments}):
        upstream.say(spoken(event(chunk(delta)), STOP, DONE))
        answer = await told(upstreams, call(upstream))
        assert answer.stream.output_estimate >= 8
        assert answer.text == ""


async def test_of_a_stream_that_breaks_the_stated_input_and_what_came_are_counted(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    growing = chunk({"content": "one two three four five six seven"}, usage=USAGE | {"completion_tokens": 1})
    upstream.say(spoken(event(growing)), spoken(HELLO))
    stream = (await told(upstreams, call(upstream))).stream
    assert stream.usage == Usage(3, 1)
    assert counted_usage(stream, 99) == Usage(3, stream.output_estimate)
    stream = (await told(upstreams, call(upstream))).stream
    assert stream.usage is None
    assert counted_usage(stream, 99) == Usage(99, stream.output_estimate)


async def test_a_whole_answer_in_place_of_a_stream_becomes_one(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    place = endpoint(upstream, "json-for-stream")
    answer = await told(upstreams, Call(place, raw(n=2, tools=tools), stream=True, stream_usage_wanted=True))
    assert {said["object"] for said in answer.chunks} == {"chat.completion.chunk"}
    first, second, *finishes, usage = answer.chunks
    assert first["choices"][0]["delta"]["tool_calls"][0]["index"] == 0
    assert second["choices"][0]["index"] == 1
    assert [said["choices"][0]["finish_reason"] for said in finishes] == ["tool_calls", "tool_calls"]
    assert usage["choices"] == []
    assert first["x_vendor"] == {"kept": True}
    assert answer.stream.usage is not None


async def test_leaving_a_stream_cancels_it_upstream(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    stream = await streamed(upstreams, Call(endpoint(upstream, "hang-midway"), raw(), stream=True))
    while not (await anext(aiter(stream))).text:
        pass
    await stream.aclose()
    await stream.aclose()
    await until(lambda: upstream.seen[-1].client_left)
    assert stream.output_estimate > 0


async def test_cancelling_a_waiting_reader_cancels_the_call_upstream(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    stream = await streamed(upstreams, Call(endpoint(upstream, "hang-midway"), raw(), stream=True))
    reader = asyncio.create_task(_read_all(stream))
    await asyncio.sleep(0.05)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await until(lambda: upstream.seen[-1].client_left)


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_a_call_that_waits_cancels_it_upstream(
    upstreams: Upstreams, upstream: OpenAIWire, *, stream: bool
) -> None:
    calling = asyncio.create_task(upstreams.call(Call(endpoint(upstream, "hang"), raw(), stream=stream)))
    await until(lambda: bool(upstream.seen))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    await until(lambda: upstream.seen[-1].client_left)


async def test_a_stream_that_is_dropped_unread_frees_its_place(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    place = endpoint(upstream, "hang-midway", max_concurrency=1, queue_wait_s=5.0)
    stream = await streamed(upstreams, Call(place, raw(), stream=True))
    del stream
    gc.collect()
    upstream.play("ok")
    assert (await whole(upstreams, Call(place, raw()))).text


async def _read_all(stream: Any) -> None:
    async for _ in stream:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
VENDOR_FIELDS = st.dictionaries(st.text(max_size=6).map("x{}".format), JSON, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extra=VENDOR_FIELDS, gap=st.sampled_from(["", " ", "\n"]), ensure_ascii=st.booleans())
async def test_answers_pass_through_byte_for_byte(
    upstreams: Upstreams, upstream: OpenAIWire, *, extra: dict[str, Any], gap: str, ensure_ascii: bool
) -> None:
    separators = (f",{gap}", f":{gap}")
    message = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    body = json.dumps(
        {"choices": [message]} | extra, ensure_ascii=ensure_ascii, separators=separators
    ).encode("utf-8", "surrogatepass")
    upstream.say(Spoken([body]))
    answer = await whole(upstreams, Call(endpoint(upstream), raw()))
    assert (answer.body, answer.text) == (body, "Hi")

    said = json.dumps(chunk({"content": "Hi"}) | extra, ensure_ascii=ensure_ascii).encode()
    upstream.say(spoken(b"data:" + said + b"\n\n", STOP, DONE))
    assert (await told(upstreams, call(upstream))).raw == b"data:" + said + b"\n\n" + STOP


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(extra=VENDOR_FIELDS)
async def test_requests_pass_through_field_by_field(
    upstreams: Upstreams, upstream: OpenAIWire, extra: dict[str, Any]
) -> None:
    given_body = raw(**extra)
    await whole(upstreams, Call(endpoint(upstream), given_body))
    sent = upstream.seen[-1].text
    for name, value in given_body.items():
        if name != "model":
            assert f"{json.dumps(name, ensure_ascii=False)}:{bytes(value).decode()}" in sent
    assert upstream.seen[-1].headers["Authorization"] == f"Bearer {KEY}"


async def test_a_key_with_a_line_break_is_refused_and_not_shown(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    place = endpoint(upstream, api_key=Secret("sk-bad\r\nx-evil: 1"))
    failure = await failing(upstreams, Call(place, raw()))
    assert failure.kind is FailureKind.CONNECT
    assert "sk-bad" not in repr(failure)
    assert not upstream.seen
