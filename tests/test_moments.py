"""Moments are written in one way, and to the millisecond."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from router.moments import minute, moment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, 253_370_764_799_999))
def test_a_moment_is_read_back_to_the_millisecond_and_its_minute_is_the_beginning_of_it(at_ms: int):
    written = moment(at_ms)
    assert (datetime.fromisoformat(written) - EPOCH) // timedelta(milliseconds=1) == at_ms
    assert written.endswith("+00:00")
    assert minute(at_ms) == written[:16].replace("T", " ")
