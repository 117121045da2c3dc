"""What is known of an outcome once more is known: nothing said before is lost, in whatever order it comes."""

from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from router.audit.missing import Missing
from router.outcomes.record import ALWAYS_BESIDE, JudgedBy, OutcomeRecord, Scores, TierOutcome

_T = TypeVar("_T")
_BY_THE_SERVICE: Final = frozenset({JudgedBy.SCHEMA, JudgedBy.REGEX, JudgedBy.AGREEMENT, JudgedBy.JUDGE})


def merged(found: OutcomeRecord, new: OutcomeRecord) -> OutcomeRecord:
    """One record of two of the same decision; merging the same one again changes nothing.

    A drawn one says how it was drawn. Of two sources of scores the service's own judge stands in the row and
    the other beside it; what a source said first stays.
    """
    facts, other = (found, new) if found.audited or not new.audited else (new, found)
    said = _said(found)
    for by, scores in _said(new).items():
        said[by] = _over(scores, said.get(by, Scores()))
    source = _in_the_row(found.judged_by, new.judged_by)
    own = said.pop(source, Scores())
    return replace(
        facts,
        small=replace(_filled(facts.small, other.small), score=own.small),
        large=replace(_filled(facts.large, other.large), score=own.large),
        judged_by=source,
        missing="" if own.complete else _reason(found.missing, new.missing),
        messages=other.messages if facts.messages is msgspec.UNSET else facts.messages,
        needs_tools=found.needs_tools or new.needs_tools,
        beside=_beside(said),
    )


def scored(record: OutcomeRecord, scores: Scores, by: JudgedBy) -> OutcomeRecord:
    """The record with what somebody says of it; of one who says it again, the last word.

    It stands in the row where that is empty or theirs, else beside it. What a hand gave always stands beside:
    it is there to correct a judge. So does what a tenant says.
    """
    if by in ALWAYS_BESIDE or record.judged_by not in ("", by):
        said = {**record.beside, by: _over(record.beside.get(by, Scores()), scores)}
        return replace(record, beside=_beside({source.value: found for source, found in said.items()}))
    all_ = _over(record.scores, scores)
    return replace(
        record,
        small=replace(record.small, score=all_.small),
        large=replace(record.large, score=all_.large),
        judged_by=by.value,
        missing="" if all_.complete else record.missing,
    )


def _said(record: OutcomeRecord) -> dict[str, Scores]:
    """What each source says of it."""
    own = {record.judged_by: record.scores} if record.judged_by else {}
    return {**{by.value: scores for by, scores in record.beside.items()}, **own}


def _in_the_row(first: str, second: str) -> str:
    if first and second and second in _BY_THE_SERVICE and first not in _BY_THE_SERVICE:
        return second
    return first or second


def _beside(said: dict[str, Scores]) -> dict[JudgedBy, Scores]:
    return {JudgedBy(by): scores for by, scores in sorted(said.items())}


def _over(before: Scores, now: Scores) -> Scores:
    return Scores(small=_first(now.small, before.small), large=_first(now.large, before.large))


def _filled(tier: TierOutcome, other: TierOutcome) -> TierOutcome:
    return replace(
        tier,
        cost_nano=_first(tier.cost_nano, other.cost_nano),
        output=_first(tier.output, other.output),
    )


def _first(*values: _T | None) -> _T | None:
    return next((value for value in values if value is not None), None)


def _reason(*reasons: str) -> str:
    """The first that is known: what an audit begins with holds only where nothing else ever comes."""
    known = [reason for reason in reasons if reason]
    last = [reason for reason in known if reason != Missing.WORKER_DIED]
    return next(iter(last + known), "")
