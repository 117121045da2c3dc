"""Server-sent events, cut out of bytes that come in any pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.providers.events import EventSplitter, data_of

LINES = st.lists(
    st.sampled_from([b"data: {}", b"data:x", b": note", b"event: a", b"id", b"data"]), min_size=1
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def cut(whole: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(whole) + 1) for point in at), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(edges)]


@given(events=st.lists(LINES, min_size=1, max_size=5), end=ENDS, at=st.lists(st.integers(0, 500), max_size=9))
def test_events_come_out_whole_however_they_are_cut(
    events: list[list[bytes]], end: bytes, at: list[int]
) -> None:
    wire = [b"".join(line + end for line in lines) + end for lines in events]
    splitter = EventSplitter()
    out = [event for piece in cut(b"".join(wire), at) for event in splitter.feed(piece)]
    rest = splitter.finish()
    assert [*out, *([rest] if rest else [])] == wire
    # A bare \r at the very end may be half of a \r\n; nothing else is waited for.
    assert bool(rest) == (end == b"\r")


@given(
    whole=st.binary(max_size=80).map(lambda data: data.replace(b"\x00", b"\n")),
    at=st.lists(st.integers(0, 80)),
)
def test_no_byte_is_changed_or_lost(whole: bytes, at: list[int]) -> None:
    splitter = EventSplitter()
    out = [event for piece in cut(whole, at) for event in splitter.feed(piece)]
    assert b"".join(out) + splitter.finish() == whole


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: {}\n\n", b"{}"),
        (b"data:{}\r\n\r\n", b"{}"),
        (b"data:  x\n\n", b" x"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\rdata: a\rid: 3\r\r", b"a"),
        (b"\xef\xbb\xbfdata: a\n\n", b"a"),
        (b"\ndata: a\n\n", b"a"),
        (b"data\n\n", b""),
        (b": data: a\n\n", None),
        (b"datum: a\n\n", None),
        (b"\n\n", None),
    ],
)
def test_data_is_read_as_the_standard_says(event: bytes, data: bytes | None) -> None:
    assert data_of(event) == data


def test_one_large_event_in_many_pieces_is_searched_once() -> None:
    class Counted(EventSplitter):
        searched = 0

        def _cut(self) -> list[bytes]:
            Counted.searched += len(self._rest) - self._searched
            return super()._cut()

    splitter = Counted()
    piece = b"x" * 1000
    for _ in range(1000):
        assert splitter.feed(piece) == []
    assert splitter.feed(b"\n\n") == [piece * 1000 + b"\n\n"]
    assert Counted.searched < 2 * 1000 * 1000
