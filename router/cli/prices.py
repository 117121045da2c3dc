"""`pennyroute prices`: what each model costs and who says so."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where
from router.cli.options import ConfigOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.pricing.book import PriceBook
    from router.pricing.check import CheckReport
    from router.pricing.show import PriceRow

_SHOWN = 20
_WIDE = 100


@example(
    "pennyroute prices show",
    "pennyroute prices show --provider openai",
    "pennyroute prices show --format json",
)
def show(
    provider: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this provider's.", show_default=False)
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
) -> None:
    """Show every price, with its source.

    Those that your configuration states come first, then the price book's. Prices are in US dollars per
    million tokens, with the source of each and that source's date.
    """
    from router.cli.output import print_json
    from router.pricing.show import show_rows

    book = _book(config)
    if provider is not None:
        _check_provider(book, provider)
    rows = show_rows(book, provider)
    if format_ is Format.JSON:
        print_json([dataclasses.asdict(row) for row in rows])
    else:
        _print_rows(book, rows)


@example("pennyroute prices check", "pennyroute prices check --format json")
def check(format_: FormatOption = Format.TABLE, config: ConfigOption = None) -> None:
    """Compare the price book with the map that litellm ships.

    A disagreement is a thing to look up, not an error: the exit code is 0.
    """
    from router.cli.output import print_json, to_person
    from router.pricing.check import check as compared

    book = _book(config)
    with to_person().status("Loading litellm's price map (a few seconds)…"):
        from router.providers.wide import price_map

        report = compared(book, price_map())
    if format_ is Format.JSON:
        print_json(
            {
                "compared": report.compared,
                "disagreements": [dataclasses.asdict(one) for one in report.disagreements],
                "only_in_book": _names(report.only_in_book),
                "only_in_map": _names(report.only_in_map),
                "unreadable": [
                    {"provider": provider, "model": model, "reason": reason}
                    for provider, model, reason in report.unreadable
                ],
            }
        )
    else:
        _print_check(report)


def _book(config: Path | None) -> "PriceBook":
    """The packaged book under the configuration's own prices; alone, where the configuration is broken."""
    from router.cli.output import plain, to_person
    from router.pricing.book import load_book
    from router.settings import ConfigError

    where = Where(config, DATA_DIR)
    try:
        return load_book(where.settings().stated_prices())
    except ConfigError as error:
        if config is not None:
            raise
        to_person().print(
            f"Prices of {plain(str(where.file()))} are left out: it has {len(error.problems)} problems; "
            "see pennyroute config check",
            style="yellow",
            soft_wrap=True,
        )
        return load_book()


def _check_provider(book: "PriceBook", provider: str) -> None:
    from router.catalog import suggestion
    from router.errors import NotFound

    known = {entry.provider for entry in book.entries()} | {
        price.provider for price in book.overrides().values()
    }
    if provider not in known:
        raise NotFound(f"no price of provider {provider!r} is known{suggestion(provider, sorted(known))}")


def _print_rows(book: "PriceBook", rows: "list[PriceRow]") -> None:
    from router.cli.output import Column, for_programs, plain, print_table

    out = for_programs()
    whole = out.width >= _WIDE
    columns = [Column("provider"), Column("model")]
    columns += [Column(title, right=True, whole=True) for title in ("input", "cached", "output", "context")]
    print_table(
        [*columns, Column("also")] if whole else columns,
        (_cells(row)[: 7 if whole else 6] for row in rows),
        title="US dollars per million tokens",
    )
    if not whole and any(_also(row) for row in rows):
        out.print(
            "Cache writes, service tiers and long contexts: in a wider window or with --format json.",
            soft_wrap=True,
        )
    out.print("Sources")
    for source in dict.fromkeys(row.source for row in rows):
        providers = dict.fromkeys(row.provider for row in rows if row.source == source)
        out.print(f"  {', '.join(providers)}: {plain(source)}", soft_wrap=True)
    out.print(f"Price book {book.version}", soft_wrap=True)


def _cells(row: "PriceRow") -> tuple[str | None, ...]:
    return (
        row.provider,
        row.model if row.name in (None, row.model) else f"{row.name} ({row.model})",
        row.input,
        row.cached_input,
        row.output,
        None if row.context_window is None else f"{row.context_window:,}",
        _also(row),
    )


def _also(row: "PriceRow") -> str:
    parts = ["example, not a real price"] if row.example else []
    if row.name is not None:
        parts.append("from the configuration")
    writes = [
        f"{amount} ({lifetime})"
        for amount, lifetime in ((row.cache_write_5m, "5 min"), (row.cache_write_1h, "1 h"))
        if amount not in (None, row.input)
    ]
    if writes:
        parts.append(f"cache write {', '.join(writes)}")
    return "; ".join(part for part in (*parts, row.more, row.note) if part)


def _print_check(report: "CheckReport") -> None:
    from router.cli.output import Column, for_programs, print_table

    columns = (
        Column("provider"),
        Column("model"),
        Column("rate"),
        Column("book", right=True),
        Column("litellm", right=True),
    )
    if report.disagreements:
        print_table(
            columns,
            (
                (one.provider, one.model, one.bucket, one.book or "not stated", one.other or "not stated")
                for one in report.disagreements
            ),
            title="US dollars per million tokens",
        )
    out = for_programs()
    out.print(f"{report.compared} models compared, {len(report.disagreements)} rates differ", soft_wrap=True)
    _print_names("Only in the book", _names(report.only_in_book))
    _print_names("Only in litellm's map", _names(report.only_in_map))
    _print_names(
        "Not compared", [f"{provider}/{model} ({why})" for provider, model, why in report.unreadable]
    )


def _print_names(title: str, names: list[str]) -> None:
    from router.cli.output import for_programs, plain

    if names:
        more = f", … {len(names) - _SHOWN} more (--format json)" if len(names) > _SHOWN else ""
        for_programs().print(
            f"{title}: {len(names)}\n  {plain(', '.join(names[:_SHOWN]))}{more}", soft_wrap=False
        )


def _names(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    return [f"{provider}/{model}" for provider, model in pairs]
