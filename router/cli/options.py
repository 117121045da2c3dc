"""Options that several commands take, described once; and examples, kept beside the command they show."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Format(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


def _data_dir(text: str | Path) -> Path:  # the default comes as the path it is
    if not str(text).strip():
        raise typer.BadParameter("--data-dir is empty; name a directory, or leave it out for .pennyroute")
    return Path(text)


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration. Unset: `pennyroute.yaml` in the working directory, if there is one.",
        show_default=False,
    ),
]
DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="PENNYROUTE_DATA_DIR",
        parser=_data_dir,
        help="Where the embedded store keeps its data; not used with REDIS_URL.",
    ),
]
ArchiveOption = Annotated[
    Path | None,
    typer.Option(
        "--archive",
        metavar="DIR",
        help="Where the entries are that left the store. Unset: `ledger.archive_dir`, else where they were "
        "exported to.",
        show_default=False,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print it.")]
OutcomesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="OUTCOMES…",
        help="Files (.jsonl, .parquet, .csv; .gz) of queries with the score of a small and a large model.",
    ),
]
RouteArgument = Annotated[str, typer.Argument(metavar="ROUTE", help="A configured route, such as `default`.")]


def example(*lines: str) -> Callable[[_Command], _Command]:
    """Gives a command its examples, each a whole command line."""

    def keep(command: _Command) -> _Command:
        command.examples = lines  # type: ignore[attr-defined]
        return command

    return keep


def examples_of(command: Callable[..., Any]) -> tuple[str, ...]:
    """The examples a command was given."""
    found: tuple[str, ...] = getattr(command, "examples", ())
    return found
