"""The `pennyroute` command, put together."""

import io
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from router import __version__
from router.cli import (
    budget,
    config,
    demo,
    doctor,
    evaluate,
    example_outcomes,
    keys,
    ledger,
    ledger_export,
    ledger_reconcile,
    ledger_reprice,
    outcomes,
    prices,
    prices_books,
    replay,
    report,
    score,
    serve,
    threshold,
    train,
    tune,
)
from router.cli.failing import exit_code_of
from router.cli.options import examples_of


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and answers its exit code."""
    command = typer.main.get_command(application())
    words = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a terminal cannot show is no reason to fail

    def run() -> None:
        # Not `command.main`, which decides on exit codes of its own.
        with command.make_context("pennyroute", words) as context:
            command.invoke(context)

    return exit_code_of(run)


def application() -> typer.Typer:
    """Every command, with its help and its examples."""
    app = _group(
        "Answer easy queries with a small model and hard ones with a large one, and count every cent."
    )
    app.callback()(_pennyroute)
    _add(app, "serve", serve.serve)
    _add(app, "demo", demo.demo)
    _add(app, "report", report.report)
    _add_groups(app)
    _add(app, "doctor", doctor.doctor)
    _add(app, "train", train.train)
    _add(app, "evaluate", evaluate.evaluate)
    _add(app, "tune", tune.tune)
    _add(app, "score", score.score)
    _add(app, "replay", replay.replay)
    return app


def _add_groups(app: typer.Typer) -> None:
    group = _group("Show and move the line between small and large.")
    _add(group, "show", threshold.show)
    _add(group, "set", threshold.set_)
    _add(group, "history", threshold.history)
    _add(group, "rollback", threshold.rollback)
    app.add_typer(group, name="threshold")

    group = _group("Make, list and revoke the keys that callers send.")
    _add(group, "create", keys.create)
    _add(group, "list", keys.list_)
    _add(group, "revoke", keys.revoke)
    app.add_typer(group, name="keys")

    group = _group("Set what calls may cost, and see what is left.")
    _add(group, "set", budget.set_)
    _add(group, "show", budget.show)
    _add(group, "list", budget.list_)
    _add(group, "remove", budget.remove)
    app.add_typer(group, name="budget")

    group = _group("Take out what answers were worth, and bring in people's scores.")
    _add(group, "list", outcomes.list_)
    _add(group, "export", outcomes.export)
    _add(group, "sample", outcomes.sample)
    _add(group, "import", outcomes.import_)
    _add(group, "example", example_outcomes.write_example)
    app.add_typer(group, name="outcomes")

    group = _group("Check what was counted.")
    _add(group, "verify", ledger.verify)
    _add(group, "export", ledger_export.export)
    _add(group, "reprice", ledger_reprice.reprice)
    _add(group, "reconcile", ledger_reconcile.reconcile)
    app.add_typer(group, name="ledger")

    group = _group("Show what models cost, what changed, and where another source disagrees.")
    _add(group, "show", prices.show)
    _add(group, "check", prices.check)
    _add(group, "books", prices_books.books)
    _add(group, "diff", prices_books.diff)
    app.add_typer(group, name="prices")

    group = _group("Check a configuration, and describe what it may say.")
    _add(group, "check", config.check)
    _add(group, "schema", config.schema)
    app.add_typer(group, name="config")


def _group(help_: str) -> typer.Typer:
    return typer.Typer(
        help=help_,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,  # plain help: faster, and nothing is cut off in a narrow window
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _add(group: typer.Typer, name: str, command: Callable[..., Any]) -> None:
    examples = "\n".join(f"  {line}" for line in examples_of(command))
    group.command(name, epilog=f"\b\nExamples:\n{examples}")(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pennyroute {__version__}")
        raise typer.Exit


def _pennyroute(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Answer easy queries with a small model and hard ones with a large one, and count every cent."""


if __name__ == "__main__":
    sys.exit(main())
