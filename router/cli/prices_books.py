"""`pennyroute prices books` and `prices diff`: versions of the price book, and what changed between two."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.pricing.book import PriceBook
    from router.pricing.difference import Change
    from router.store.connection import Store


@example("pennyroute prices books", "pennyroute prices books --format json")
def books(
    format_: FormatOption = Format.TABLE, config: ConfigOption = None, data_dir: DataDirOption = DATA_DIR
) -> None:
    """List every version of the price book that can still be read.

    A version is the newest date of its sources and a hash of all it says. Those that were shipped come with
    the program; those with prices of your configuration are kept in the store from the first start that
    used them.
    """
    from router.cli.output import Column, print_json, print_table
    from router.ledger.books import kept_versions
    from router.pricing.book import load_book
    from router.pricing.snapshot import packaged_versions

    where = Where(config, data_dir)
    in_force = load_book(where.settings().stated_prices()).version
    kept = with_store(where, kept_versions)
    shipped = packaged_versions()
    rows = [
        {
            "version": version,
            "from": "shipped"
            if version in shipped
            else "kept in the store"
            if version in kept
            else "configuration",
            "current": version == in_force,
        }
        for version in sorted({*shipped, *kept, in_force})
    ]
    if format_ is Format.JSON:
        print_json(rows)
    else:
        columns = (Column("version", whole=True), Column("from"), Column(""))
        print_table(
            columns, ((one["version"], one["from"], "in force" if one["current"] else "") for one in rows)
        )


@example(
    "pennyroute prices diff 2026-11-10-e0debd69 current",
    "pennyroute prices diff 2026-11-10-e0debd69 current --format json",
)
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A version of the price book, or `current`.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The one to compare it with.")],
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show what changed from one price book to another.

    Rates are in US dollars per million tokens. `current` is the packaged book with the prices your
    configuration states laid over it.
    """
    from router.cli.output import print_json
    from router.ledger.books import find
    from router.pricing.book import load_book
    from router.pricing.difference import changes

    where = Where(config, data_dir)
    current = load_book(where.settings().stated_prices())

    async def both(store: "Store") -> "tuple[PriceBook, PriceBook]":
        return await find(store, first, current), await find(store, second, current)

    before, after = with_store(where, both)
    found = changes(before, after)
    if format_ is Format.JSON:
        print_json(
            {
                "from": before.version,
                "to": after.version,
                "changes": [dataclasses.asdict(one) for one in found],
            }
        )
    else:
        _print(before, after, found)


def _print(before: "PriceBook", after: "PriceBook", found: "list[Change]") -> None:
    from router.cli.output import Column, for_programs, print_table

    if found:
        columns = (
            Column("provider"),
            Column("model"),
            Column("what"),
            Column("before", right=True),
            Column("after", right=True),
        )
        print_table(
            columns,
            (
                (one.provider, one.model, one.what, one.before or "not stated", one.after or "not stated")
                for one in found
            ),
            title="US dollars per million tokens",
        )
    models = len({(one.provider, one.model) for one in found})
    for_programs().print(
        f"{len(found):,} changes of {models:,} models from {before.version} to {after.version}"
        if found
        else f"no change from {before.version} to {after.version}",
        soft_wrap=True,
    )
