"""One row of a check-up."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a part of the set-up is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Row:
    """What was looked at and what came of it.

    Attributes:
        part: `configuration`, `store`, `prices`, `providers`, `classifier`, `certificate`, `budget` or
            `address`.
        subject: which one of them; empty for the part as a whole.
        said: what was found, never with a secret in it.
        to_do: what would mend it; empty where nothing needs mending.
    """

    part: str
    subject: str
    verdict: Verdict
    said: str
    to_do: str = ""
