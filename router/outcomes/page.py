"""Outcomes by time, newest first, a page at a time: of one route or of several together."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from router.errors import InvalidRequest
from router.outcomes.record import OutcomeRecord
from router.store.connection import Store

_CURSOR = re.compile(r"(\d{1,15})-([\w-]{1,64})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the order of outcomes: by the time of the decision, then by its id.

    Attributes:
        at_ms: Unix milliseconds of the decision.
    """

    at_ms: int
    id: str

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The inverse of `str`.

        Raises:
            InvalidRequest: not what an answer named.
        """
        found = _CURSOR.fullmatch(text)
        if found is None:
            raise InvalidRequest("before: expected the `next` of an earlier answer", param="before")
        return cls(int(found[1]), found[2])


@dataclass(frozen=True, slots=True)
class Page:
    """Outcomes, newest first.

    Attributes:
        next: where the page after this one begins; `None` at the end.
    """

    outcomes: list[OutcomeRecord]
    next: Cursor | None


async def ids_before(
    store: Store, indexes: Sequence[str], *, from_ms: int | None, before: Cursor | None, limit: int
) -> list[Cursor]:
    """The newest ids of sorted sets together, those of `before` and after it left out.

    Raises:
        StoreUnavailable: no answer.
    """
    if not indexes or limit < 1:
        return []
    newest = "+inf" if before is None else before.at_ms
    oldest = "-inf" if from_ms is None else from_ms
    looked = limit
    while True:
        asked = [
            ("ZREVRANGEBYSCORE", index, newest, oldest, "WITHSCORES", "LIMIT", 0, looked) for index in indexes
        ]
        replies = [_cursors(reply) for reply in await store.commands(*asked)]
        found = sorted(
            (one for reply in replies for one in reply if before is None or one < before), reverse=True
        )
        if len(found) >= limit or all(len(reply) < looked for reply in replies):
            return found[:limit]
        looked *= 2  # many were decided in the very millisecond that the last page ended in


def _cursors(reply: Any) -> list[Cursor]:
    """Members with their scores: by the server's protocol as one flat list, or as pairs."""
    flat = not reply or isinstance(reply[0], bytes)
    pairs = zip(reply[::2], reply[1::2], strict=True) if flat else reply
    return [Cursor(int(float(score)), member.decode()) for member, score in pairs]
