"""An entry as a row, and what many of them add up to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from router.archive.folder import ArchiveBroken
from router.ledger.entry import GROUP_NAMES, GROUP_SEPARATOR, Entry, decode, increments

ENTRY_COLUMNS: Final[Mapping[str, str]] = {
    "id": "text",
    "kind": "name",
    "attempt_id": "text",
    "decision_id": "text",
    "at": "moment",
    "hour": "whole",
    "number": "whole",
    "final": "flag",
    "outcome": "name",
    "route": "name",
    "tier": "name",
    "model": "name",
    "provider": "name",
    "served_model": "name",
    "service_tier": "name",
    "key_id": "name",
    "team": "name",
    "feature": "name",
    "user": "text",
    "session": "text",
    "experiment": "name",
    "variant": "name",
    "extra": "text",
    "reason": "name",
    "difficulty": "real",
    "threshold": "real",
    "threshold_version": "whole",
    "classifier": "name",
    "input_tokens": "whole",
    "output_tokens": "whole",
    "cached_input_tokens": "whole",
    "cache_write_5m_tokens": "whole",
    "cache_write_1h_tokens": "whole",
    "reasoning_tokens": "whole",
    "audio_input_tokens": "whole",
    "audio_output_tokens": "whole",
    "image_input_tokens": "whole",
    "cost_nano": "whole",
    "adds_nano": "whole",
    "baseline_nano": "whole",
    "usage_source": "name",
    "price_book": "name",
    "price_basis": "name",
    "held_nano": "whole",
    "latency_ms": "whole",
    "first_byte_ms": "whole",
    "decision_ms": "whole",
    "certificate": "name",
    "purpose": "name",
    "counted_as": "name",
    "entry": "text",
}
"""Money is whole nano-dollars. `adds_nano` is what the entry adds to the cost, so that a sum over it is right
with adjustments; `entry` is what the store held, to the byte; `counted_as` its group, if not its own.
"""
SUM_COLUMNS: Final[Mapping[str, str]] = {
    "hour": "whole",
    **dict.fromkeys(GROUP_NAMES, "name"),
    "metric": "name",
    "amount": "whole",
}
_SAME_NAME: Final = (
    "attempt_id", "decision_id", "number", "final", "outcome", "route", "tier", "model", "provider",
    "served_model", "service_tier", "key_id", "reason", "difficulty", "threshold", "threshold_version",
    "classifier", "cost_nano", "baseline_nano", "usage_source", "price_book", "price_basis", "held_nano",
    "latency_ms", "first_byte_ms", "decision_ms", "certificate", "purpose",
)  # fmt: skip
_LABELS: Final = ("team", "feature", "user", "session", "experiment", "variant")

Sums = dict[int, dict[str, int]]
"""Unix hour → counter (group and metric) → amount."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry as the store holds it.

    Attributes:
        id: its stream id.
        raw: the entry's JSON.
        counted_as: its group where that is not its own.
    """

    id: str
    raw: bytes
    counted_as: str | None

    @classmethod
    def of(cls, stream_id: str, fields: Mapping[bytes, bytes]) -> "Kept":
        """From a stream's item.

        Raises:
            ArchiveBroken: the item has fields that this version does not know, which would be lost.
        """
        if not {b"e"} <= fields.keys() <= {b"e", b"g"}:
            raise ArchiveBroken(f"entry {stream_id} has fields this version does not know; nothing was done")
        group = fields.get(b"g")
        return cls(stream_id, fields[b"e"], None if group is None else group.decode())

    def entry(self) -> Entry:
        """What it says.

        Raises:
            ArchiveBroken: this version cannot read it.
        """
        try:
            return decode(self.raw)
        except ValueError as error:
            raise ArchiveBroken(f"this version cannot read entry {self.id}: {error}") from error


@dataclass(slots=True)
class Total:
    """What entries come to.

    Attributes:
        sums: what they add to the counters.
        nano_by_kind: what those of each kind add to the cost.
    """

    entries: int = 0
    first_id: str = ""
    last_id: str = ""
    first_hour: int = 0
    last_hour: int = 0
    unknown_cost: int = 0
    nano_by_kind: dict[str, int] = field(default_factory=dict)
    sums: Sums = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, kept: Kept, entry: Entry) -> int:
        """Takes one more; answers what it adds to the cost, nano-dollars."""
        added = increments(entry)
        prefix = f"{entry.group if kept.counted_as is None else kept.counted_as}{GROUP_SEPARATOR}"
        counters = self.sums[entry.hour]
        for metric, amount in added.items():
            counters[prefix + metric] += amount
        cost = added.get("cost_nano", 0)
        self.nano_by_kind[entry.kind] = self.nano_by_kind.get(entry.kind, 0) + cost
        self.unknown_cost += added.get("unknown_cost", 0)
        self.first_hour = entry.hour if not self.entries else min(self.first_hour, entry.hour)
        self.last_hour = entry.hour if not self.entries else max(self.last_hour, entry.hour)
        self.first_id = self.first_id or kept.id
        self.last_id = kept.id
        self.entries += 1
        return cost


def entry_row(kept: Kept, entry: Entry, adds_nano: int) -> dict[str, Any]:
    """The columns of one entry."""
    row = {name: getattr(entry, name) for name in _SAME_NAME}
    row |= {name: getattr(entry.labels, name) for name in _LABELS}
    if entry.tokens is not None:
        tokens = msgspec.structs.asdict(entry.tokens)
        row |= {f"{name}_tokens": tokens[name] for name in ("input", "output", "cached_input", "reasoning")}
        row |= {f"{name}_tokens": tokens[name] for name in ("cache_write_5m", "cache_write_1h")}
        row |= {f"{name}_tokens": tokens[name] for name in ("audio_input", "audio_output", "image_input")}
    return row | {
        "id": kept.id,
        "kind": str(entry.kind),
        "at": entry.at_ms,
        "hour": entry.hour,
        "extra": msgspec.json.encode(entry.labels.extra).decode(),
        "adds_nano": adds_nano,
        "counted_as": kept.counted_as,
        "entry": kept.raw.decode(),
    }


def sum_rows(sums: Sums) -> Iterator[dict[str, Any]]:
    """The rows of a day's sums, in order; zeros are left out."""
    for hour in sorted(sums):
        for counter in sorted(sums[hour]):
            if sums[hour][counter]:
                *group, metric = counter.split(GROUP_SEPARATOR)
                named = dict(zip(GROUP_NAMES, group, strict=True))
                yield {"hour": hour, **named, "metric": metric, "amount": sums[hour][counter]}


def sums_of(rows: Iterable[tuple[Any, ...]]) -> Sums:
    """The inverse of `sum_rows`, from values in the order of `SUM_COLUMNS`."""
    sums: Sums = defaultdict(dict)
    for hour, *names, amount in rows:
        sums[hour][GROUP_SEPARATOR.join(names)] = amount
    return sums


def without_zeros(sums: Sums) -> Sums:
    """Sums as they are compared."""
    solid = {hour: {name: amount for name, amount in of.items() if amount} for hour, of in sums.items()}
    return {hour: counters for hour, counters in solid.items() if counters}
