"""Difficulty and context in, choice out: pure, with no clock and no chance of its own."""

from policies.caps import CapOutcome, Caps, ExcessInput, apply_caps, fewest_turns, turns_to_keep
from policies.choice import Choice, Context, ModelLimits, Reason, Tier, Worth, choose, lacks

__all__ = [
    "CapOutcome",
    "Caps",
    "Choice",
    "Context",
    "ExcessInput",
    "ModelLimits",
    "Reason",
    "Tier",
    "Worth",
    "apply_caps",
    "choose",
    "fewest_turns",
    "lacks",
    "turns_to_keep",
]
