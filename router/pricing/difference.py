"""What changed between two books: each rate that differs, and models that came or went."""

from collections.abc import Iterator
from dataclasses import dataclass

from router.pricing.book import PriceBook
from router.pricing.money import usd, usd_per_million
from router.pricing.price import Price, Rates


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    Attributes:
        what: a rate (`input`, `flex output`, `above 272,000 cached_input`), in dollars a million tokens;
            `a request`, in dollars; or `hours`, `aliases`.
        before: exact text; `None` where the first book does not state it.
        after: the same of the second.
    """

    provider: str
    model: str
    what: str
    before: str | None
    after: str | None


def changes(first: PriceBook, second: PriceBook) -> list[Change]:
    """Every change from the first to the second, by provider and model."""
    before, after = _models(first), _models(second)
    return [
        change
        for provider, model in sorted(before.keys() | after.keys())
        for change in _changed(
            provider, model, before.get((provider, model), {}), after.get((provider, model), {})
        )
    ]


def _changed(provider: str, model: str, before: dict[str, str], after: dict[str, str]) -> Iterator[Change]:
    for what in dict.fromkeys((*before, *after)):
        if before.get(what) != after.get(what):
            yield Change(provider, model, what, before.get(what), after.get(what))


def _models(book: PriceBook) -> dict[tuple[str, str], dict[str, str]]:
    found = {}
    for entry in book.entries():
        if entry.price is not None:
            aliases = {"aliases": ", ".join(sorted(entry.aliases))} if entry.aliases else {}
            found[entry.provider, entry.model] = dict(_stated(entry.price)) | aliases
    for name, price in book.overrides().items():
        found[price.provider, f"{name} (configured)"] = dict(_stated(price))
    return found


def _stated(price: Price) -> Iterator[tuple[str, str]]:
    yield from _rates("", price.rates)
    for step in price.steps:
        yield from _rates(f"above {step.above_input_tokens:,} ", step.rates)
    for tier in price.tiers:
        yield from _rates(f"{tier.name} ", tier.rates)
        for step in tier.steps:
            yield from _rates(f"{tier.name} above {step.above_input_tokens:,} ", step.rates)
    if price.off_peak is not None:
        yield from _rates("off-peak ", price.off_peak.rates)
        yield (
            "hours",
            "; ".join(
                f"days {_days(window.weekdays)} {_clock(window.from_minute)}-{_clock(window.to_minute)}"
                for window in price.off_peak.windows
            ),
        )
    if price.per_request_nano:
        yield "a request", usd(price.per_request_nano)


def _rates(prefix: str, rates: Rates) -> Iterator[tuple[str, str]]:
    for name in Rates.__slots__:
        yield f"{prefix}{name}", usd_per_million(getattr(rates, name))


def _days(weekdays: frozenset[int]) -> str:
    return ",".join(map(str, sorted(weekdays)))


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
