"""`pennyroute ledger reconcile`: the ledger beside a provider's invoice."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ArchiveOption, ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from router.ledger.entry import Entry
    from router.ledger.invoice import Invoice
    from router.ledger.reconcile import Compared, Sides
    from router.pricing.book import PriceBook
    from router.settings import Settings
    from router.store.connection import Store


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line says.

    Attributes:
        account: `None` for all of them: an invoice is of one key, whichever account called by it.
    """

    provider: str
    account: str | None
    zone: "ZoneInfo"
    archive: Path | None


@example(
    "pennyroute ledger reconcile --invoice openai-november.csv --provider openai",
    "pennyroute ledger reconcile --invoice usage.csv --provider anthropic --time-zone America/Los_Angeles",
)
def reconcile(
    *,
    invoice: Annotated[
        Path,
        typer.Option(
            metavar="FILE.csv",
            help="The provider's invoice or cost export: columns date, model, amount_usd, and tokens if it "
            "has them, by these or the names of the large providers' exports.",
        ),
    ],
    provider: Annotated[str, typer.Option(metavar="NAME", help="Whose invoice: a preset, such as openai.")],
    tolerance_usd: Annotated[
        str,
        typer.Option(
            "--tolerance-usd", metavar="USD", help="A model's day that differs by no more than this agrees."
        ),
    ] = "0.01",
    time_zone: Annotated[
        str, typer.Option("--time-zone", metavar="ZONE", help="Of the invoice's days, such as Europe/Paris.")
    ] = "UTC",
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="One account. Unset: all of them.", show_default=False)
    ] = None,
    archive: ArchiveOption = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Compare a provider's invoice with the ledger, by day and model.

    From the invoice's first day to its last, in exact dollars. Names the days that differ and by how much.
    Exits with 1 when one differs by more than the tolerance, or a row of the invoice cannot be read.
    """
    from router.cli.failing import CommandFailed
    from router.cli.output import print_json, tell_unused
    from router.ledger.reconcile import compared, days_ms
    from router.pricing.book import load_book
    from router.pricing.errors import MoneyError
    from router.pricing.money import parse_usd

    where = Where(config, data_dir)
    settings = where.settings()
    try:
        tolerance_nano = parse_usd(tolerance_usd)
    except MoneyError as error:
        raise CommandFailed(f"--tolerance-usd: {error}") from error
    if tolerance_nano < 0:
        raise CommandFailed("--tolerance-usd cannot be less than 0")
    _check_provider(provider)
    zone = _zone(time_zone)
    read = _read(invoice, zone)
    if not read.lines:
        raise CommandFailed(f"{invoice}: no row can be read" + (f"; {read.bad[0]}" if read.bad else ""))
    book = load_book(settings.stated_prices())
    theirs = _invoiced(read, book, provider)
    by_model = any(line.model for line in read.lines)
    asked = _Asked(provider, account, zone, archive or settings.ledger.archive_dir)
    period = days_ms((line.day for line in read.lines), zone)
    ours = with_store(
        where, lambda store: _charged(store, asked, period, _Names(book, settings, by_model=by_model))
    )
    found = compared(theirs, ours)
    tell_unused(read.bad, ())
    if format_ is Format.JSON:
        print_json(_as_json(found, tolerance_nano, read.bad))
    else:
        _print(found, tolerance_nano)
    if read.bad or any(abs(one.difference_nano) > tolerance_nano for one in found):
        raise typer.Exit(1)


def _check_provider(provider: str) -> None:
    from router.catalog import suggestion
    from router.errors import NotFound
    from router.providers.presets import PRESETS

    if provider not in PRESETS:
        raise NotFound(f"there is no provider {provider!r}{suggestion(provider, PRESETS)}", param="provider")


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from router.cli.failing import CommandFailed

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CommandFailed(f"--time-zone: {name!r} is no time zone such as Europe/Paris or UTC") from error


def _read(path: Path, zone: "ZoneInfo") -> "Invoice":
    from router.cli.failing import CommandFailed
    from router.ledger.invoice import InvoiceUnreadable, read_invoice

    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            return read_invoice(text, zone)
    except InvoiceUnreadable as error:
        raise CommandFailed(f"{path}: {error}") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(f"{path}: it is not UTF-8 text") from error
    except OSError as error:
        raise CommandFailed(f"{path}: it cannot be read ({error.strerror})") from error


def _named(book: "PriceBook", provider: str, name: str) -> str:
    """A model by the book's name of it, so that a snapshot and its alias are one; else as it is written."""
    price = book.price(provider, name)
    return name if price is None else price.model


def _invoiced(read: "Invoice", book: "PriceBook", provider: str) -> "Sides":
    from router.ledger.reconcile import invoiced

    return invoiced(read.lines, lambda name: _named(book, provider, name) if name else name)


@dataclass(frozen=True, slots=True)
class _Names:
    """What an entry's model is called on an invoice."""

    book: "PriceBook"
    settings: "Settings"
    by_model: bool

    def of(self, entry: "Entry") -> str:
        from router.ledger.invoice import ANY_MODEL

        if not self.by_model:
            return ANY_MODEL
        configured = self.settings.models.get(entry.model)
        upstream = entry.model
        if configured is not None and configured.provider == entry.provider:
            upstream = configured.model or entry.model
        return _named(self.book, entry.provider, entry.served_model or upstream)


async def _charged(store: "Store", asked: _Asked, period: tuple[int, int], names: _Names) -> "Sides":
    from router.errors import NotFound
    from router.ledger.reconcile import bought_of, charged
    from router.store.settings import accounts

    known = await accounts(store)
    if asked.account is not None and asked.account not in known:
        raise NotFound(
            f"there is no account {asked.account!r}; there are: {', '.join(known)}", param="account"
        )
    entries = [
        entry
        for name in (known if asked.account is None else [asked.account])
        async for entry in bought_of(store, name, asked.provider, period, asked.archive)
    ]
    return charged(entries, asked.zone, names.of)


def _print(found: "list[Compared]", tolerance_nano: int) -> None:
    from rich.text import Text

    from router.cli.output import Column, for_programs, print_table
    from router.pricing.money import usd

    out = for_programs()
    differ = [one for one in found if abs(one.difference_nano) > tolerance_nano]
    if differ:
        columns = [Column("day", whole=True), Column("model")]
        columns += [Column(title, right=True) for title in ("invoice USD", "ledger USD", "difference")]
        columns += [Column("tokens invoice", right=True), Column("ledger", right=True)]
        print_table(
            columns,
            (
                (
                    one.day.isoformat(),
                    one.model or "all",
                    usd(one.invoice.nano),
                    usd(one.ledger.nano)
                    + (f" + {one.ledger.unknown:,} unknown" if one.ledger.unknown else ""),
                    f"{'+' if one.difference_nano > 0 else ''}{usd(one.difference_nano)}",
                    Text("") if one.invoice.tokens is None else f"{one.invoice.tokens:,}",
                    Text("") if one.ledger.tokens is None else f"{one.ledger.tokens:,}",
                )
                for one in differ
            ),
            title="Days that differ",
        )
    invoice, ledger = (sum(getattr(one, side).nano for one in found) for side in ("invoice", "ledger"))
    days = len({one.day for one in found})
    out.print(
        f"{days:,} days: invoice {usd(invoice)} USD, ledger {usd(ledger)} USD, "
        f"difference {usd(invoice - ledger)} USD",
        soft_wrap=True,
    )
    if differ:
        wrong = len({one.day for one in differ})
        out.print(
            f"{wrong:,} days differ by more than {usd(tolerance_nano)} USD", style="red", soft_wrap=True
        )
    else:
        out.print(f"every day and model agrees to {usd(tolerance_nano)} USD", style="green", soft_wrap=True)


def _as_json(found: "list[Compared]", tolerance_nano: int, bad: list[str]) -> dict[str, object]:
    from router.pricing.money import usd

    return {
        "agrees": not bad and all(abs(one.difference_nano) <= tolerance_nano for one in found),
        "invoice_usd": usd(sum(one.invoice.nano for one in found)),
        "ledger_usd": usd(sum(one.ledger.nano for one in found)),
        "difference_usd": usd(sum(one.difference_nano for one in found)),
        "days": [
            {
                "day": one.day.isoformat(),
                "model": one.model or None,
                "invoice_usd": usd(one.invoice.nano),
                "ledger_usd": usd(one.ledger.nano),
                "difference_usd": usd(one.difference_nano),
                "differs": abs(one.difference_nano) > tolerance_nano,
                "invoice_tokens": one.invoice.tokens,
                "ledger_tokens": one.ledger.tokens,
                "ledger_unknown_cost": one.ledger.unknown,
            }
            for one in found
        ],
        "bad_rows": bad,
    }
