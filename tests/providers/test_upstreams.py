"""Limits and circuits around real calls: each left exactly once, whatever happens."""

import asyncio
import contextlib

import pytest

from router.clock import World, real_world
from router.providers.answer import Answer
from router.providers.circuit import CircuitState
from router.providers.endpoint import Call, Endpoint, Timeouts
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.session import Session
from router.providers.upstreams import Upstreams
from tests.providers.calls import endpoint, failing, raw, streamed, told, until, whole
from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def world(self) -> World:
        real = real_world()
        return World(real.now_ms, lambda: self.now_s, real.new_id, real.chance)


def limited(upstream: OpenAIWire, script: str = "ok", places: int = 1) -> Endpoint:
    return endpoint(upstream, script, max_concurrency=places, queue_wait_s=10.0)


async def _one_place_is_free(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    upstream.play("ok")
    assert (await whole(upstreams, Call(limited(upstream), raw()))).text


async def test_no_more_calls_are_in_flight_than_a_model_allows(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    places = limited(upstream, places=3)
    calls = [told(upstreams, Call(places, raw(), stream=True)) for _ in range(6)]
    calls += [told(upstreams, Call(places, raw(), stream=True)) for _ in range(6)]
    assert all(answer.failure is None for answer in await asyncio.gather(*calls))
    assert upstream.concurrent_most <= 3
    assert len(upstream.seen) == 12


async def test_a_full_model_is_busy_after_its_wait(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    place = endpoint(upstream, "hang-midway", max_concurrency=1, queue_wait_s=0.01)
    stream = await streamed(upstreams, Call(place, raw(), stream=True))
    failure = await failing(upstreams, Call(place, raw()))
    assert failure.kind is FailureKind.BUSY
    assert len(upstream.seen) == 1
    await stream.aclose()


@pytest.mark.parametrize("script", ["500", "garbage", "error-first", "reset", "400", "redirect", "half"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_fails_leaves_its_place(
    upstreams: Upstreams, upstream: OpenAIWire, script: str, *, stream: bool
) -> None:
    with contextlib.suppress(AttemptFailed):
        answer = await upstreams.call(Call(limited(upstream, script), raw(), stream=stream))
        if not isinstance(answer, Answer):
            async for _ in answer:
                pass
    await _one_place_is_free(upstreams, upstream)


async def test_a_stream_that_is_closed_leaves_its_place_once(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    stream = await streamed(upstreams, Call(limited(upstream, "slow"), raw(), stream=True))
    await anext(aiter(stream))
    await stream.aclose()
    await stream.aclose()
    await _one_place_is_free(upstreams, upstream)
    other = await streamed(upstreams, Call(limited(upstream, "hang-midway"), raw(), stream=True))
    waiting = asyncio.create_task(upstreams.call(Call(limited(upstream), raw())))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await other.aclose()
    await waiting


async def test_who_is_cancelled_in_line_or_in_flight_leaves_no_trace(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    calls = [
        asyncio.create_task(upstreams.call(Call(limited(upstream, "hang"), raw(), stream=stream)))
        for stream in (False, True, False)
    ]
    await until(lambda: bool(upstream.seen))
    for call in calls:
        call.cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    await _one_place_is_free(upstreams, upstream)


async def test_an_ill_upstream_is_left_alone_then_probed_then_used_again(upstream: OpenAIWire) -> None:
    clock = Clock()
    upstreams = Upstreams(Session(), clock.world())
    place = endpoint(upstream)
    upstream.play(*["500"] * 8)
    for _ in range(8):
        assert (await failing(upstreams, Call(place, raw()))).kind is FailureKind.UPSTREAM_ERROR
    assert upstreams.circuits() == {"tiny": CircuitState.OPEN}
    failure = await failing(upstreams, Call(place, raw()))
    assert (failure.kind, failure.billed, failure.retry_after_s) == (FailureKind.CIRCUIT_OPEN, "no", 5.0)
    assert len(upstream.seen) == 8

    clock.now_s += 5.0
    upstream.play("slow")
    stream = await streamed(upstreams, Call(place, raw(), stream=True))
    # The probe's first event says that it is well; others need not wait for its last.
    assert upstreams.circuits() == {"tiny": CircuitState.CLOSED}
    assert (await whole(upstreams, Call(place, raw()))).text
    await stream.aclose()
    await upstreams.aclose()


@pytest.mark.parametrize("script", ["400", "401", "404", "429"])
async def test_what_says_nothing_of_health_never_opens_a_circuit(
    upstreams: Upstreams, upstream: OpenAIWire, script: str
) -> None:
    for _ in range(12):
        await failing(upstreams, Call(endpoint(upstream, script), raw()))
    assert upstreams.circuits() == {"tiny": CircuitState.CLOSED}


async def test_callers_who_leave_never_open_a_circuit(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    for _ in range(12):
        stream = await streamed(upstreams, Call(endpoint(upstream, "slow"), raw(), stream=True))
        await stream.aclose()
    assert upstreams.circuits() == {"tiny": CircuitState.CLOSED}


async def test_streams_that_break_open_a_circuit(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    for _ in range(8):
        await told(upstreams, Call(endpoint(upstream, "half"), raw(), stream=True))
    assert upstreams.circuits() == {"tiny": CircuitState.OPEN}


async def test_each_model_has_its_own_circuit(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    for _ in range(8):
        await failing(upstreams, Call(endpoint(upstream, "500", name="big"), raw()))
    await whole(upstreams, Call(endpoint(upstream), raw()))
    assert upstreams.circuits() == {"big": CircuitState.OPEN, "tiny": CircuitState.CLOSED}


async def test_a_redirect_is_not_followed(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    failure = await failing(upstreams, Call(endpoint(upstream, "redirect"), raw()))
    assert (failure.kind, failure.status) == (FailureKind.GARBAGE, 302)
    assert len(upstream.seen) == 1


async def test_no_server_is_no_connection_and_costs_nothing(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    place = endpoint(upstream, base_url="http://127.0.0.1:9/v1")
    failure = await failing(upstreams, Call(place, raw()))
    assert (failure.kind, failure.billed, failure.answered) == (FailureKind.CONNECT, "no", False)


async def test_an_answer_beyond_the_limit_is_refused(upstream: OpenAIWire) -> None:
    upstreams = Upstreams(Session(most_answer_bytes=100_000), real_world())
    place = endpoint(upstream, "huge-body")
    failure = await failing(upstreams, Call(place, raw()))
    assert (failure.kind, failure.billed) == (FailureKind.TOO_LARGE, "maybe")
    upstream.say(Spoken([b"data: " + b"x" * 200_000], streamed=True, content_type="text/event-stream"))
    assert (await failing(upstreams, Call(place, raw(), stream=True))).kind is FailureKind.TOO_LARGE
    await upstreams.aclose()


async def test_the_whole_attempt_has_its_time_however_lively_it_is(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    place = endpoint(upstream, "slow", timeouts=Timeouts(5.0, 5.0, 5.0, total_s=0.35))
    answer = await told(upstreams, Call(place, raw(), stream=True))
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.answered) == (FailureKind.TOTAL_TIMEOUT, True)
    assert upstreams.circuits() == {"tiny": CircuitState.CLOSED}


async def test_comments_do_not_count_as_the_first_byte(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    keep_alives = [b": waiting\n\n"] * 40
    upstream.say(Spoken(keep_alives, streamed=True, content_type="text/event-stream", gap_s=0.05))
    place = endpoint(upstream, timeouts=Timeouts(5.0, 0.3, 5.0, 20.0))
    failure = await failing(upstreams, Call(place, raw(), stream=True))
    assert (failure.kind, failure.answered) == (FailureKind.FIRST_BYTE_TIMEOUT, False)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_breaks_off_after_its_headers_is_one(
    upstreams: Upstreams, upstream: OpenAIWire, *, stream: bool
) -> None:
    kind = "text/event-stream" if stream else "application/json"
    upstream.say(Spoken([], streamed=True, content_type=kind, reset_at_end=True))
    failure = await failing(upstreams, Call(endpoint(upstream), raw(), stream=stream))
    assert (failure.kind, failure.answered, failure.billed) == (FailureKind.BROKEN_STREAM, True, "maybe")


async def test_connections_are_used_again_after_a_stream(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    for _ in range(5):
        await told(upstreams, Call(endpoint(upstream), raw(), stream=True))
    assert upstream.connections == 1


async def test_a_base_url_may_carry_a_query(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    place = endpoint(upstream, base_url=f"{upstream.base_url}/?api-version=2026-10-01")
    await whole(upstreams, Call(place, raw()))
    assert upstream.seen[0].path == "/v1/chat/completions?api-version=2026-10-01"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_of_no_choices_is_garbage(
    upstreams: Upstreams, upstream: OpenAIWire, *, stream: bool
) -> None:
    upstream.say(Spoken([b'{"id": "c", "object": "chat.completion", "choices": []}']))
    failure = await failing(upstreams, Call(endpoint(upstream), raw(), stream=stream))
    assert (failure.kind, failure.status, failure.billed) == (FailureKind.GARBAGE, 200, "maybe")
    assert "it has no choices" in failure.message


async def test_an_answer_of_no_content_is_an_answer(upstreams: Upstreams, upstream: OpenAIWire) -> None:
    upstream.say(
        Spoken([b'{"choices": [{"message": {"content": null}, "finish_reason": "content_filter"}]}'])
    )
    answer = await whole(upstreams, Call(endpoint(upstream), raw()))
    assert (answer.text, answer.finish_reason) == ("", "content_filter")
