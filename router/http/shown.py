"""A completion as our own API shows it: `/complete`'s body, and the headers of the OpenAI-compatible one."""

from typing import Any

import msgspec

from policies import Reason
from router.bookkeeper import Charge
from router.decision import Decision
from router.pricing.money import usd
from router.pricing.usage import Usage
from router.providers.answer import Stated

BASELINE = "the large model at the same tokens"
"""What the baseline assumes; shown wherever it is."""


def completion_body(
    decision: Decision, charge: Charge, *, output: str | None, finish_reason: str | None
) -> dict[str, Any]:
    """The answer of `/complete`."""
    return {
        "id": f"cmp_{decision.id.removeprefix('dec_')}",
        "output": output,
        "finish_reason": finish_reason,
        "usage": _usage(charge.usage),
        "decision": _decision(decision),
        "cost": _cost(charge),
    }


def finish_of(answer: Stated | None) -> str | None:
    """Why the answer ended, in the provider's word."""
    return None if answer is None else answer.finish_reason


def _usage(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    difficulty, threshold = decision.difficulty, decision.threshold
    return {
        "id": decision.id,
        "route": decision.route_name,
        "tier": decision.choice.tier,
        "model": decision.model.name,
        "difficulty": None if difficulty is None else difficulty.value,
        "threshold": None if threshold is None else threshold.value,
        "threshold_version": None if threshold is None else threshold.version,
        "certificate": decision.certificate or None,
        "reason": decision.choice.reason,
        "explanation": decision.explanation,
        "degraded": decision.degraded,
        "uncertified": decision.uncertified,
    }


def _cost(charge: Charge) -> dict[str, Any]:
    cost, baseline = charge.cost_nano, charge.baseline_nano
    savings = None if cost is None or baseline is None else baseline - cost
    return {
        "usd": _dollars(cost),
        "nano_usd": cost,
        "baseline_usd": _dollars(baseline),
        "savings_usd": _dollars(savings),
        "baseline": BASELINE,
        "usage_source": charge.source,
    }


def _dollars(nano: int | None) -> str | None:
    return None if nano is None else usd(nano)


def decision_headers(decision: Decision, charge: Charge | None) -> list[tuple[bytes, bytes]]:
    """`x-pennyroute-*`; the cost where it is known before the body ends."""
    headers = [
        (b"x-pennyroute-decision-id", decision.id.encode()),
        (b"x-pennyroute-route", decision.route_name.encode()),
        (b"x-pennyroute-tier", decision.choice.tier.encode()),
        (b"x-pennyroute-model", decision.model.name.encode()),
        (b"x-pennyroute-reason", decision.choice.reason.encode()),
    ]
    if decision.route is not None and decision.route.cache is not None:
        hit = decision.choice.reason is Reason.CACHED
        headers.append((b"x-pennyroute-cache", b"hit" if hit else b"miss"))
    if decision.difficulty is not None:
        headers.append((b"x-pennyroute-difficulty", b"%.4f" % decision.difficulty.value))
    if decision.degraded:
        headers.append((b"x-pennyroute-degraded", ", ".join(decision.degraded).encode()))
    if decision.uncertified:
        headers.append((b"x-pennyroute-uncertified", b"true"))
    if charge is not None and charge.cost_nano is not None:
        headers.append((b"x-pennyroute-cost-usd", usd(charge.cost_nano).encode()))
    return headers


def closing_comment(decision: Decision, charge: Charge) -> bytes:
    """The comment line at the end of a stream: what it cost; clients pass comments over.

    It stands in the event of `[DONE]` and not in one of its own: a client that was given `id:` lines by the
    provider takes an empty event for one with data.
    """
    said = {"decision_id": decision.id, "model": decision.model.name, "usage": _usage(charge.usage)}
    said["cost"] = _cost(charge)
    return b": pennyroute " + msgspec.json.encode(said) + b"\n"
