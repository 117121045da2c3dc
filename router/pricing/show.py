"""The book as rows of text, for `pennyroute prices show`."""

from collections.abc import Iterator
from dataclasses import dataclass

from router.pricing.book import BookEntry, PriceBook
from router.pricing.money import usd, usd_per_million
from router.pricing.price import Price, Rates


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One model. Amounts are exact dollars a million tokens as text; None is unknown, never free.

    Attributes:
        name: the config's name of the model, where the price comes from the config.
        more: long-context steps, service tiers, off-peak hours and fees, in words; empty if there are none.
        source: where the price was read and the date of that source.
    """

    provider: str
    model: str
    name: str | None
    input: str | None
    cached_input: str | None
    cache_write_5m: str | None
    cache_write_1h: str | None
    output: str | None
    more: str
    context_window: int | None
    source: str
    note: str
    example: bool


def show_rows(book: PriceBook, provider: str | None = None) -> list[PriceRow]:
    """What the config states, then the book, each by provider and model; of one provider if named."""
    stated = [
        _row(price.provider, price.model, price, book.facts(price.provider, price.model).context_window, name)
        for name, price in book.overrides().items()
        if provider in (None, price.provider)
    ]
    packaged = [_book_row(entry) for entry in book.entries(provider)]
    return [*sorted(stated, key=_place), *sorted(packaged, key=_place)]


def _book_row(entry: BookEntry) -> PriceRow:
    return _row(entry.provider, entry.model, entry.price, entry.facts.context_window, None)


def _row(
    provider: str, model: str, price: Price | None, context_window: int | None, name: str | None
) -> PriceRow:
    rates = None if price is None else price.rates
    return PriceRow(
        provider=provider,
        model=model,
        name=name,
        input=_amount(rates, "input"),
        cached_input=_amount(rates, "cached_input"),
        cache_write_5m=_amount(rates, "cache_write_5m"),
        cache_write_1h=_amount(rates, "cache_write_1h"),
        output=_amount(rates, "output"),
        more="" if price is None else "; ".join(_more(price)),
        context_window=context_window,
        source="unknown"
        if price is None
        else " ".join(filter(None, (price.source, str(price.source_date or "")))),
        note="" if price is None else price.note,
        example=price is not None and price.example,
    )


def _more(price: Price) -> Iterator[str]:
    for step in price.steps:
        yield f"above {step.above_input_tokens:,} input tokens {_pair(step.rates)}"
    for tier in price.tiers:
        yield f"{tier.name} {_pair(tier.rates)}"
    if price.off_peak is not None:
        yield f"off-peak {_pair(price.off_peak.rates)}"
    for part, whole in (("audio_input", "input"), ("audio_output", "output"), ("reasoning", "output")):
        if getattr(price.rates, part) != getattr(price.rates, whole):
            yield f"{part.replace('_', ' ')} {_amount(price.rates, part)}"
    if price.per_request_nano:
        yield f"{usd(price.per_request_nano)} USD a request"


def _pair(rates: Rates) -> str:
    return f"{usd_per_million(rates.input)}/{usd_per_million(rates.output)}"


def _amount(rates: Rates | None, bucket: str) -> str | None:
    return None if rates is None else usd_per_million(getattr(rates, bucket))


def _place(row: PriceRow) -> tuple[str, str, str]:
    return row.provider, row.model, row.name or ""
