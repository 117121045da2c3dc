"""The service's own decisions, read back from the store: what each was made on and what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from classifiers import QueryFacts
from classifiers.messages import facts_of_messages
from policies import Reason, Tier
from router.decision import Inputs
from router.errors import InvalidRequest
from router.ledger.entry import Entry, decode
from router.record import DecisionRecord
from router.replay.asked import Asked, KnownDifficulty, Past
from router.replay.traffic import NO_INPUTS
from router.routes.threshold import Threshold
from router.routes.thresholds import VERSIONS_KEPT, Thresholds
from router.store.connection import Store
from router.store.keys import AccountKeys

MOST_DECISIONS = 1_000_000
_RECORDS_A_READ = 500
_record = msgspec.json.Decoder(DecisionRecord)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions.

    Attributes:
        route: only this one's; `None` for all, calls of a model by its name among them.
        last: so many at most, the newest.
        since_ms: none that began before, Unix milliseconds; `None` for no bound.
    """

    route: str | None = None
    last: int = 100_000
    since_ms: int | None = None


@dataclass(slots=True)
class ReadBack:
    """What was found: oldest first, and how many decisions are still going on (or reach further back)."""

    asked: list[Asked] = field(default_factory=list, repr=False)  # asyncio.run takes the repr of its result
    open: int = 0


async def read_recorded(store: Store, account: str, wanted: Wanted) -> ReadBack:
    """The recorded decisions that answered callers; what audits asked is none.

    Raises:
        InvalidRequest: a number out of range.
        StoreUnavailable: no answer.
    """
    if not 1 <= wanted.last <= MOST_DECISIONS:
        raise InvalidRequest(
            f"a replay reads 1 to {MOST_DECISIONS:,} decisions, not {wanted.last}", param="last"
        )
    keys = AccountKeys(account)
    found, still_open = await _attempts(store, keys, wanted)
    records = await _records(store, keys, list(found))
    thresholds = await _thresholds(store, {attempts[0].route for attempts in found.values()})
    asked = [
        _asked(decision_id, attempts, records.get(decision_id), thresholds)
        for decision_id, attempts in found.items()
    ]
    return ReadBack(asked[::-1], still_open)


async def _attempts(
    store: Store, keys: AccountKeys, wanted: Wanted
) -> tuple[dict[str, tuple[Entry, ...]], int]:
    """The attempts of each whole decision, newest decision first; of an attempt its newest entry.

    An attempt that was assumed and then known has two entries, of which the newer says what is true.
    """
    decisions: dict[str, dict[int, Entry]] = {}
    whole: set[str] = set()
    async for stream_id, fields in store.stream(keys.entries, newest_first=True):
        if wanted.since_ms is not None and int(stream_id.split("-")[0]) < wanted.since_ms:
            break
        entry = decode(fields[b"e"])
        if entry.purpose or (wanted.route is not None and entry.route != wanted.route):
            continue
        attempts = decisions.setdefault(entry.decision_id, {})
        attempts.setdefault(entry.number, entry)
        if attempts[max(attempts)].final and len(attempts) == max(attempts):
            whole.add(entry.decision_id)
        else:
            whole.discard(entry.decision_id)
        if len(whole) >= wanted.last:
            break
    found = {
        name: tuple(attempts[number] for number in sorted(attempts))
        for name, attempts in decisions.items()
        if name in whole
    }
    if wanted.since_ms is not None:
        found = {name: attempts for name, attempts in found.items() if attempts[0].at_ms >= wanted.since_ms}
    return found, len(decisions) - len(whole)


async def _records(store: Store, keys: AccountKeys, ids: Sequence[str]) -> dict[str, DecisionRecord]:
    """The records that are still kept."""
    found: dict[str, DecisionRecord] = {}
    for start in range(0, len(ids), _RECORDS_A_READ):
        names = ids[start : start + _RECORDS_A_READ]
        raws = await store.commands(*(("HGET", keys.decision(name), "d") for name in names))
        found |= {name: _record.decode(raw) for name, raw in zip(names, raws, strict=True) if raw is not None}
    return found


async def _thresholds(store: Store, routes: set[str]) -> dict[tuple[str, int], Threshold]:
    """Every kept version, with its certificate."""
    thresholds = Thresholds(store)
    return {
        (route, version.version): version
        for route in sorted(routes)
        for version in await thresholds.history(route, VERSIONS_KEPT)
    }


def _asked(
    decision_id: str,
    attempts: tuple[Entry, ...],
    record: DecisionRecord | None,
    thresholds: Mapping[tuple[str, int], Threshold],
) -> Asked:
    first = attempts[0]
    tier, reason, model = first.tier, first.reason, first.model
    if record is not None:
        tier, reason, model = record.chosen_tier, record.chosen_reason, record.chosen_model
    return Asked(
        id=decision_id,
        place=f"decision {decision_id}",
        route=first.route,
        facts=_facts(record),
        inputs=record.inputs if record is not None else _inferred(first),
        known=None
        if first.difficulty is None
        else KnownDifficulty(
            first.difficulty,
            first.classifier,
            record.inputs.familiar if record else first.reason != Reason.UNFAMILIAR,
        ),
        past=Past(
            attempts,
            tier,
            reason,
            model,
            _threshold(first, thresholds),
            first.certificate,
            whole=record is not None,
        ),
    )


def _threshold(entry: Entry, thresholds: Mapping[tuple[str, int], Threshold]) -> Threshold | None:
    if entry.threshold is None:
        return None
    version = entry.threshold_version or 0
    kept = thresholds.get((entry.route, version))
    if kept is not None and kept.value == entry.threshold:
        return kept
    suspended = entry.reason == Reason.CERTIFICATE_SUSPENDED
    return Threshold(entry.route, entry.threshold, version, "", entry.at_ms, "", None, suspended)


def _facts(record: DecisionRecord | None) -> QueryFacts | None:
    """What was scored, where the messages are kept.

    They are those that were sent, perhaps without their oldest turns; the last user turn is always there, and
    the inputs know how much there was of the rest.
    """
    if record is None or not isinstance(record.messages, msgspec.Raw):
        return None
    inputs = record.inputs
    kept = facts_of_messages(msgspec.json.decode(record.messages))
    return QueryFacts(
        text=kept.text,
        turns=inputs.turns,
        system_chars=inputs.system_chars,
        history_chars=inputs.history_chars,
        has_tools=inputs.needs_tools,
        images=inputs.images,
    )


def _inferred(first: Entry) -> Inputs:
    """Where the record is no longer kept: as much as the reason says."""
    reason = first.reason
    return msgspec.structs.replace(
        NO_INPUTS,
        input_tokens=first.tokens.input if first.tokens is not None else 0,
        needs_tools=reason == Reason.NEEDS_TOOLS,
        images=int(reason == Reason.NEEDS_VISION),
        forced=Tier(first.tier).value if reason == Reason.FORCED else None,
    )
