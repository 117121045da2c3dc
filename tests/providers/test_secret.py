"""A key that does not show itself."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.endpoint import Call
from router.providers.failure import FailureKind
from router.providers.redact import redacted_bytes
from router.providers.secret import Secret
from router.providers.upstreams import Upstreams
from tests.providers.calls import KEY, endpoint, failing, raw
from tests.upstreams.answers import Spoken
from tests.upstreams.openai_wire import OpenAIWire


@given(st.text(min_size=12, alphabet=st.characters(codec="ascii", categories=["L", "N"])))
def test_no_way_of_printing_shows_it(value: str) -> None:
    secret = Secret(value)
    shown = f"{secret} {secret!r} {secret:>40} {secret!s} {[secret]} {secret!a}"
    assert value not in shown
    assert secret.reveal() == value
    assert secret.redact(f"a {value} b") == "a … b"


def test_it_is_no_text() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret("sk-1"))
    with pytest.raises(TypeError):
        "".join([Secret("sk-1")])  # type: ignore[list-item]


def test_it_equals_the_same_secret_only() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert not Secret("")
    assert copy.deepcopy(Secret("a")) == Secret("a")


def test_an_endpoint_that_is_printed_does_not_show_its_key() -> None:
    with OpenAIWire() as upstream:
        assert KEY not in repr(Call(endpoint(upstream), raw()))


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_that_echoes_the_key_shows_it_nowhere(
    upstreams: Upstreams, upstream: OpenAIWire, *, stream: bool
) -> None:
    failure = await failing(upstreams, Call(endpoint(upstream, "401"), raw(), stream=stream))
    assert failure.kind is FailureKind.AUTH
    said = (
        f"{failure} {failure!r} {failure.__cause__!r} {failure.__context__!r} {failure.body!r} {failure.args}"
    )
    assert KEY not in said


async def test_a_body_for_the_caller_that_echoes_the_key_is_blotted(
    upstreams: Upstreams, upstream: OpenAIWire
) -> None:
    upstream.say(Spoken([json.dumps({"error": {"message": f"bad header {KEY}"}}).encode()], status=400))
    failure = await failing(upstreams, Call(endpoint(upstream), raw()))
    assert failure.body is not None
    assert KEY.encode() not in failure.body
    assert "bad header …" in json.loads(failure.body)["error"]["message"]


def test_a_body_without_a_key_stays_the_bytes_it_was() -> None:
    with OpenAIWire() as upstream:
        said = b"\xff\xfe{ broken"
        assert redacted_bytes(said, endpoint(upstream)) is said
