"""The door for outgoing HTTP."""

from email.utils import formatdate

import pytest

from router.providers.endpoint import Timeouts
from router.providers.failure import AttemptFailed, FailureKind, refused
from router.providers.session import Session, retry_after_s
from tests.upstreams.openai_wire import OpenAIWire

NOW_S = 1_790_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
        ("soon", None),
        ("", None),
        (formatdate(NOW_S + 30, usegmt=True), 30.0),
        (formatdate(NOW_S - 30, usegmt=True), 0.0),
        ("Wed, 99 Nov 2026 99:00:00 GMT", None),
    ],
)
def test_a_wait_is_read_in_seconds_or_not_at_all(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, lambda: NOW_S) == seconds


async def test_a_page_can_be_asked_for(upstream: OpenAIWire) -> None:
    session = Session()
    reply = await session.get(f"{upstream.base_url}/models", {}, name="tiny", timeouts=Timeouts())
    assert reply.status == 200
    assert b"tiny-1" in await reply.whole()
    await session.aclose()
    await session.aclose()


async def test_an_address_that_is_none_is_no_connection() -> None:
    session = Session()
    for url in ("not a url", "http://", "ftp://127.0.0.1/x"):
        with pytest.raises(AttemptFailed) as caught:
            await session.get(url, {}, name="tiny", timeouts=Timeouts())
        assert (caught.value.kind, caught.value.billed) == (FailureKind.CONNECT, "no")
    await session.aclose()


@pytest.mark.parametrize(
    ("status", "kind", "billed"),
    [
        (400, FailureKind.BAD_REQUEST, "no"),
        (401, FailureKind.AUTH, "no"),
        (402, FailureKind.AUTH, "no"),
        (403, FailureKind.AUTH, "no"),
        (408, FailureKind.UPSTREAM_ERROR, "maybe"),
        (409, FailureKind.UPSTREAM_ERROR, "no"),
        (422, FailureKind.BAD_REQUEST, "no"),
        (425, FailureKind.UPSTREAM_ERROR, "no"),
        (429, FailureKind.RATE_LIMITED, "no"),
        (500, FailureKind.UPSTREAM_ERROR, "no"),
        (504, FailureKind.UPSTREAM_ERROR, "maybe"),
        (529, FailureKind.UPSTREAM_ERROR, "no"),
        (204, FailureKind.GARBAGE, "no"),
        (301, FailureKind.GARBAGE, "no"),
    ],
)
def test_a_status_is_a_kind_of_failure(status: int, kind: FailureKind, billed: str) -> None:
    failure = refused("tiny", status, b"x" * 100_000, 3.0, "r" * 500)
    assert (failure.kind, failure.billed, failure.status) == (kind, billed, status)
    assert len(failure.message) < 200
    assert (failure.body is None) or len(failure.body) == 64 * 1024
