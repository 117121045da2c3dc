"""The past at other prices: what entries would cost by another price book, and the adjustments that say so.

Entries are never edited. Of each attempt, its latest entry is priced again at its tokens, its served model
and tier and its moment; where that differs, an adjustment is appended that replaces it, counted in its hour
and group.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from policies import Tier
from router.archive.entries import entries_of
from router.ledger.entry import Entry, Kind
from router.ledger.ledger import Ledger
from router.moments import HOUR_MS, utc
from router.pricing.book import PriceBook
from router.pricing.errors import UnknownPriceError
from router.pricing.price import Price, cost_nano
from router.pricing.usage import UsageSource
from router.store.connection import Store


class LeftAlone(StrEnum):
    """Why an attempt keeps the cost it has."""

    SAME = "costs the same"
    STATED = "the provider stated its cost"
    ASSUMED = "assumed, not known"
    NOTHING = "charged nothing"
    NO_PRICE = "no price in that book"


@dataclass(frozen=True, slots=True)
class Asked:
    """A model as the configuration names it and as its provider does.

    Attributes:
        provider: whose prices apply in a price book.
        upstream: the provider's name of it.
    """

    name: str
    provider: str
    upstream: str


@dataclass(frozen=True, slots=True)
class Catalogued:
    """What the configuration says of the names that entries have.

    Attributes:
        models: by the name routes give them.
        large: route → its large model's name, for the baseline.
    """

    models: Mapping[str, Asked]
    large: Mapping[str, str]

    def of(self, entry: Entry) -> Asked:
        """The model of an entry; one that is not configured so any more goes by its own name."""
        named = self.models.get(entry.model)
        if named is not None and named.provider == entry.provider:
            return named
        return Asked(entry.model, entry.provider, entry.model)


@dataclass(frozen=True, slots=True)
class Prices:
    """What attempts are priced again by.

    Attributes:
        book: the prices.
        old_books: by version, those known of what entries were priced by; a baseline is changed only if its
            old book comes to the baseline it has.
        catalogued: names of models and routes.
    """

    book: PriceBook
    old_books: Mapping[str, PriceBook]
    catalogued: Catalogued


@dataclass(slots=True)
class ModelSum:
    """What the attempts of one model come to, those that change; nano-dollars.

    Attributes:
        unknown: of them, attempts whose cost was not known before; they count as 0 in `before_nano`.
    """

    attempts: int = 0
    before_nano: int = 0
    after_nano: int = 0
    unknown: int = 0


@dataclass(slots=True)
class Repricing:
    """What another book's prices change.

    Attributes:
        entries: the adjustments, each with the group it is counted under.
        models: provider and model → what it comes to.
        left: how many attempts keep their cost, and why.
        baselines_left: of the attempts that change, how many keep a baseline that cannot be worked out again.
        appended: how many adjustments were written; `None` in a dry run.
    """

    book: str
    entries: list[tuple[Entry, str]] = field(default_factory=list)
    models: dict[tuple[str, str], ModelSum] = field(default_factory=lambda: defaultdict(ModelSum))
    left: Counter[LeftAlone] = field(default_factory=Counter)
    baselines_left: int = 0
    appended: int | None = None


async def plan(
    store: Store, account: str, prices: Prices, *, from_ms: int, to_ms: int, archive: Path | None = None
) -> Repricing:
    """Prices every attempt of a period again, also where its entry has left the store; writes nothing.

    Args:
        store: where the ledger is.
        account: the tenant.
        prices: by which.
        from_ms: Unix milliseconds, of the moments attempts count at.
        to_ms: exclusive.
        archive: where entries are that left the store; `None` takes the directory they were exported to.

    Raises:
        StoreUnavailable: no answer.
        ArchiveBroken: entries of the period have left the store, and their files are missing or damaged.
    """
    latest: dict[str, tuple[Entry, str]] = {}
    hours = from_ms // HOUR_MS, -(-to_ms // HOUR_MS)
    async for entry, group in entries_of(store, account, archive, *hours):
        if from_ms <= entry.at_ms < to_ms:
            latest[entry.attempt_id] = entry, group
    found = Repricing(prices.book.version)
    for entry, group in latest.values():
        _price_again(found, entry, group, prices)
    return found


async def apply(
    ledger: Ledger, account: str, found: Repricing, told: Callable[[float], None] = lambda _: None
) -> None:
    """Appends the adjustments, each once however often and from wherever it is done.

    Args:
        ledger: the ledger.
        account: the tenant.
        found: the plan; its `appended` counts.
        told: hears the share of it that is done, 0 to 1.

    Raises:
        StoreUnavailable: some are written; plan and apply again.
        StoreRefused: one cannot be written as things are.
    """
    found.appended = 0
    for number, (entry, group) in enumerate(found.entries, 1):
        found.appended += await ledger.reprice(account, entry, group)
        told(number / len(found.entries))


def _price_again(found: Repricing, entry: Entry, group: str, prices: Prices) -> None:
    why = _untouchable(entry)
    price, basis = (None, "") if why else _price(prices.book, entry, prices.catalogued.of(entry))
    if why or price is None or entry.tokens is None:
        found.left[why or LeftAlone.NO_PRICE] += 1
        return
    cost = cost_nano(entry.tokens.usage, price.at(utc(entry.at_ms)), entry.service_tier)
    baseline, kept = _baseline(entry, cost, prices)
    if (cost, baseline) == (entry.cost_nano, entry.baseline_nano):
        found.left[LeftAlone.SAME] += 1
        return
    found.baselines_left += kept
    found.entries.append((_adjustment(entry, cost, baseline, basis, prices.book.version), group))
    total = found.models[entry.provider, entry.model]
    total.attempts += 1
    total.before_nano += entry.cost_nano or 0
    total.after_nano += cost
    total.unknown += entry.cost_nano is None


def _untouchable(entry: Entry) -> LeftAlone | None:
    if entry.usage_source == UsageSource.PROVIDER_COST:
        return LeftAlone.STATED
    if entry.usage_source == UsageSource.ASSUMED:
        return LeftAlone.ASSUMED
    if entry.kind is Kind.VOID or not entry.usage_source or entry.tokens is None:
        return LeftAlone.NOTHING
    return None


def _price(book: PriceBook, entry: Entry, asked: Asked) -> tuple[Price | None, str]:
    """By the rules of a call: what a configuration states, then what was served, then what was asked for."""
    stated = book.overrides().get(asked.name)
    if stated is not None and stated.provider == asked.provider:
        return stated, "requested"
    try:
        return book.served(asked.provider, asked.upstream, entry.served_model)
    except UnknownPriceError:
        return None, ""


def _baseline(entry: Entry, cost: int, prices: Prices) -> tuple[int | None, bool]:
    """The baseline at the new prices, and whether it is the old one because it cannot be worked out again."""
    if entry.baseline_nano == 0:  # it answered nobody
        return 0, False
    if entry.tier == Tier.LARGE and entry.baseline_nano == entry.cost_nano:
        return cost, False
    large = prices.catalogued.models.get(prices.catalogued.large.get(entry.route, ""))
    old = prices.old_books.get(entry.price_book)
    if large is None or old is None or entry.tokens is None:
        return entry.baseline_nano, True
    before, after = (_at_list(one, large, entry) for one in (old, prices.book))
    if after is None or before != entry.baseline_nano:
        return entry.baseline_nano, True
    return after, False


def _at_list(book: PriceBook, large: Asked, entry: Entry) -> int | None:
    stated = book.overrides().get(large.name)
    price = stated if stated is not None else book.price(large.provider, large.upstream)
    if price is None or entry.tokens is None:
        return None
    return cost_nano(entry.tokens.usage, price.at(utc(entry.at_ms)))


def _adjustment(entry: Entry, cost: int, baseline: int | None, basis: str, version: str) -> Entry:
    return msgspec.structs.replace(
        entry,
        kind=Kind.ADJUST,
        replaces=msgspec.structs.replace(entry, replaces=None),
        revision=entry.revision + 1,
        cost_nano=cost,
        baseline_nano=baseline,
        price_book=version,
        price_basis=basis,
    )
