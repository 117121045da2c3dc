"""What is replayed: one query of recorded traffic, with whatever is known of it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from classifiers import QueryFacts
from router.decision import Inputs
from router.ledger.entry import Entry
from router.pricing.usage import Usage
from router.routes.threshold import Threshold


@dataclass(frozen=True, slots=True)
class KnownDifficulty:
    """A difficulty as it was recorded, and whose it is; of an unfamiliar query it decides nothing.

    Attributes:
        value: 0-1.
        classifier: id of the one that gave it.
    """

    value: float
    classifier: str
    familiar: bool = True


@dataclass(frozen=True, slots=True)
class Sides:
    """What each tier's answer was worth (0-1) and cost (nano-dollars); `None` is not known."""

    small_score: float
    large_score: float
    small_nano: int | None = None
    large_nano: int | None = None


@dataclass(frozen=True, slots=True)
class Past:
    """How the service decided it, and what that came to.

    Attributes:
        attempts: their newest entries, by number.
        tier: the policy's choice, before any fallback.
        model: the model chosen.
        threshold: the one in force then; `None` for an unrouted call.
        certificate: id of the one that held for it; '' without one.
        whole: its record is still kept; else its inputs are those that its reason lets be inferred.
    """

    attempts: tuple[Entry, ...]
    tier: str
    reason: str
    model: str
    threshold: Threshold | None
    certificate: str = ""
    whole: bool = True

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process: entries packed, ten times as fast as field by field."""
        packed = msgspec.msgpack.encode(self.attempts)
        rest = (self.tier, self.reason, self.model, self.threshold, self.certificate, self.whole)
        return _unpacked, (packed, *rest)


_entries = msgspec.msgpack.Decoder(tuple[Entry, ...])


def _unpacked(packed: bytes, *rest: Any) -> Past:
    return Past(_entries.decode(packed), *rest)


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of recorded traffic.

    Either `body` is there, and it is read and decided as the service does; or `inputs`, what a decision of
    the service was made on, with `facts` where its text is kept and `known` where not.

    Attributes:
        place: where it stands, for messages: `traffic.jsonl, line 3`.
        route: the route or model it names.
        body: a chat body, as JSON.
    """

    id: str
    place: str
    route: str
    body: bytes | None = None
    facts: QueryFacts | None = None
    inputs: Inputs | None = None
    known: KnownDifficulty | None = None
    usage: Usage | None = None
    sides: Sides | None = None
    past: Past | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file as it was found, to be read where it is decided.

    Attributes:
        file: its name.
        place: where it stands, for messages.
        number: of its line or row, from 1.
        line: its JSON; or `columns` is the object, or `fault` why there is neither.
        route: the one that all rows go through; `None` leaves it to the row.
    """

    file: str
    place: str
    number: int
    route: str | None
    line: bytes = b""
    columns: Any = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that cannot be replayed, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"
