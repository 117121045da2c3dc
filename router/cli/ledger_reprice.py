"""`pennyroute ledger reprice`: what is charged already, at the prices of another book."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.ledger.reprice import Catalogued, Repricing
    from router.pricing.book import PriceBook
    from router.settings import Settings
    from router.store.connection import Store


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line says."""

    from_: str
    to: str
    book: str
    account: str | None
    apply: bool


@example(
    "pennyroute ledger reprice --from 2026-11-01 --to 2026-12-01 --book current",
    "pennyroute ledger reprice --from 2026-11-01 --to 2026-12-01 --book current --apply",
)
def reprice(
    *,
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="WHEN",
            help="A date, a datetime (UTC unless it says otherwise), or a span before now: 24h, 7d, 2w.",
        ),
    ],
    to: Annotated[str, typer.Option(metavar="WHEN", help="The same, or `now`; not included.")] = "now",
    book: Annotated[
        str,
        typer.Option(
            metavar="VERSION",
            help="Whose prices: a version of the price book, or `current` for what a service would use now.",
        ),
    ] = "current",
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="One account. Unset: all of them.", show_default=False)
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Append the adjustments. Without it nothing is written.")
    ] = False,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show a period at the prices of another book, and charge it so.

    Entries are never edited: an adjustment is appended for each attempt whose cost differs, counted in its
    hour and group. Doing it twice appends nothing the second time. What the provider stated the cost of, and
    what was assumed, is left alone. Works on a running service.
    """
    from router.cli.output import print_json
    from router.pricing.book import load_book

    where = Where(config, data_dir)
    settings = where.settings()
    current = load_book(settings.stated_prices())
    asked = _Asked(from_, to, book, account, apply)
    found = with_store(where, lambda store: _repriced(store, asked, settings, current))
    if format_ is Format.JSON:
        print_json([_as_json(name, one) for name, one in found])
    else:
        for name, one in found:
            _print(name, one)


async def _repriced(
    store: "Store", asked: _Asked, settings: "Settings", current: "PriceBook"
) -> "list[tuple[str, Repricing]]":
    from router.cli.progress import told
    from router.errors import NotFound
    from router.ledger.books import find, keep
    from router.ledger.ledger import Ledger, Terms
    from router.ledger.reprice import Prices, apply, plan
    from router.reports.period import parse_period
    from router.store.settings import accounts

    period = parse_period(asked.from_, asked.to, await store.now_ms())
    assert period.from_ms is not None
    assert period.to_ms is not None
    book = await find(store, asked.book, current)
    prices = Prices(book, await _known(store, current), _catalogued(settings))
    names = await accounts(store)
    if asked.account is not None and asked.account not in names:
        raise NotFound(
            f"there is no account {asked.account!r}; there are: {', '.join(names)}", param="account"
        )
    ledger = Ledger(store, Terms(decision_retention_s=settings.ledger.decision_retention_days * 86_400))
    found = []
    for name in names if asked.account is None else [asked.account]:
        one = await plan(
            store,
            name,
            prices,
            from_ms=period.from_ms,
            to_ms=period.to_ms,
            archive=settings.ledger.archive_dir,
        )
        if asked.apply:
            await keep(store, book)
            with told(f"account {name}") as tell:
                await apply(ledger, name, one, lambda share, name=name: tell(f"account {name}", share))  # type: ignore[misc]
        found.append((name, one))
    return found


async def _known(store: "Store", current: "PriceBook") -> "dict[str, PriceBook]":
    from router.ledger.books import find, kept_versions
    from router.pricing.snapshot import packaged_versions

    versions = {current.version, *packaged_versions(), *await kept_versions(store)}
    return {version: await find(store, version, current) for version in versions}


def _catalogued(settings: "Settings") -> "Catalogued":
    from router.ledger.reprice import Asked, Catalogued
    from router.providers.presets import PRESETS

    models = {
        name: Asked(name, PRESETS[model.provider].price_provider, model.model or name)
        for name, model in settings.models.items()
    }
    return Catalogued(models, {name: route.large for name, route in settings.routes.items()})


def _print(account: str, found: "Repricing") -> None:
    from router.cli.output import Column, for_programs, plain, print_table
    from router.pricing.money import usd

    out = for_programs()
    out.print(f"account {plain(account)} at the prices of {found.book}", style="bold", soft_wrap=True)
    if found.models:
        columns = [Column("provider"), Column("model")]
        columns += [
            Column(title, right=True) for title in ("attempts", "USD before", "USD after", "difference")
        ]
        rows = [
            (
                provider,
                model,
                f"{one.attempts:,}",
                usd(one.before_nano) + (f" + {one.unknown:,} unknown" if one.unknown else ""),
                usd(one.after_nano),
                _signed(one.after_nano - one.before_nano),
            )
            for (provider, model), one in sorted(found.models.items())
        ]
        before = sum(one.before_nano for one in found.models.values())
        after = sum(one.after_nano for one in found.models.values())
        rows.append(
            ("total", "", f"{len(found.entries):,}", usd(before), usd(after), _signed(after - before))
        )
        print_table(columns, rows, last_is_total=True)
    for why, count in sorted(found.left.items()):
        out.print(f"left alone: {count:,} ({why})", soft_wrap=True)
    if found.baselines_left:
        out.print(f"baselines left as they are: {found.baselines_left:,}", soft_wrap=True)
    if found.appended is not None:
        out.print(f"appended {found.appended:,} adjustments", style="green", soft_wrap=True)
    elif found.entries:
        out.print("nothing was written; --apply appends the adjustments", style="yellow", soft_wrap=True)
    else:
        out.print("nothing to adjust", style="green", soft_wrap=True)


def _signed(nano: int) -> str:
    from router.pricing.money import usd

    return f"+{usd(nano)}" if nano > 0 else usd(nano)


def _as_json(account: str, found: "Repricing") -> dict[str, object]:
    return {
        "account": account,
        "book": found.book,
        "models": [
            {
                "provider": provider,
                "model": model,
                "attempts": one.attempts,
                "before_nano_usd": one.before_nano,
                "after_nano_usd": one.after_nano,
                "difference_nano_usd": one.after_nano - one.before_nano,
                "unknown_before": one.unknown,
            }
            for (provider, model), one in sorted(found.models.items())
        ],
        "left_alone": {why.name.lower(): count for why, count in sorted(found.left.items())},
        "baselines_left": found.baselines_left,
        "adjustments": len(found.entries),
        "appended": found.appended,
    }
