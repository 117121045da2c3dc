"""`pennyroute ledger verify`: are the counters the sum of their entries?"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ArchiveOption, ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from pathlib import Path

    from router.archive.verify import ArchiveVerification
    from router.ledger.verify import Difference, Verification
    from router.store.connection import Store

_SHOWN = 50


@dataclass(frozen=True, slots=True)
class _Found:
    """What was found of one account in the end.

    Attributes:
        rebuilt: hours that were; `None` when nobody asked to.
        archived: `None` when no entry has left the store.
    """

    account: str
    ledger: "Verification"
    rebuilt: int | None
    archived: "ArchiveVerification | None"

    @property
    def clean(self) -> bool:
        return self.ledger.clean and not (self.archived and self.archived.duplicates)


@example("pennyroute ledger verify", "pennyroute ledger verify --account acme --repair")
def verify(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild the counters that disagree from their entries.")
    ] = False,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One account. Unset: all of them.", show_default=False),
    ] = None,
    archive: ArchiveOption = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Recompute every counter from the entries, to the nano-dollar.

    Entries that have left the store are read in their archive: its checksums, its sums, and that none of
    them is charged on both sides. Works on a running service. Exits with 1 when a counter disagrees or an
    attempt was charged twice. With --repair, that is judged after the repair; an attempt charged twice is
    not repaired, it is shown.
    """
    from router.cli.output import print_json

    where = Where(config, data_dir)
    place = where.settings().ledger.archive_dir if archive is None else archive
    found = with_store(where, lambda store: _verified(store, account, place, repair=repair))
    if format_ is Format.JSON:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            _print(one)
    if not all(one.clean for one in found):
        raise typer.Exit(1)


async def _verified(
    store: "Store", account: str | None, archive: "Path | None", *, repair: bool
) -> list[_Found]:
    from router.archive.gone import read_gone
    from router.errors import NotFound
    from router.ledger import verify as ledger
    from router.store.settings import accounts

    known = await accounts(store)
    if account is not None and account not in known:
        raise NotFound(f"there is no account {account!r}; there are: {', '.join(known)}", param="account")
    found = []
    for name in known if account is None else [account]:
        one = await ledger.verify(store, name)
        rebuilt = None
        if repair and one.off:
            rebuilt = await ledger.repair(store, name)
            one = await ledger.verify(store, name)
        archived = None
        if (await read_gone(store, name)).days:
            from router.archive.verify import verify_archive

            archived = await verify_archive(store, name, archive)
        found.append(_Found(name, one, rebuilt, archived))
    return found


def _print(one: _Found) -> None:
    from router.cli.output import Column, for_programs, plain, print_table
    from router.pricing.money import usd

    out, found = for_programs(), one.ledger
    unknown = f", {found.unknown_cost:,} of unknown cost" if found.unknown_cost else ""
    out.print(
        f"account {plain(one.account)}: {_many(found.entries, 'entry', 'entries')}, "
        f"{usd(found.cost_nano)} USD{unknown}, {_many(found.open_holds, 'open hold', 'open holds')}",
        style="bold",
        soft_wrap=True,
    )
    if one.archived is not None:
        out.print(
            f"and in its archive {_many(one.archived.entries, 'entry', 'entries')} of "
            f"{_many(one.archived.days, 'day', 'days')}, {usd(one.archived.cost_nano)} USD",
            soft_wrap=True,
        )
    if one.rebuilt is not None:
        out.print(f"rebuilt the counters of {_many(one.rebuilt, 'hour', 'hours')}", soft_wrap=True)
    if one.clean:
        out.print("clean: every counter is the sum of its entries", style="green", soft_wrap=True)
    for attempt in [*found.duplicates, *(one.archived.duplicates if one.archived else ())]:
        out.print(f"charged twice: {plain(attempt)}", style="red", soft_wrap=True)
    for window in found.budgets.differences[:_SHOWN]:
        stands = "nothing that counts" if window.stands is None else f"{window.stands:,}"
        out.print(
            f"budget window {plain(window.window)}: {window.field} stands at {stands} and should be "
            f"{window.should_be:,}; pennyroute ledger verify --repair mends it",
            style="red",
            soft_wrap=True,
        )
    if not found.differences:
        return
    columns = (
        Column("hour (UTC)", whole=True),
        Column("group"),
        Column("counter"),
        Column("stands at", right=True),
        Column("should be", right=True),
        Column("off by", right=True),
    )
    print_table(
        columns,
        (
            (
                f"{datetime.fromtimestamp(one.hour * 3600, UTC):%Y-%m-%d %H:00}",
                _group(one),
                one.metric,
                f"{one.counted:,}",
                f"{one.recomputed:,}",
                f"{one.counted - one.recomputed:+,}",
            )
            for one in found.differences[:_SHOWN]
        ),
    )
    more = len(found.differences) - _SHOWN
    out.print(
        f"{_many(len(found.differences), 'counter disagrees', 'counters disagree')}"
        + (f", {more:,} more than shown (--format json shows all)" if more > 0 else "")
        + "; pennyroute ledger verify --repair rebuilds them from the entries",
        style="red",
        soft_wrap=True,
    )


def _group(difference: "Difference") -> str:
    from router.ledger.entry import GROUP_NAMES

    named = zip(GROUP_NAMES, difference.group, strict=False)
    return " ".join(f"{name}={value}" for name, value in named if value)


def _as_json(whole: _Found) -> dict[str, object]:
    from router.ledger.entry import GROUP_NAMES

    found, archived = whole.ledger, whole.archived
    return {
        "account": whole.account,
        "clean": whole.clean,
        "entries": found.entries,
        "nano_usd": found.cost_nano,
        "unknown_cost": found.unknown_cost,
        "open_holds": found.open_holds,
        "budget_windows": found.budgets.checked,
        "budget_windows_archived": found.budgets.archived,
        "budget_differences": [asdict(one) for one in found.budgets.differences],
        "hours_rebuilt": whole.rebuilt,
        "archived": None
        if archived is None
        else {
            "days": archived.days,
            "entries": archived.entries,
            "nano_usd": archived.cost_nano,
            "unknown_cost": archived.unknown_cost,
        },
        "charged_twice": [*found.duplicates, *(archived.duplicates if archived else ())],
        "differences": [
            {
                "hour": datetime.fromtimestamp(one.hour * 3600, UTC).isoformat(),
                **dict(zip(GROUP_NAMES, one.group, strict=False)),
                "counter": one.metric,
                "counted": one.counted,
                "recomputed": one.recomputed,
            }
            for one in found.differences
        ],
    }


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"
