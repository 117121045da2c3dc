"""`pennyroute doctor`: what is wrong with this set-up, and what to do about it."""

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from router.cli.attached import Where
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.cli.checkup.row import Row
    from router.setup import SetUp


@example("pennyroute doctor", "pennyroute doctor --config staging.yaml --format json")
def doctor(
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Say what is wrong with this set-up and what would mend it.

    Looks at configuration, store, persistence, keys, prices, providers, classifier, certificates,
    budgets and address. Never makes a call that costs money. Exits with 1 if something fails; a warning
    alone exits with 0.
    """
    from router.cli.checkup.config import configured
    from router.cli.checkup.row import Verdict
    from router.cli.output import print_json, to_person

    with to_person().status("Looking…"):
        made, rows = configured(Where(config, data_dir), os.environ)
        if made is not None:
            rows += asyncio.run(_rest(made, data_dir))
    if format_ is Format.JSON:
        print_json([dataclasses.asdict(row) for row in rows])
    else:
        _print(rows, whole=made is not None)
    if any(row.verdict is Verdict.FAIL for row in rows):
        raise typer.Exit(1)


async def _rest(made: "SetUp", data_dir: Path) -> "list[Row]":
    from router.cli.checkup.address import address
    from router.cli.checkup.budgets import budgets
    from router.cli.checkup.certificates import certificates
    from router.cli.checkup.config import classifier, prices
    from router.cli.checkup.providers import providers
    from router.cli.checkup.store import store

    return [
        *await store(made.settings, data_dir),
        *prices(made),
        *await providers(made),
        classifier(made),
        *await certificates(made, data_dir),
        *await budgets(made, data_dir),
        await address(made.settings),
    ]


def _print(rows: "Sequence[Row]", *, whole: bool) -> None:
    from rich.text import Text

    from router.cli.checkup.row import Verdict
    from router.cli.output import Column, for_programs, plain, print_table

    styles = {Verdict.OK: "green", Verdict.WARN: "bold yellow", Verdict.FAIL: "bold red"}
    cells = []
    for row in rows:
        said = Text(plain(row.said))
        if row.to_do:
            said.append(f"\n→ {plain(row.to_do)}", style="bold")
        part = f"{row.part} {row.subject}".strip()
        cells.append((Text(row.verdict, style=styles[row.verdict]), part, said))
    print_table((Column("", whole=True), Column("part"), Column("what was found")), cells)
    counts = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    if not whole:
        for_programs().print("The rest is looked at once the configuration can be used.", soft_wrap=True)
    for_programs().print(
        f"{counts[Verdict.OK]} ok, {counts[Verdict.WARN]} to look at, {counts[Verdict.FAIL]} failed",
        style=styles[
            Verdict.FAIL if counts[Verdict.FAIL] else Verdict.WARN if counts[Verdict.WARN] else Verdict.OK
        ],
    )
