"""What a replayed decision costs: recorded tokens at a configuration's prices, in nano-dollars."""

from policies import Tier
from router.catalog import Model
from router.ledger.entry import Entry, Kind
from router.moments import utc
from router.pricing.money import total
from router.pricing.price import cost_nano
from router.pricing.usage import UsageSource
from router.replay.asked import Asked
from router.replay.configuration import Configuration

_NOT_COUNTED = (UsageSource.PROVIDER_COST, UsageSource.ASSUMED)
"""Where tokens do not say what was charged: the provider said so, or nobody knows."""


def cost_of(asked: Asked, model: Model, tier: str, configuration: Configuration) -> int | None:
    """What it costs when this tier's model answers; `None` where tokens or price are not known.

    Recorded attempts are priced as the ledger does, each at its own moment. Where another model than the
    recorded one was chosen, every attempt costs that model's price at the same tokens. Traffic from files
    costs what its tokens come to, else what is stated of the tier.
    """
    if asked.past is not None:
        if model.name == asked.past.model:
            return total(_as_it_was(entry, configuration) for entry in asked.past.attempts)
        return total(_elsewhere(entry, model) for entry in asked.past.attempts)
    if asked.usage is not None:
        return None if model.price is None else cost_nano(asked.usage, model.price)
    if asked.sides is not None:
        return asked.sides.small_nano if tier == Tier.SMALL else asked.sides.large_nano
    return None


def _as_it_was(entry: Entry, configuration: Configuration) -> int | None:
    """An attempt at the model that it was made at.

    What the provider stated, and what was assumed, stays: no count of tokens tells it.
    """
    model = configuration.catalog.models.get(entry.model)
    if entry.kind is Kind.VOID or entry.tokens is None:
        return entry.cost_nano
    known_there = model is not None and model.provider == entry.provider
    if known_there and entry.usage_source in _NOT_COUNTED:
        return entry.cost_nano
    if model is None:
        return None
    price, _ = model.served_price(configuration.book, entry.served_model)
    if price is None:
        return None
    return cost_nano(entry.tokens.usage, price.at(utc(entry.at_ms)), entry.service_tier)


def _elsewhere(entry: Entry, model: Model) -> int | None:
    """The same tokens at another model; an attempt that nobody charged for stays free."""
    if entry.tokens is None:
        return 0 if entry.cost_nano == 0 else None
    return None if model.price is None else cost_nano(entry.tokens.usage, model.price.at(utc(entry.at_ms)))
