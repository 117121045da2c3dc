"""Every script of the upstream, streamed and not, and what an attempt at it comes to."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from router.pricing.usage import Usage
from router.providers.endpoint import Call
from router.providers.failure import FailureKind
from router.providers.presets import Quirks
from router.providers.upstreams import Upstreams
from tests.providers.calls import KEY, PATIENT, SHORT, endpoint, failing, raw, told, whole
from tests.upstreams.answers import OK_TEXT, SCRIPTS
from tests.upstreams.openai_wire import OpenAIWire

ORDINARY = Usage(input_tokens=8, output_tokens=9)
DETAILED = Usage(
    input_tokens=1000,
    output_tokens=90,
    cached_input_tokens=600,
    audio_input_tokens=50,
    reasoning_tokens=40,
    audio_output_tokens=10,
)


@dataclass(frozen=True)
class Fails:
    """How an attempt fails before anything is passed on."""

    kind: FailureKind
    status: int | None
    billed: str = "no"
    retry_after_s: float | None = None
    answered: bool = False


@dataclass(frozen=True)
class Answers:
    """What an attempt states."""

    usage: Usage | None = ORDINARY
    finish: str | None = "stop"
    breaks: FailureKind | None = None


OK = Answers()
NO_USAGE = Answers(usage=None)
REFUSALS = {
    "429": Fails(FailureKind.RATE_LIMITED, 429, retry_after_s=1),
    "429-long": Fails(FailureKind.RATE_LIMITED, 429, retry_after_s=3600),
    "500": Fails(FailureKind.UPSTREAM_ERROR, 500),
    "502": Fails(FailureKind.UPSTREAM_ERROR, 502, billed="maybe"),
    "503": Fails(FailureKind.UPSTREAM_ERROR, 503),
    "400": Fails(FailureKind.BAD_REQUEST, 400),
    "401": Fails(FailureKind.AUTH, 401),
    "402": Fails(FailureKind.AUTH, 402),
    "404": Fails(FailureKind.BAD_REQUEST, 404),
    "redirect": Fails(FailureKind.GARBAGE, 302),
    "garbage": Fails(FailureKind.GARBAGE, 200, billed="maybe"),
    "not-the-wire": Fails(FailureKind.GARBAGE, 200, billed="maybe"),
    "hang": Fails(FailureKind.FIRST_BYTE_TIMEOUT, None, billed="maybe"),
    "reset": Fails(FailureKind.CONNECT, None, billed="maybe"),
}
BOTH: dict[str, Answers | Fails] = {
    **REFUSALS,
    "ok": OK,
    "slow": OK,
    "no-done": OK,
    "gzip": OK,
    "huge-body": OK,
    "crlf": OK,
    "json-for-stream": OK,
    "usage-missing": NO_USAGE,
    "usage-null": NO_USAGE,
    "usage-zero": NO_USAGE,
    "usage-negative": NO_USAGE,
    "usage-huge": NO_USAGE,
    "usage-garbage": NO_USAGE,
    "usage-late": OK,
    "usage-twice": OK,
    "usage-good-then-zero": OK,
    "usage-on-finish": OK,
    "usage-cached": Answers(usage=DETAILED),
    "usage-cost": OK,
    "tier": OK,
    "reasoning": OK,
    "length": Answers(finish="length"),
}
WHOLE: dict[str, Answers | Fails] = BOTH | {
    "half-a-body": Fails(FailureKind.BROKEN_STREAM, 200, billed="maybe", answered=True),
    "half": OK,
    "half-reset": OK,
    "error-first": OK,
    "error-midway": OK,
    "hang-midway": OK,
}
STREAMED: dict[str, Answers | Fails] = BOTH | {
    "half-a-body": Answers(None, None, FailureKind.BROKEN_STREAM),
    "half": Answers(None, None, FailureKind.BROKEN_STREAM),
    "half-reset": Answers(None, None, FailureKind.BROKEN_STREAM),
    "error-first": Fails(FailureKind.UPSTREAM_ERROR, 200),
    "error-midway": Answers(None, None, FailureKind.BROKEN_STREAM),
    "hang-midway": Answers(None, None, FailureKind.IDLE_TIMEOUT),
}


def _call(upstream: OpenAIWire, script: str, *, stream: bool) -> Call:
    timeouts = SHORT if script.startswith("hang") else PATIENT
    quirks = Quirks(states_cost=script == "usage-cost")
    return Call(endpoint(upstream, script, timeouts=timeouts, quirks=quirks), raw(), stream=stream)


def test_what_is_expected_is_said_of_every_script() -> None:
    assert set(WHOLE) == set(STREAMED) == set(SCRIPTS)


@pytest.mark.parametrize("script", sorted(SCRIPTS))
async def test_a_whole_answer_comes_to_what_its_script_says(
    upstreams: Upstreams, upstream: OpenAIWire, script: str
) -> None:
    call = _call(upstream, script, stream=False)
    expected = WHOLE[script]
    if isinstance(expected, Fails):
        await _fails(upstreams, call, expected)
        return
    answer = await whole(upstreams, call)
    assert answer.usage == expected.usage
    assert answer.finish_reason == expected.finish
    assert answer.text == ("x" * (8 << 20) if script == "huge-body" else OK_TEXT)
    assert bool(answer.output_estimate) == (expected.usage is None)
    assert answer.served_model == ("other-model-2026" if script == "tier" else "tiny-1")
    assert answer.service_tier == ("flex" if script == "tier" else None)
    assert answer.first_byte_s is not None
    _cost_is_read_where_it_is_stated(answer.provider_cost_nano, script)


@pytest.mark.parametrize("script", sorted(SCRIPTS))
async def test_a_streamed_answer_comes_to_what_its_script_says(
    upstreams: Upstreams, upstream: OpenAIWire, script: str
) -> None:
    call = _call(upstream, script, stream=True)
    expected = STREAMED[script]
    if isinstance(expected, Fails):
        await _fails(upstreams, call, expected)
        return
    answer = await told(upstreams, call)
    stream = answer.stream
    assert stream.usage == expected.usage
    assert stream.finish_reason == expected.finish
    assert stream.served_model == ("other-model-2026" if script == "tier" else "tiny-1")
    assert stream.service_tier == ("flex" if script == "tier" else None)
    assert stream.first_byte_s is not None
    assert stream.output_estimate > 0
    assert b"[DONE]" not in answer.raw
    _cost_is_read_where_it_is_stated(stream.provider_cost_nano, script)
    if expected.breaks is None:
        assert answer.failure is None
        assert answer.text.strip() == ("x" * (8 << 20) if script == "huge-body" else OK_TEXT)
    else:
        assert answer.failure is not None
        assert answer.failure.kind is expected.breaks
        assert answer.failure.answered
        assert answer.failure.billed == "maybe"
        assert OK_TEXT.startswith(answer.text.strip()[:10])


async def _fails(upstreams: Upstreams, call: Call, expected: Fails) -> None:
    failure = await failing(upstreams, call)
    found = Fails(failure.kind, failure.status, failure.billed, failure.retry_after_s, failure.answered)
    assert found == expected
    assert (failure.body is not None) == (expected.kind is FailureKind.BAD_REQUEST)
    assert KEY not in f"{failure} {failure!r} {failure.body!r}"


def _cost_is_read_where_it_is_stated(cost_nano: int | None, script: str) -> None:
    assert cost_nano == (int(Decimal("0.00014325") * 10**9) if script == "usage-cost" else None)


async def test_dollars_are_not_believed_of_a_provider_that_states_none(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    answer = await whole(upstreams, Call(endpoint(upstream, "usage-cost"), raw()))
    assert answer.provider_cost_nano is None
