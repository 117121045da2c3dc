"""What a person is told about the pair that was found."""

from collections.abc import Iterator, Sequence
from typing import Final

from router.discovery.tier import Tier

_CHOOSE: Final = "To choose yourself, name your models in pennyroute.yaml (docs/configuration.md)."
_STATE_A_PRICE: Final = "price: {usd_per_hour: 1.20, tokens_per_second: 900}"


def pair_notes(small: Tier, large: Tier, others: Sequence[str]) -> tuple[str, ...]:
    """Which models were chosen and why, what to know about them, and how to choose others.

    Args:
        small: the chosen small model.
        large: the chosen large one.
        others: keys and models that were found too.
    """
    also = f"Also found: {', '.join(others)}. " if others else ""
    return (_chosen(small, large), *_warnings(small, large), f"{also}{_CHOOSE}")


def offline_notes(because: str) -> tuple[str, ...]:
    """That no model answers, and how to get one."""
    none = "offline/small and offline/large are no models, and their prices are examples."
    how = "For real answers set a key, such as export OPENAI_API_KEY=…, or start Ollama, and start again."
    return (f"{because}, so the bundled offline upstream answers: {none}", f"{how} {_CHOOSE}")


def _chosen(small: Tier, large: Tier) -> str:
    if small.is_same_as(large):
        return f"Every query goes to {small.name} ({small.where})."
    if small.where == large.where:
        return f"Easy queries go to {small.name} and hard ones to {large.name} ({small.where})."
    return f"Easy queries go to {small.name} ({small.where}) and hard ones to {large.name} ({large.where})."


def _warnings(small: Tier, large: Tier) -> Iterator[str]:
    if small.is_same_as(large):
        yield "Both tiers are the same model, so routing saves nothing; add a key or a second model."
    unpriced = dict.fromkeys(tier.name for tier in (small, large) if tier.served)
    if unpriced:
        names = " and ".join(unpriced)
        yield f"What {names} costs is unknown until a price is stated, such as {_STATE_A_PRICE}."
    bundled = dict.fromkeys(tier.name for tier in (small, large) if tier.is_bundled)
    if bundled:
        yield f"Prices of {' and '.join(bundled)} are examples."
