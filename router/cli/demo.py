"""`pennyroute demo`: a sample workload through the service, and what it cost."""

import asyncio
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from router.address import url_of
from router.cli.attached import Where
from router.cli.failing import CommandFailed
from router.cli.options import ConfigOption, DataDirOption, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.demo.run import DemoResult

_KEY: Final = "PENNYROUTE_API_KEY"
_BY: Final = "route,tier"


@example("pennyroute demo", "pennyroute demo --url http://127.0.0.1:9000 --concurrency 32")
def demo(
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The service. Unset: http://127.0.0.1:8080, or what the configuration says; if nothing "
            "answers there, one is started for the duration.",
            show_default=False,
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Requests in flight at once.")
    ] = 8,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Send over 200 sample queries, then print the cost report.

    Legal triage, support, meeting notes and prompt variants. If the service needs a key, put one with scope
    admin into PENNYROUTE_API_KEY. With the bundled offline upstream it costs nothing; with real providers it
    costs what the report says.
    """
    with _service(url, Where(config, data_dir)) as address:
        result = _sent(address, concurrency)
        _print_result(result)
        if result.answered:
            from router.cli.demo_report import print_report

            print_report(_report(address))
    if result.failed:
        raise typer.Exit(1)


@contextmanager
def _service(url: str | None, where: Where) -> Iterator[str]:
    """The address of a service that is up: the one named, the one already here, or one started for now."""
    from router.cli.output import to_person
    from router.cli.own_service import own_service
    from router.demo.client import Connection, Unreachable

    address = url or _usual_address(where)
    try:
        with Connection(address, _key()) as connection:
            connection.check()
    except Unreachable:
        if url is not None:
            raise
    else:
        to_person().print(f"Using the service at {address}.", soft_wrap=True)
        yield address
        return
    to_person().print(
        f"Nothing answers at {address}; starting the service for as long as this takes.", soft_wrap=True
    )
    with own_service(where) as started:
        yield started
        to_person().print("Stopping the service again; its ledger stays.", soft_wrap=True)


def _usual_address(where: Where) -> str:
    server = where.settings().server
    return url_of(server.host, server.port)


def _key() -> str | None:
    return os.environ.get(_KEY) or None


def _sent(address: str, concurrency: int) -> "DemoResult":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from router.cli.output import to_person
    from router.demo.run import run_demo

    person = to_person()
    columns = (TextColumn("sending queries"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=person, disable=not person.is_terminal) as progress:
        task = progress.add_task("", total=None)
        return asyncio.run(
            run_demo(
                address,
                _key(),
                lambda done, total: progress.update(task, completed=done, total=total),
                concurrency,
            )
        )


def _print_result(result: "DemoResult") -> None:
    from router.cli.output import for_programs, plain

    out = for_programs()
    share = f", {result.to_large / result.answered:.0%} of them by the large model" if result.answered else ""
    out.print(f"{result.sent} queries sent, {result.answered} answered{share}", style="bold", soft_wrap=True)
    if result.missing_routes:
        out.print(
            f"Not configured, so sent through `default`: {plain(', '.join(result.missing_routes))}",
            soft_wrap=True,
        )
    for said, count in result.failures.items():
        out.print(f"{count} failed: {plain(said)}", style="red", soft_wrap=True)
    if any("key" in said.lower() for said in result.failures):
        out.print(f"A key with scope admin goes into {_KEY}.", soft_wrap=True)


def _report(address: str) -> dict[str, Any]:
    from router.demo.client import Connection

    with Connection(address, _key()) as connection:
        reply = connection.get(f"/v1/reports/routes?by={urllib.parse.quote(_BY)}")
    if reply.status != 200:
        raise CommandFailed(f"no report: {reply.error_message}")
    return reply.body
