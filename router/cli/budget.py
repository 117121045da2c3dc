"""`pennyroute budget`: what calls may cost."""

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from router.budgets.budget import Budget
    from router.budgets.budgets import Budgets
    from router.budgets.left import Left
    from router.budgets.wanted import Wanted
    from router.store.connection import Store

    _Seen = tuple[Budget, list[Left]]

_SHOWN = 50
_SPAN = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _span(text: str) -> int:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"a span is a number and s, m, h or d, such as 24h, not {text[:40]}")
    return int(found[1]) * _SECONDS[found[2]]


AccountOption = Annotated[str, typer.Option(metavar="NAME", help="The account it is of.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The budget's id, as `budget list` shows it.")]


@example(
    "pennyroute budget set --usd 12.50 --per day --team legal --time-zone Europe/Vienna",
    "pennyroute budget set --usd 1 --per day --user '*'",
    "pennyroute budget set --tokens 2000000 --per rolling --window 24h --soft",
)
def set_(
    *,
    per: Annotated[
        Literal["minute", "day", "month", "rolling"],
        typer.Option(help="When it is whole again; `rolling` looks back over --window."),
    ],
    usd: Annotated[
        str | None, typer.Option(metavar="DOLLARS", help="The limit in dollars.", show_default=False)
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(metavar="COUNT", help="The limit in tokens in and out.", show_default=False)
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(
            metavar="SPAN",
            parser=_span,
            help="How far a rolling budget looks back, such as 24h.",
            show_default=False,
        ),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE", help="Whose midnight a day or a month begins at. Unset: UTC.", show_default=False
        ),
    ] = None,
    soft: Annotated[bool, typer.Option("--soft", help="Only count; refuse nothing.")] = False,
    key: Annotated[
        str | None, typer.Option(metavar="ID", help="Calls with this key, or `*`.", show_default=False)
    ] = None,
    team: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls of this team, or `*`.", show_default=False)
    ] = None,
    feature: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls of this feature, or `*`.", show_default=False)
    ] = None,
    route: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls by this route, or `*`.", show_default=False)
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls of this model, or `*`.", show_default=False)
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Calls of this user, or `*`.", show_default=False)
    ] = None,
    account: AccountOption = "main",
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Set a budget, in force for every call that begins afterwards.

    All the names given must match a call; `*` makes one budget for each value. Without a name it bounds every
    call of the account. A budget that is there already for the same gets the new limit.
    """
    from router.budgets.wanted import wanted

    names = {"key": key, "team": team, "feature": feature, "route": route, "model": model, "user": user}
    asked = wanted(
        scope={name: value for name, value in names.items() if value is not None},
        period=per,
        limit_usd=usd,
        limit_tokens=tokens,
        time_zone=time_zone,
        window_s=window,
        hard=not soft,
    )
    where = Where(config, data_dir)
    _check_names(where, asked)

    async def work(budgets: "Budgets", store: "Store") -> "_Seen":
        from router.cli.changes import who

        budget, _ = await budgets.set(account, asked, by=who())
        return await _seen(store, account, budget)

    _print([_with_budgets(where, account, work)], format_, one=True)


@example("pennyroute budget list", "pennyroute budget list --account acme --format json")
def list_(
    account: AccountOption = "main",
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show all budgets, with what is left of each."""

    async def work(budgets: "Budgets", store: "Store") -> "list[_Seen]":
        return [await _seen(store, account, budget) for budget in await budgets.all(account)]

    found = _with_budgets(Where(config, data_dir), account, work)
    if not found and format_ is Format.TABLE:
        from router.cli.output import to_person

        to_person().print("There are no budgets; set one: pennyroute budget set --help", soft_wrap=True)
        return
    _print(found, format_)


@example("pennyroute budget show bdg_01kb0z3v6t9n4m2r8w5x7y1c0d")
def show(
    budget_id: IdArgument,
    account: AccountOption = "main",
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show one budget, and what is left of it for each value."""

    async def work(budgets: "Budgets", store: "Store") -> "_Seen":
        return await _seen(store, account, await budgets.one(account, budget_id))

    found = _with_budgets(Where(config, data_dir), account, work)
    _print([found], format_, one=True)
    if format_ is Format.TABLE and found[0].names_each:
        _print_windows(found)


@example("pennyroute budget remove bdg_01kb0z3v6t9n4m2r8w5x7y1c0d")
def remove(
    budget_id: IdArgument,
    account: AccountOption = "main",
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """End a budget: it bounds no call that begins afterwards."""

    async def work(budgets: "Budgets", _: "Store") -> "Budget":
        return await budgets.remove(account, budget_id)

    budget = _with_budgets(Where(config, data_dir), account, work)
    from router.budgets.exceeded import said
    from router.cli.output import for_programs, plain

    for_programs().print(f"budget {budget.id} ({plain(said(budget))}) is removed", soft_wrap=True)


def _with_budgets(
    where: Where, account: str, work: "Callable[[Budgets, Store], Awaitable[Any]]"
) -> Any:  # what the work answers
    async def attached(store: "Store") -> Any:
        from router.budgets.budgets import Budgets
        from router.clock import real_world
        from router.errors import NotFound
        from router.store.settings import accounts

        known = await accounts(store)
        if account not in known:
            raise NotFound(f"there is no account {account!r}; there are: {', '.join(known)}", param="account")
        return await work(Budgets(store, real_world().new_id), store)

    return with_store(where, attached)


async def _seen(store: "Store", account: str, budget: "Budget") -> "_Seen":
    from router.budgets.left import lefts_of

    return budget, await lefts_of(store, account, budget)


def _check_names(where: Where, asked: "Wanted") -> None:
    """A route or model that the configuration does not have would make a budget that bounds nothing."""
    from router.budgets.budget import EACH
    from router.catalog import suggestion
    from router.cli.failing import CommandFailed

    if where.file() is None:  # without a file the models are those that are found when the service starts
        return
    settings = where.settings()
    models = list(settings.models)
    for name, known in (("route", [*settings.routes, *models]), ("model", models)):
        value = asked.scope.get(name)
        if value is not None and value != EACH and value not in known:
            raise CommandFailed(f"--{name}: there is no {name} {value!r}{suggestion(value, known)}")


def _print(found: "Sequence[_Seen]", format_: Format, *, one: bool = False) -> None:
    from router.budgets.exceeded import amount
    from router.budgets.shown import budget_shown
    from router.cli.output import Column, print_json, print_table

    if format_ is Format.JSON:
        shown = [budget_shown(budget, lefts) for budget, lefts in found]
        print_json(shown[0] if one else shown)
        return
    columns = (
        Column("id", whole=True),
        Column("calls"),
        Column("limit", right=True),
        Column("per"),
        Column("left", right=True),
        Column(""),
        Column("set by"),
    )
    rows = []
    for budget, lefts in found:
        scope = ", ".join(f"{name}={value}" for name, value in sorted(budget.scope.items())) or "all"
        least = min((left.left for left in lefts), default=budget.limit)
        most = "at least " if budget.names_each else ""
        rows.append(
            (
                budget.id,
                scope,
                amount(budget.limit, budget.unit),
                _per(budget),
                f"{most}{amount(least, budget.unit)}",
                "hard" if budget.hard else "soft",
                budget.limits[-1].by,
            )
        )
    print_table(columns, rows)


def _print_windows(found: "_Seen") -> None:
    from router.budgets.exceeded import amount
    from router.cli.output import Column, for_programs, print_table

    budget, lefts = found
    columns = (*(Column(name) for name in budget.names_each), Column("left", right=True))
    print_table(columns, [(*left.values, amount(left.left, budget.unit)) for left in lefts[:_SHOWN]])
    if len(lefts) > _SHOWN:
        for_programs().print(
            f"{len(lefts) - _SHOWN:,} more than shown (--format json shows all)", soft_wrap=True
        )


def _per(budget: "Budget") -> str:
    if budget.window_s:
        return f"rolling {budget.window_s:,} s"
    return budget.period if budget.time_zone == "UTC" else f"{budget.period} ({budget.time_zone})"
