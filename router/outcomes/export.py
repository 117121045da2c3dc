"""Outcomes as rows of the outcome format: what `train`, `tune` and `evaluate` read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from router.moments import moment
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores, TierOutcome
from router.outcomes.store import Outcomes


class Sink(Protocol):
    """Where rows go."""

    def write(self, row: dict[str, Any]) -> None:
        """Takes one row."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which outcomes.

    Attributes:
        route: `None` for all.
        from_ms: Unix milliseconds of the earliest decision; `None` for all that are kept.
        incomplete: those that miss a score too, as null.
        undrawn: those too that nobody drew but somebody scored: they stand for themselves only.
    """

    accounts: Sequence[str]
    route: str | None = None
    from_ms: int | None = None
    incomplete: bool = False
    undrawn: bool = False


@dataclass(slots=True)
class Exported:
    """What an export came to.

    Attributes:
        rows: of judges, callers and other systems.
        hand: rows scored by hand, of the ids of other rows or of their own.
        incomplete: outcomes left out because a score is missing.
        unreadable: left out because neither a prompt nor a difficulty is kept of them.
        undrawn: outcomes among those written that nobody drew.
        undrawn_left_out: outcomes left out because nobody drew them.
    """

    rows: int = 0
    hand: int = 0
    incomplete: int = 0
    unreadable: int = 0
    undrawn: int = 0
    undrawn_left_out: int = 0


async def export(outcomes: Outcomes, wanted: Wanted, sink: Sink) -> Exported:
    """Writes what is wanted, account by account, newest first.

    Raises:
        StoreUnavailable: no answer; what was written until then is no whole export.
    """
    done = Exported()
    for account in wanted.accounts:
        await _export(outcomes, wanted, account, sink, done)
    return done


async def _export(outcomes: Outcomes, wanted: Wanted, account: str, sink: Sink, done: Exported) -> None:
    async for record in outcomes.each(account, wanted.route, from_ms=wanted.from_ms):
        if not record.audited and not wanted.undrawn:
            done.undrawn_left_out += 1
            continue
        if record.messages is msgspec.UNSET and record.difficulty is None:
            done.unreadable += 1
            continue
        rows = rows_of(record, incomplete=wanted.incomplete)
        for row in rows:
            sink.write({"id": record.id, "account": account} | row)
        by_hand = sum(row["judged_by"] == JudgedBy.HAND for row in rows)
        done.hand += by_hand
        done.rows += len(rows) - by_hand
        done.incomplete += not rows
        done.undrawn += bool(rows) and not record.audited


def rows_of(record: OutcomeRecord, *, incomplete: bool = False) -> list[dict[str, Any]]:
    """The row of its judge, and the row of the same id that a hand scored: none, one or both."""
    rows = []
    if record.judged is not None:
        by, scores = record.judged
        rows.append(_row(record, by, scores))
    if record.hand is not None and record.hand.complete:
        rows.append(_row(record, JudgedBy.HAND, record.hand))
    if not rows and incomplete:
        rows.append(_row(record, record.judged_by, record.scores))
    return rows


def _row(record: OutcomeRecord, by: str, scores: Scores) -> dict[str, Any]:
    row: dict[str, Any] = {"id": record.id, "category": record.route}
    if isinstance(record.messages, msgspec.Raw):
        row["messages"] = msgspec.json.decode(record.messages)
        if record.needs_tools:
            row["tools"] = True  # that there were some is all a classifier knows of them
    return row | {
        "difficulty": record.difficulty,
        "classifier": record.classifier,
        "small": _tier(record.small, scores.small),
        "large": _tier(record.large, scores.large),
        "tier": record.tier,
        "judged_by": str(by),
        "weight": 1 / record.share,
        "drawn": record.audited,
        "at": moment(record.at_ms),
        "threshold": record.threshold,
        "certificate": record.certificate or None,
    }


def _tier(tier: TierOutcome, score: float | None) -> dict[str, Any]:
    return {
        "model": tier.model,
        "score": score,
        "cost_usd": None if tier.cost_nano is None else tier.cost_nano / 1e9,
    }
