"""`pennyroute keys`: who may call."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from router.cli.attached import Where, with_store
from router.cli.options import ConfigOption, DataDirOption, Format, FormatOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.access.keys import ApiKey
    from router.settings import Settings
    from router.store.connection import Store


@example(
    "pennyroute keys create support-bot --scope call",
    "pennyroute keys create ops --scope admin --account acme",
    "pennyroute keys create legal-bot --team legal --route legal-triage",
)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for; shown in lists.")],
    scope: Annotated[
        Literal["call", "admin"],
        typer.Option(
            help="`call` sends queries; `admin` also reads all decisions and reports of its account and, of "
            "account `main`, changes thresholds and reads metrics, which belong to all accounts."
        ),
    ] = "call",
    *,
    account: Annotated[
        str, typer.Option(metavar="NAME", help="The account that pays for its calls.")
    ] = "main",
    team: Annotated[
        str,
        typer.Option(
            metavar="TEAM", help="Tie it to a team: its calls get this label, and no other is taken."
        ),
    ] = "",
    feature: Annotated[
        str, typer.Option(metavar="FEATURE", help="Tie it to a feature, in the same way.")
    ] = "",
    route: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROUTE",
            help="Tie it to a route, and to no model by its own name; may be given several times.",
        ),
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Make a key and print it, once.

    Only the key goes to standard output, so that `KEY=$(pennyroute keys create …)` works. Once a key exists
    every call needs one.
    """

    async def work(store: "Store") -> "tuple[ApiKey, str, bool]":
        from router.access.keys import KeyRing, Scope
        from router.access.tie import Tie

        ring = KeyRing(store)
        first = not await ring.all()
        tie = Tie(team=team, feature=feature, routes=tuple(dict.fromkeys(route or ())))
        return *(await ring.create(name, (Scope(scope),), account, tie)), first

    where = Where(config, data_dir)
    settings = where.settings()  # before there is a key to lose
    _check_routes(route or [], settings)
    server = settings.server
    key, secret, first = with_store(where, work)
    from router.address import url_of
    from router.cli.output import plain, to_person

    person = to_person()
    tied = f", {plain(_tied(key))}" if _tied(key) else ""
    person.print(
        f"key {key.id} ({plain(key.name)}): scope {scope}, account {key.account}{tied}",
        style="bold",
        soft_wrap=True,
    )
    print(secret, flush=True)  # noqa: T201 - the answer itself
    person.print("This is the only time it is shown. Keep it, and send it with every call:", soft_wrap=True)
    address = url_of(server.host, server.port) if server.port else "http://127.0.0.1:PORT"
    person.print(
        # The key itself is not repeated: what catches standard output is to be the only one that has it.
        "  export PENNYROUTE_API_KEY=…\n"
        f"  curl {address}/complete -H 'Content-Type: application/json' \\\n"
        '    -H "Authorization: Bearer $PENNYROUTE_API_KEY" -d \'{"query": "Hello"}\'',
        soft_wrap=True,
    )
    if first:
        person.print("It is the first key: from now on every call needs one.", style="yellow", soft_wrap=True)


@example("pennyroute keys list", "pennyroute keys list --format json")
def list_(
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """List all keys, revoked ones too; never their text."""

    async def work(store: "Store") -> "list[ApiKey]":
        from router.access.keys import KeyRing

        return sorted((await KeyRing(store).all()).values(), key=lambda key: (key.created_at_ms, key.id))

    keys = with_store(Where(config, data_dir), work)
    from router.cli.output import Column, print_json, print_table, to_person

    if format_ is Format.JSON:
        print_json([_shown(key) for key in keys])
    elif keys:
        columns = (
            Column("id", whole=True),
            Column("name"),
            Column("scopes"),
            Column("account"),
            Column("tied to"),
            Column("created", whole=True),
            Column("revoked", whole=True),
        )
        rows = [
            (
                key.id,
                key.name,
                ", ".join(key.scopes),
                key.account,
                _tied(key),
                _minute(key.created_at_ms),
                "no" if key.revoked_at_ms is None else _minute(key.revoked_at_ms),
            )
            for key in keys
        ]
        print_table(columns, rows)
    else:
        to_person().print(
            "There are no keys: on loopback any bearer is accepted. Make one: pennyroute keys create NAME",
            soft_wrap=True,
        )


@example("pennyroute keys revoke key_0123456789ab")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `keys list` shows it.")],
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """End a key.

    That is in force in every worker before its next decision. Revoking the last key opens nothing: every
    call still needs one.
    """

    async def work(store: "Store") -> "ApiKey":
        from router.access.keys import KeyRing

        return await KeyRing(store).revoke(key_id)

    key = with_store(Where(config, data_dir), work)
    from router.cli.output import for_programs, plain

    ended = "" if key.revoked_at_ms is None else f" (revoked {_minute(key.revoked_at_ms)})"
    for_programs().print(f"key {key.id} ({plain(key.name)}) is good no more{ended}", soft_wrap=True)


def _check_routes(routes: list[str], settings: "Settings") -> None:
    for name in routes:
        if name not in settings.routes:
            from router.catalog import suggestion
            from router.cli.failing import CommandFailed

            raise CommandFailed(f"route {name!r} is not configured{suggestion(name, list(settings.routes))}")


def _tied(key: "ApiKey") -> str:
    """What it is tied to, in words; '' for nothing."""
    said = [f"{name} {value}" for name, value in key.tie.labels.items()]
    return ", ".join([*said, *(f"route {name}" for name in key.tie.routes)])


def _shown(key: "ApiKey") -> dict[str, object]:
    from router.moments import moment

    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "account": key.account,
        "team": key.tie.team or None,
        "feature": key.tie.feature or None,
        "routes": list(key.tie.routes),
        "created_at": moment(key.created_at_ms),
        "revoked_at": None if key.revoked_at_ms is None else moment(key.revoked_at_ms),
    }


def _minute(unix_ms: int) -> str:
    from router.moments import minute

    return f"{minute(unix_ms)} UTC"
