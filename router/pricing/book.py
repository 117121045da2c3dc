"""The price book: packaged YAML with sources, laid over by the prices the config states."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml

from router.pricing.errors import PriceError, UnknownPriceError
from router.pricing.price import Price
from router.pricing.stated import price_from

_NO_OVERRIDES: Final[Mapping[str, Price]] = MappingProxyType({})
_DATED: Final = re.compile(r"(.+?)[-@](20\d\d-\d\d-\d\d|20\d{6})")
_FILE_KEYS: Final = frozenset({"provider", "source", "source_date", "note", "models"})
_MODEL_KEYS: Final = frozenset(
    {
        "aliases",
        "context_window",
        "max_output_tokens",
        "supports",
        "price",
        "source",
        "source_date",
        "example",
    }
)
_SUPPORTS: Final = frozenset({"tools", "vision"})


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What else is known of a model; None is unknown.

    Attributes:
        context_window: tokens of input it takes, by its provider's count.
        max_output_tokens: tokens it can answer with.
        tools: whether it takes tool definitions.
        vision: whether it takes pictures.
    """

    context_window: int | None = None
    max_output_tokens: int | None = None
    tools: bool | None = None
    vision: bool | None = None


@dataclass(frozen=True, slots=True)
class BookEntry:
    """One model in the book: its facts and, where a source states it, its price."""

    provider: str
    model: str
    facts: ModelFacts
    price: Price | None = None
    aliases: tuple[str, ...] = ()


class PriceBook:
    """Prices by provider and model. Immutable: a change makes a new book with another version.

    Attributes:
        version: newest source date and a hash of every price, alias and override: `2026-10-21-1f0c9a2b`.
            It goes into each ledger entry.
        content: as JSON, what the version is the hash of: `snapshot` reads it back.
    """

    def __init__(self, entries: Iterable[BookEntry], overrides: Mapping[str, Price] = _NO_OVERRIDES) -> None:
        """A book of entries; `overrides` are prices from the config, by its name of the model."""
        self._entries: dict[tuple[str, str], BookEntry] = {}
        for entry in entries:
            for name in (entry.model, *entry.aliases):
                if (entry.provider, name) in self._entries:
                    raise PriceError(f"{entry.provider}: {name} is in the book twice")
                self._entries[entry.provider, name] = entry
        self._overrides = dict(overrides)
        self._stated: dict[tuple[str, str], Price] = {}
        for price in self._overrides.values():
            # Two servers of one model at two prices: the bare model name then costs the dearer.
            known = self._stated.get((price.provider, price.model))
            if known is None or _dearness(price) > _dearness(known):
                self._stated[price.provider, price.model] = price
        content = _content(self._each(), self._overrides)
        self.content = json.dumps(content, sort_keys=True, default=str)
        self.version = _version(self._each(), self.content)

    def price(self, provider: str, model: str) -> Price | None:
        """The price of a model, by its own name, an alias, a dated snapshot's name, or the config's name.

        A price from the config comes before the book's. None is unknown, never free.
        """
        stated = self._override(provider, model)
        if stated is not None:
            return stated
        entry = self._find(provider, model)
        return None if entry is None else self._stated.get((provider, entry.model), entry.price)

    def served(
        self, provider: str, requested: str, served: str | None
    ) -> tuple[Price, Literal["served", "requested"]]:
        """The price of what a provider says it served, and whose price it is.

        A price the config states for the requested model wins; then the served model's; then, where that is
        not known, the requested model's.

        Raises:
            UnknownPriceError: neither has a price.
        """
        stated = self._override(provider, requested)
        if stated is not None:
            return stated, "requested"
        answered = None if served is None else self.price(provider, served)
        if answered is not None:
            return answered, "served"
        asked = self.price(provider, requested)
        if asked is None:
            raise UnknownPriceError(self.how_to_price(requested, provider))
        return asked, "requested"

    def facts(self, provider: str, model: str) -> ModelFacts:
        """What the book knows of a model besides its price; nothing known is all None."""
        entry = self._find(provider, model)
        return ModelFacts() if entry is None else entry.facts

    def entries(self, provider: str | None = None) -> Iterator[BookEntry]:
        """Every model of the book, of one provider or of all, without what the config overrides."""
        return (entry for entry in self._each() if provider in (None, entry.provider))

    def overrides(self) -> Mapping[str, Price]:
        """The prices the config states, by its name of the model."""
        return MappingProxyType(self._overrides)

    def how_to_price(self, model: str, provider: str) -> str:
        """What to tell a person whose model has no price."""
        names = [name for at, name in self._entries if at == provider and self._entries[at, name].price]
        near = get_close_matches(model, names, n=1)
        meant = f' Did you mean "{near[0]}"?' if near else ""
        return (
            f'no price is known for model "{model}" of provider "{provider}".{meant} Add one to the model: '
            "`price: {input: 0.10, output: 0.40}` (USD per million tokens), or for a machine of your own "
            "`price: {usd_per_hour: 1.20, tokens_per_second: 900, utilisation: 0.5}`; or write "
            "`price: unknown-ok` on each route that uses it, and its cost is shown as unknown"
        )

    def _override(self, provider: str, model: str) -> Price | None:
        by_model = self._stated.get((provider, model))
        if by_model is not None:
            return by_model
        by_name = self._overrides.get(model)
        return by_name if by_name is not None and by_name.provider == provider else None

    def _find(self, provider: str, model: str) -> BookEntry | None:
        plain = model.removeprefix("models/").removeprefix(f"{provider}/")
        dated = _DATED.fullmatch(plain)
        for name in (model, plain, dated[1] if dated else plain):
            entry = self._entries.get((provider, name))
            if entry is not None:
                return entry
        return None

    def _each(self) -> Iterator[BookEntry]:
        return (entry for (_, name), entry in self._entries.items() if name == entry.model)


def load_book(overrides: Mapping[str, Price] = _NO_OVERRIDES) -> PriceBook:
    """The packaged book, with the prices the config states laid over it.

    Raises:
        PriceError: a file that does not say what it must; the message names file and model.
    """
    folder = files("router.pricing") / "book"
    pages = sorted(
        (page for page in folder.iterdir() if page.name.endswith(".yaml")), key=lambda page: page.name
    )
    return PriceBook((entry for page in pages for entry in _read(page)), overrides)


def _read(page: Traversable) -> Iterator[BookEntry]:
    loader = getattr(
        yaml, "CSafeLoader", yaml.SafeLoader
    )  # libyaml is ten times faster where it was built in
    sheet = yaml.load(page.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both loaders are the safe one
    unknown = sheet.keys() - _FILE_KEYS
    if unknown or not isinstance(sheet.get("models"), Mapping):
        raise PriceError(f"{page.name}: unknown keys {sorted(unknown)} or no models")
    for model, stated in sheet["models"].items():
        try:
            yield _entry(sheet, str(model), stated or {})
        except PriceError as error:
            raise PriceError(f"{page.name}: {model}: {error}") from error


def _entry(sheet: Mapping[str, Any], model: str, stated: Mapping[str, Any]) -> BookEntry:
    supports = stated.get("supports", {})
    unknown = (stated.keys() - _MODEL_KEYS) | (supports.keys() - _SUPPORTS)
    if unknown:
        raise PriceError(f"unknown keys {sorted(unknown)}")
    price = None
    if "price" in stated:
        source, source_date = (stated.get(key, sheet.get(key)) for key in ("source", "source_date"))
        if not source or not isinstance(source_date, date):
            raise PriceError("a price needs a source and its source_date")
        price = price_from(
            sheet["provider"],
            model,
            stated["price"],
            source=source,
            source_date=source_date,
            example=stated.get("example", False),
        )
    return BookEntry(
        provider=sheet["provider"],
        model=model,
        facts=ModelFacts(stated.get("context_window"), stated.get("max_output_tokens"), **supports),
        price=price,
        aliases=tuple(stated.get("aliases", ())),
    )


def _content(entries: Iterable[BookEntry], overrides: Mapping[str, Price]) -> dict[str, Any]:
    priced = [entry for entry in entries if entry.price is not None]
    return {
        "book": sorted(([e.provider, e.model, sorted(e.aliases), _plain(e.price)] for e in priced), key=str),
        "config": {name: _plain(price) for name, price in overrides.items()},
    }


def _version(entries: Iterable[BookEntry], content: str) -> str:
    prices = [entry.price for entry in entries if entry.price and not entry.price.example]
    dates = [price.source_date for price in prices if price.source_date]
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"{max(dates, default='undated')}-{digest[:8]}"


def _plain(price: Price | None) -> Any:
    plain = None if price is None else asdict(price)
    if plain and plain["off_peak"]:
        for window in plain["off_peak"]["windows"]:
            window["weekdays"] = sorted(window["weekdays"])
    return plain


def _dearness(price: Price) -> int:
    return price.rates.dearest_input + price.rates.dearest_output
