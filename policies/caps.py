"""Caps of a route: how much may go in and come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class ExcessInput(StrEnum):
    """What a route does with a query over its input cap."""

    REFUSE = "refuse"
    TRIM = "trim"


@dataclass(frozen=True, slots=True)
class Caps:
    """A route's caps; `None` is no cap."""

    max_input_tokens: int | None = None
    on_excess_input: ExcessInput = ExcessInput.REFUSE
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CapOutcome:
    """What the caps make of a query.

    Attributes:
        refused: too long, and the route refuses.
        trim: too long, and the route trims.
        output_tokens: the output cap to send; `None` leaves the field out.
        output_clamped: the caller asked for more than the route gives.
    """

    refused: bool
    trim: bool
    output_tokens: int | None
    output_clamped: bool


def apply_caps(caps: Caps, *, input_tokens: int, output_asked: int | None) -> CapOutcome:
    """Applies a route's caps.

    Args:
        caps: the route's.
        input_tokens: estimate of the input.
        output_asked: the caller's own output cap.
    """
    over = caps.max_input_tokens is not None and input_tokens > caps.max_input_tokens
    clamped = (
        caps.max_output_tokens is not None
        and output_asked is not None
        and output_asked > caps.max_output_tokens
    )
    known = [cap for cap in (output_asked, caps.max_output_tokens) if cap is not None]
    return CapOutcome(
        refused=over and caps.on_excess_input is ExcessInput.REFUSE,
        trim=over and caps.on_excess_input is ExcessInput.TRIM,
        output_tokens=min(known) if known else None,
        output_clamped=clamped,
    )


def turns_to_keep(turns: Sequence[tuple[str, int]], limit: int) -> list[int] | None:
    """Which turns stay when the oldest go first; never a system prompt, never the last turn.

    A tool's answer goes with the turn that asked for it, since providers refuse one without the other.

    Args:
        turns: role and estimated tokens of each.
        limit: tokens that may stay.

    Returns:
        Indices in order, or `None` when even the system prompts and the last turn are over the limit.
    """
    fixed = {at for at, (role, _) in enumerate(turns) if role in ("system", "developer")}
    if turns:
        fixed.add(len(turns) - 1)
    total = sum(tokens for _, tokens in turns)
    kept = set(range(len(turns)))
    for at, (_, tokens) in enumerate(turns):
        orphan = turns[at][0] == "tool" and at > 0 and not _asked_for(turns, kept, at)
        if total <= limit and not orphan:
            continue
        if at not in fixed:
            kept.discard(at)
            total -= tokens
    return sorted(kept) if total <= limit else None


def _asked_for(turns: Sequence[tuple[str, int]], kept: set[int], at: int) -> bool:
    while at > 0 and turns[at][0] == "tool":
        at -= 1
    return at in kept
