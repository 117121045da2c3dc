"""Caps of a route: how much may go in and come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

_SYSTEM_ROLES: Final = ("system", "developer")
_TOOL_ROLES: Final = ("tool", "function")
"""Of turns that answer what the turn before them asked a tool."""


class ExcessInput(StrEnum):
    """What a route does with a query over its input cap."""

    REFUSE = "refuse"
    TRIM = "trim"


@dataclass(frozen=True, slots=True)
class Caps:
    """A route's caps; `None` is no cap.

    Attributes:
        max_turns: messages of one query, the system prompt among them; `on_excess_input` counts for it too.
        max_cost_nano: nano-dollars that a decision's attempts may cost together.
    """

    max_input_tokens: int | None = None
    on_excess_input: ExcessInput = ExcessInput.REFUSE
    max_output_tokens: int | None = None
    max_turns: int | None = None
    max_cost_nano: int | None = None


@dataclass(frozen=True, slots=True)
class CapOutcome:
    """What the caps make of a query.

    Attributes:
        refused: too long or of too many turns, and the route refuses.
        trim: the same, and the route trims.
        output_tokens: the output cap to send; `None` leaves the field out.
        output_clamped: the caller asked for more than the route gives.
    """

    refused: bool
    trim: bool
    output_tokens: int | None
    output_clamped: bool


def apply_caps(caps: Caps, *, input_tokens: int, output_asked: int | None, turns: int = 1) -> CapOutcome:
    """Applies a route's caps; the one on cost takes the prices, which are not known here.

    Args:
        caps: the route's.
        input_tokens: estimate of the input.
        output_asked: the caller's own output cap.
        turns: messages of the query.
    """
    over = is_over(input_tokens, caps.max_input_tokens) or is_over(turns, caps.max_turns)
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


def is_over(count: int, cap: int | None) -> bool:
    """Whether a count is above a cap, where there is one."""
    return cap is not None and count > cap


def turns_to_keep(
    turns: Sequence[tuple[str, int]], limit: int | None, most: int | None = None
) -> list[int] | None:
    """Which turns stay when the oldest go first; never a system prompt, the last user turn or the last turn.

    A tool's answers and the turn that asked for them go, or stay, together: providers refuse one without the
    other.

    Args:
        turns: role and estimated tokens of each.
        limit: tokens that may stay; `None` for no limit.
        most: turns that may stay; `None` for no limit.

    Returns:
        Indices in order, or `None` when even what always stays is over a limit.
    """
    exchanges = _exchanges(turns)
    fixed = _always_kept(turns)
    total, left = sum(tokens for _, tokens in turns), len(turns)
    kept: list[int] = []
    for exchange in exchanges:
        over = is_over(total, limit) or is_over(left, most)
        if not over or not fixed.isdisjoint(exchange):
            kept += exchange
        else:
            total -= sum(turns[at][1] for at in exchange)
            left -= len(exchange)
    return None if is_over(total, limit) or is_over(left, most) else kept


def fewest_turns(turns: Sequence[tuple[str, int]]) -> list[int]:
    """Indices of what always stays: as much as trimming can do."""
    fixed = _always_kept(turns)
    return [at for exchange in _exchanges(turns) if not fixed.isdisjoint(exchange) for at in exchange]


def _exchanges(turns: Sequence[tuple[str, int]]) -> list[range]:
    """Turns that must stay together: each with the tool answers that follow it at once."""
    starts = [at for at, (role, _) in enumerate(turns) if at == 0 or role not in _TOOL_ROLES]
    return [range(start, end) for start, end in pairwise([*starts, len(turns)])]


def _always_kept(turns: Sequence[tuple[str, int]]) -> set[int]:
    users = [at for at, (role, _) in enumerate(turns) if role == "user"]
    system = {at for at, (role, _) in enumerate(turns) if role in _SYSTEM_ROLES}
    return system | set(users[-1:]) | set(range(len(turns))[-1:])
