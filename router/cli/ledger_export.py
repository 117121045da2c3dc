"""`pennyroute ledger export`: whole days of entries out of the store, into Parquet."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.archive.export import Exported
    from router.settings.models import LedgerSettings
    from router.store.connection import Store


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line says."""

    archive: Path
    account: str | None
    before: str | None
    retention_days: int | None
    trim: bool


@example(
    "pennyroute ledger export --to /var/lib/pennyroute/archive",
    "pennyroute ledger export --to archive --before 2026-11-01 --trim",
)
def export(
    *,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="The archive; made if it is not there. Unset: `ledger.archive_dir` of the configuration.",
            show_default=False,
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="Only days that were over at this date, or a span before now such as 90d. "
            "Unset: all that are over.",
            show_default=False,
        ),
    ] = None,
    trim: Annotated[
        bool,
        typer.Option(
            "--trim",
            help="Take entries out of the store once their export was read back and compared; the last "
            "32 days stay, or as many as `ledger.entry_retention_days` says.",
        ),
    ] = False,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One account. Unset: all of them.", show_default=False),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Write whole days of entries to Parquet files, and trim the store.

    Entries leave the store with --trim only. Works on a running service. It may be killed at any point and
    run again: a day is in the archive whole or not at all, and no entry is lost or there twice. Reports read
    store and archive as one.
    """
    from router.cli.output import print_json
    from router.cli.progress import told

    where = Where(config, data_dir)
    settings = where.settings().ledger
    archive = _archive(to, settings)
    asked = _Asked(archive, account, before, settings.entry_retention_days, trim)
    with told("export") as tell:
        found = with_store(where, lambda store: _exported(store, asked, tell))
    if format_ is Format.JSON:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            _print(one)


def _archive(to: Path | None, settings: "LedgerSettings") -> Path:
    from router.cli.failing import CommandFailed

    archive = settings.archive_dir if to is None else to
    if archive is None or not str(archive).strip():
        raise CommandFailed("where to? name a directory with --to DIR, or set `ledger.archive_dir`")
    if archive.exists() and not archive.is_dir():
        raise CommandFailed(f"--to: {archive} is no directory")
    return archive


async def _exported(store: "Store", asked: _Asked, tell: "Callable[[str, float], None]") -> "list[Exported]":
    from router.archive.export import DAY_MS, DAYS_KEPT, Wanted, latest_end_ms
    from router.archive.export import export as exported
    from router.cli.failing import CommandFailed
    from router.errors import NotFound
    from router.moments import minute
    from router.reports.period import parse_period
    from router.store.settings import accounts

    account = asked.account
    known = await accounts(store)
    if account is not None and account not in known:
        raise NotFound(f"there is no account {account!r}; there are: {', '.join(known)}", param="account")
    now_ms = await store.now_ms()
    before_ms = parse_period(None, asked.before, now_ms).to_ms
    if before_ms is not None and before_ms > now_ms:
        raise CommandFailed(
            f"--before {asked.before}: days up to then are not over; "
            f"the newest that can be exported ended {minute(latest_end_ms(now_ms))} UTC"
        )
    kept_ms = max(DAYS_KEPT, asked.retention_days or 0) * DAY_MS
    wanted = Wanted(before_ms, now_ms - kept_ms if asked.trim else None)
    try:
        return [
            await exported(store, asked.archive, name, wanted, tell)
            for name in (known if account is None else [account])
        ]
    except OSError as error:
        raise CommandFailed(f"{asked.archive} cannot be written: {error.strerror or error}") from error


def _print(one: "Exported") -> None:
    from router.cli.output import for_programs, plain
    from router.pricing.money import usd

    out = for_programs()
    entries = sum(day.entries for day in one.days)
    cost = sum(day.cost_nano for day in one.days)
    span = f" ({one.days[0].day} to {one.days[-1].day})" if one.days else ""
    out.print(
        f"account {plain(one.account)}: exported {len(one.days):,} days{span}, {entries:,} entries, "
        f"{usd(cost)} USD; {one.known:,} days were exported before; trimmed {one.entries_trimmed:,} entries "
        f"of {len(one.trimmed):,} days",
        soft_wrap=True,
    )


def _as_json(one: "Exported") -> dict[str, object]:
    return {
        "account": one.account,
        "exported": [{"day": day.day, "entries": day.entries, "nano_usd": day.cost_nano} for day in one.days],
        "exported_before": one.known,
        "trimmed": one.trimmed,
        "entries_trimmed": one.entries_trimmed,
    }
