"""What is kept of a decision, and shown by `GET /v1/decisions/{id}`.

No prompt, no word of it and no answer unless the route says so.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from classifiers import Difficulty, Factor
from policies import Choice, Reason, Tier
from policies.ladder import Rung
from router.decision import Decision, Drawn, Inputs, explain
from router.ledger.entry import Entry, Labels
from router.moments import moment
from router.pricing.money import total, usd

OPEN = "open"


class FactorRecord(msgspec.Struct, frozen=True):
    """One thing that moved the score."""

    name: str
    weight: float


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it is stored; the attempts stand beside it.

    Attributes:
        tier: of the model that answered, or was tried last.
        chosen_model: whom the policy chose; differs from `model` after a fallback.
        status: `open`, `ok`, or why it failed.
        enforced: whether the money was held before the call; not so while the store was away.
        certificate: id of the certificate that held for it; '' without one.
        audit: what it drew, on a route that is audited.
        purpose: '' where it was to answer a caller; `audit` where it was to audit the decision `audits`.
        degraded: the rungs of the route's ladder that took something from the answer.
        uncertified: they may have taken it below the route's quality floor.
        messages: as the caller sent them, only on a route with `store_prompts`; of those, the oldest
            `inputs.trimmed_turns` went to no model.
        output: the answer's text, only on a route with `store_prompts`.
    """

    id: str
    account: str
    key_id: str
    created_ms: int
    route: str
    tier: str
    model: str
    reason: str
    chosen_tier: str
    chosen_model: str
    chosen_reason: str
    difficulty: float | None
    threshold: float | None
    threshold_version: int | None
    classifier: str
    factors: tuple[FactorRecord, ...]
    inputs: Inputs
    labels: Labels
    stream: bool
    status: str
    enforced: bool
    finish_reason: str | None = None
    certificate: str = ""
    audit: Drawn | None = None
    purpose: str = ""
    audits: str = ""
    degraded: tuple[Rung, ...] = ()
    uncertified: bool = False
    messages: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    output: str | None = None


_encoder = msgspec.json.Encoder()


def encode_record(record: DecisionRecord) -> bytes:
    """The stored form: JSON."""
    return _encoder.encode(record)


def shown(raw: bytes, entries: list[Entry]) -> dict[str, Any]:
    """A stored decision with its attempts and what they cost in all, as the API answers it.

    The cost is unknown while an attempt is open, and when one attempt's is. What it drew is shown once it has
    ended: a caller who left because of that would choose what is audited.
    """
    record = msgspec.json.decode(raw, type=DecisionRecord)
    decision: dict[str, Any] = msgspec.to_builtins(replace(record, messages=msgspec.UNSET))
    if isinstance(record.messages, msgspec.Raw):
        decision["messages"] = msgspec.json.decode(record.messages)
    decision["created_at"] = moment(decision.pop("created_ms"))
    decision["explanation"] = _explanation(record)
    if decision["status"] == OPEN:
        decision["audit"] = None
    decision["labels"] = _named(record.labels)
    nano = None if decision["status"] == OPEN else total(entry.cost_nano for entry in entries)
    decision["attempts"] = [attempt_shown(entry) for entry in entries]
    decision["cost"] = {"usd": None if nano is None else usd(nano), "nano_usd": nano}
    return {name: value for name, value in decision.items() if name != "output" or value}


def attempt_shown(entry: Entry) -> dict[str, Any]:
    """One attempt by name: what it used, what it cost, where that is known from."""
    tokens = entry.tokens
    return {
        "id": entry.attempt_id,
        "number": entry.number,
        "kind": entry.kind.value,
        "at": moment(entry.at_ms),
        "tier": entry.tier,
        "model": entry.model,
        "provider": entry.provider,
        "served_model": entry.served_model,
        "service_tier": entry.service_tier,
        "outcome": entry.outcome,
        "usage": None
        if tokens is None
        else {
            "input_tokens": tokens.input,
            "output_tokens": tokens.output,
            "cached_input_tokens": tokens.cached_input,
            "cache_write_5m_tokens": tokens.cache_write_5m,
            "cache_write_1h_tokens": tokens.cache_write_1h,
            "reasoning_tokens": tokens.reasoning,
            "audio_input_tokens": tokens.audio_input,
            "audio_output_tokens": tokens.audio_output,
            "image_input_tokens": tokens.image_input,
        },
        "usage_source": entry.usage_source or None,
        "usd": None if entry.cost_nano is None else usd(entry.cost_nano),
        "nano_usd": entry.cost_nano,
        "held_nano_usd": entry.held_nano,
        "overrun": entry.overrun,
        "baseline_nano_usd": entry.baseline_nano,
        "price_book": entry.price_book,
        "price_basis": entry.price_basis,
        "latency_ms": entry.latency_ms,
        "first_byte_ms": entry.first_byte_ms,
    }


def _explanation(record: DecisionRecord) -> str:
    difficulty = None
    if record.difficulty is not None:
        factors = tuple(Factor(factor.name, factor.weight) for factor in record.factors)
        difficulty = Difficulty(record.difficulty, factors)
    return explain(Choice(Tier(record.tier), Reason(record.reason)), difficulty, record.threshold)


def _named(labels: Labels) -> dict[str, Any]:
    return {name: getattr(labels, name) for name in labels.__struct_fields__ if getattr(labels, name)}


def draft(decision: Decision, created_ms: int, *, enforced: bool) -> DecisionRecord:
    """The record of a decision before its first attempt."""
    query, choice, threshold = decision.query, decision.choice, decision.threshold
    first = decision.first or decision
    keeps = decision.route is not None and decision.route.store_prompts
    difficulty = decision.difficulty
    if difficulty is not None and not keeps:
        difficulty = difficulty.unquoted
    return DecisionRecord(
        id=decision.id,
        account=query.caller.account,
        key_id=query.caller.key_id,
        created_ms=created_ms,
        route=decision.route_name,
        tier=choice.tier,
        model=decision.model.name,
        reason=choice.reason,
        chosen_tier=first.choice.tier,
        chosen_model=first.model.name,
        chosen_reason=first.choice.reason,
        difficulty=difficulty.value if difficulty else None,
        threshold=threshold.value if threshold else None,
        threshold_version=threshold.version if threshold else None,
        classifier=decision.classifier,
        factors=tuple(FactorRecord(factor.name, factor.weight) for factor in difficulty.factors)
        if difficulty
        else (),
        inputs=decision.inputs,
        labels=query.labels,
        stream=query.stream,
        status=OPEN,
        enforced=enforced,
        certificate=decision.certificate,
        audit=decision.audit,
        purpose=decision.purpose,
        audits=decision.audits,
        degraded=decision.degraded,
        uncertified=decision.uncertified,
        messages=decision.asked.body["messages"] if keeps else msgspec.UNSET,
    )
