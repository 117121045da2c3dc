"""The body as an endpoint wants it."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.endpoint import Call, Endpoint, choices_asked, encode_body, wire_fields
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.presets import Lane, Quirks
from router.providers.secret import Secret
from tests.providers.calls import raw


def made(quirks: Quirks = Quirks(), **body: Any) -> Call:  # noqa: B008 - frozen
    place = Endpoint(
        "tiny", "openai", Lane.FAST, "http://127.0.0.1:9/v1", "tiny-1", Secret("k"), quirks=quirks
    )
    return Call(place, raw(**body))


@given(
    value=st.sampled_from(
        ["1.50", "1e2", '"\\u00fc"', "[1 ,2]", '{"a":  1,"a":2}', "-0", "12345678901234567890"]
    ),
    name=st.text(min_size=1, max_size=8).filter(
        lambda name: name not in {"model", "stream", "stream_options", "max_tokens", "max_completion_tokens"}
    ),
)
def test_a_field_we_do_not_know_stays_the_bytes_it_was(value: str, name: str) -> None:
    call = made()
    body = dict(call.body) | {name: msgspec.Raw(value.encode())}
    assert bytes(wire_fields(Call(call.endpoint, body))[name]) == value.encode()
    assert bytes(wire_fields(Call(call.endpoint, body, stream=True))[name]) == value.encode()


def test_the_model_is_the_providers_own_name() -> None:
    assert json.loads(encode_body(made()))["model"] == "tiny-1"


@pytest.mark.parametrize(
    ("wanted", "body", "cap", "expected"),
    [
        (None, {}, None, {}),
        (None, {}, 5, {"max_tokens": 5}),
        (None, {"max_tokens": 9}, None, {"max_tokens": 9}),
        (None, {"max_tokens": 9}, 5, {"max_tokens": 5}),
        (None, {"max_completion_tokens": 9}, 5, {"max_completion_tokens": 5}),
        (
            None,
            {"max_tokens": 9, "max_completion_tokens": 8},
            5,
            {"max_tokens": 5, "max_completion_tokens": 5},
        ),
        ("max_tokens", {"max_completion_tokens": 9}, None, {"max_tokens": 9}),
        ("max_completion_tokens", {"max_tokens": 9}, 5, {"max_completion_tokens": 5}),
        ("max_tokens", {"max_tokens": 9, "max_completion_tokens": 8}, None, {"max_tokens": 9}),
        (
            "max_completion_tokens",
            {"max_tokens": 9, "max_completion_tokens": 8},
            5,
            {"max_completion_tokens": 5},
        ),
    ],
)
def test_the_output_cap_goes_by_the_name_the_provider_wants(
    wanted: str | None, body: dict[str, int], cap: int | None, expected: dict[str, int]
) -> None:
    call = made(Quirks(output_cap_field=wanted), **body)
    fields = json.loads(encode_body(Call(call.endpoint, call.body, output_tokens=cap)))
    assert {name: value for name, value in fields.items() if name.startswith("max_")} == expected


def test_usage_is_asked_for_beside_what_the_caller_asked() -> None:
    call = made(stream_options={"include_obfuscation": False})
    fields = json.loads(encode_body(Call(call.endpoint, call.body, stream=True)))
    assert fields["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert fields["stream"] is True


def test_options_of_a_stream_are_not_sent_without_one() -> None:
    assert "stream_options" not in json.loads(encode_body(made(stream_options={"include_usage": True})))


def test_a_provider_that_refuses_options_of_a_stream_gets_none() -> None:
    call = made(Quirks(takes_stream_options=False), stream_options={"include_usage": True})
    assert "stream_options" not in json.loads(encode_body(Call(call.endpoint, call.body, stream=True)))


def test_options_of_a_stream_that_are_no_object_are_the_callers_fault() -> None:
    call = made(stream_options=[1])
    with pytest.raises(AttemptFailed) as caught:
        wire_fields(Call(call.endpoint, call.body, stream=True))
    assert caught.value.kind is FailureKind.BAD_REQUEST
    assert caught.value.body is not None
    assert json.loads(caught.value.body)["error"]["param"] == "stream_options"


@pytest.mark.parametrize(
    ("n", "choices"), [(3, 3), ("3", 1), (-1, 1), (2.0, 1), (0, 1), (None, 1), (10**9, 1)]
)
def test_choices_that_cannot_be_read_are_one(n: Any, choices: int) -> None:
    assert choices_asked(raw(n=n)) == choices
    assert choices_asked(raw()) == 1
