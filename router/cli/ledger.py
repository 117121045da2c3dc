"""`pennyroute ledger verify`: are the counters the sum of their entries?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.ledger.verify import Difference, Verification
    from router.store.connection import Store

_SHOWN = 50


@example("pennyroute ledger verify", "pennyroute ledger verify --account acme --repair")
def verify(
    repair: Annotated[
        bool, typer.Option("--repair", help="Rebuild the counters that disagree from their entries.")
    ] = False,
    account: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One account. Unset: all of them.", show_default=False),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Recompute every counter from the entries, to the nano-dollar.

    Works on a running service. Exits with 1 when a counter disagrees or an attempt was charged twice. With
    --repair, that is judged after the repair; an attempt charged twice is not repaired, it is shown.
    """
    from router.cli.output import print_json

    found = with_store(Where(config, data_dir), lambda store: _verified(store, account, repair=repair))
    if format_ is Format.JSON:
        print_json([_as_json(name, one, rebuilt) for name, one, rebuilt in found])
    else:
        for name, one, rebuilt in found:
            _print(name, one, rebuilt)
    if not all(one.clean for _, one, _ in found):
        raise typer.Exit(1)


async def _verified(
    store: "Store", account: str | None, *, repair: bool
) -> "list[tuple[str, Verification, int | None]]":
    """Account, what was found in the end, and how many hours were rebuilt (`None`: not asked to)."""
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
        if repair and one.differences:
            rebuilt = await ledger.repair(store, name)
            one = await ledger.verify(store, name)
        found.append((name, one, rebuilt))
    return found


def _print(account: str, found: "Verification", rebuilt: int | None) -> None:
    from router.cli.output import Column, for_programs, plain, print_table
    from router.pricing.money import usd

    out = for_programs()
    unknown = f", {found.unknown_cost:,} of unknown cost" if found.unknown_cost else ""
    out.print(
        f"account {plain(account)}: {_many(found.entries, 'entry', 'entries')}, "
        f"{usd(found.cost_nano)} USD{unknown}, {_many(found.open_holds, 'open hold', 'open holds')}",
        style="bold",
        soft_wrap=True,
    )
    if rebuilt is not None:
        out.print(f"rebuilt the counters of {_many(rebuilt, 'hour', 'hours')}", soft_wrap=True)
    if found.clean:
        out.print("clean: every counter is the sum of its entries", style="green", soft_wrap=True)
    for attempt in found.duplicates:
        out.print(f"charged twice: {plain(attempt)}", style="red", soft_wrap=True)
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


def _as_json(account: str, found: "Verification", rebuilt: int | None) -> dict[str, object]:
    from router.ledger.entry import GROUP_NAMES

    return {
        "account": account,
        "clean": found.clean,
        "entries": found.entries,
        "nano_usd": found.cost_nano,
        "unknown_cost": found.unknown_cost,
        "open_holds": found.open_holds,
        "hours_rebuilt": rebuilt,
        "charged_twice": found.duplicates,
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
