"""Server-sent events: cut out of bytes that come in any pieces, and read."""

import re
from typing import Final

# A blank line, however its lines end. A \r at the very end may be half of a \r\n: it waits for what follows.
_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?=[^\n]))(?:\r\n|\n|\r(?=[^\n]))")
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_LONGEST_BLANK_LINE: Final = 4
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DATA: Final = b"data:"


class EventSplitter:
    """Cuts a stream of bytes into events, each with the blank line at its end; no byte is changed or lost."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._searched = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that `piece` completes."""
        if not self._rest and b"\r" not in piece:
            return self._cut_plain(piece)
        self._rest += piece
        return self._cut()

    def finish(self) -> bytes:
        """What is left when no more comes: an event without its blank line, or nothing."""
        rest = bytes(self._rest)
        self._rest.clear()
        self._searched = 0
        return rest

    def _cut_plain(self, piece: bytes) -> list[bytes]:
        """The common case: nothing is waiting, and lines end in a bare line feed."""
        if piece.find(b"\n\n") == len(piece) - 2 >= 0:
            return [piece]
        *whole, rest = piece.split(b"\n\n")
        self._rest += rest
        return [event + b"\n\n" for event in whole]

    def _cut(self) -> list[bytes]:
        events: list[bytes] = []
        start = 0
        for blank in _BLANK_LINE.finditer(self._rest, self._searched):
            events.append(bytes(self._rest[start : blank.end()]))
            start = blank.end()
        del self._rest[:start]
        self._searched = max(0, len(self._rest) - _LONGEST_BLANK_LINE)
        return events


def data_of(event: bytes) -> bytes | None:
    """The data of an event, its lines joined by line feeds; `None` if it has none, as a comment has."""
    if event.startswith(b"data: ") and event.endswith(b"\n\n"):
        data = event[6:-2]
        if b"\n" not in data and b"\r" not in data:
            return data
    found = None
    for line in _LINE_END.split(event.removeprefix(_BYTE_ORDER_MARK)):
        if line.startswith(_DATA):
            text = line[len(_DATA) :].removeprefix(b" ")
        elif line == b"data":
            text = b""
        else:
            continue
        found = text if found is None else found + b"\n" + text
    return found
