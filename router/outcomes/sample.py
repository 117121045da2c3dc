"""A random sample of what a judge scored, for a person to score: what corrects the judge's scores.

Prediction-powered inference (Angelopoulos et al., arXiv 2301.09633) needs the sample to be random among what
the judge scored, whatever that said. Ids are drawn by BLAKE2b(seed, id): the same seed draws the same sample,
and a later draw from what is left makes one larger random sample of both.
"""

import hashlib
import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from router.moments import moment
from router.outcomes.record import OutcomeRecord
from router.outcomes.store import Outcomes


@dataclass(frozen=True, slots=True)
class Draw:
    """What is drawn from, and how.

    Attributes:
        route: `None` for all.
        from_ms: Unix milliseconds of the earliest decision; `None` for all that are kept.
        size: at most so many.
    """

    accounts: Sequence[str]
    route: str | None
    from_ms: int | None
    size: int
    seed: int


@dataclass(frozen=True, slots=True)
class Sample:
    """What was drawn.

    Attributes:
        rows: with empty places for scores; without the judge's, which a person should not see first.
        eligible: audited outcomes that a judge scored, no hand did, and whose texts are kept.
        without_texts: those whose prompt or answers are not kept: none of them can be drawn.
        by_hand: those that a hand scored already.
    """

    rows: list[dict[str, Any]]
    eligible: int
    without_texts: int
    by_hand: int


async def sample(outcomes: Outcomes, draw: Draw) -> Sample:
    """Draws without replacement, each outcome as likely as any other.

    Raises:
        StoreUnavailable: no answer.
    """
    ids: list[tuple[str, str]] = []
    without_texts = by_hand = 0
    for account in draw.accounts:
        async for record in outcomes.each(account, draw.route, from_ms=draw.from_ms):
            if not record.audited or record.judged is None:
                continue
            if record.hand is not None:
                by_hand += 1
            elif not _has_texts(record):
                without_texts += 1
            else:
                ids.append((account, record.id))
    drawn = heapq.nsmallest(draw.size, ids, key=lambda one: _rank(draw.seed, one[1]))
    found = [(account, await outcomes.get(account, one)) for account, one in drawn]
    rows = [to_be_scored(account, record) for account, record in found if record is not None]
    return Sample(rows, len(ids), without_texts, by_hand)


def to_be_scored(account: str, record: OutcomeRecord) -> dict[str, Any]:
    """A row with the texts and a place for scores, as `pennyroute outcomes import` reads it back."""
    assert isinstance(record.messages, msgspec.Raw)
    return {
        "id": record.id,
        "account": account,
        "category": record.route,
        "at": moment(record.at_ms),
        "messages": msgspec.json.decode(record.messages),
        "small": {"model": record.small.model, "output": record.small.output},
        "large": {"model": record.large.model, "output": record.large.output},
        "hand": {"small": None, "large": None},
    }


def _has_texts(record: OutcomeRecord) -> bool:
    outputs = (record.small.output, record.large.output)
    return record.messages is not msgspec.UNSET and None not in outputs


def _rank(seed: int, decision_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}\n{decision_id}".encode(), digest_size=16).digest()
