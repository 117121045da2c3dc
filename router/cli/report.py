"""`pennyroute report`: what was asked, who answered and what it cost, by group."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ArchiveOption, ConfigOption, DataDirOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.reports.report import Report
    from router.store.connection import Store


class ReportFormat(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@example(
    "pennyroute report",
    "pennyroute report --by route,tier --from 7d",
    "pennyroute report --from 2026-11-01 --to 2026-12-01 --by team,feature --format csv > november.csv",
)
def report(
    *,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="WHEN",
            help="A date, a datetime (UTC unless it says otherwise), or a span before now: 24h, 7d, 2w. "
            "Unset: since the first entry.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="The same; not included. Unset: up to the newest entry.", show_default=False
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="NAMES", help="Any of route, tier, model, team, feature, provider.")
    ] = "route",
    account: Annotated[str, typer.Option(metavar="NAME", help="Whose ledger.")] = "main",
    format_: Annotated[ReportFormat, typer.Option("--format", help="How to print it.")] = ReportFormat.TABLE,
    archive: ArchiveOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Report what was asked, who answered and what it cost, by route.

    Requests, share, tokens, cost, baseline, savings, errors and latency of each group, and a total. The
    sum equals the ledger to the nano-dollar, entries that `pennyroute ledger export` took out of the store
    included. Counters are kept by the hour, so a period is widened to
    whole hours. Savings are against the large model at the same tokens, which is an assumption.
    """

    async def work(store: "Store") -> "Report":
        from router.errors import NotFound
        from router.reports.grouping import parse_by
        from router.reports.period import parse_period
        from router.reports.report import route_report
        from router.store.settings import accounts

        names = parse_by(by)
        period = parse_period(from_, to, await store.now_ms())
        known = await accounts(store)
        if account not in known:
            raise NotFound(f"there is no account {account!r}; there are: {', '.join(known)}", param="account")
        return await route_report(
            store, account, by=names, from_ms=period.from_ms, to_ms=period.to_ms, archive=place
        )

    where = Where(config, data_dir)
    place = where.settings().ledger.archive_dir if archive is None else archive
    found = with_store(where, work)
    from router.cli.output import for_programs, print_json

    if format_ is ReportFormat.JSON:
        print_json(found.as_json())
    elif format_ is ReportFormat.CSV:
        from router.reports.sheet import csv_text

        sys.stdout.write(csv_text(found))
    else:
        from router.reports.table import table

        for_programs().print(table(found))
