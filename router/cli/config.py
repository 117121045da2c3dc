"""`pennyroute config`: is the file right, and what may it say?"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.failing import CommandFailed
from router.cli.options import Format, FormatOption, example
from router.names import CONFIG_FILE

if TYPE_CHECKING:
    from router.settings import CheckedConfig, Settings


@example("pennyroute config check", "pennyroute config check staging.yaml --format json")
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="The configuration. Unset: `pennyroute.yaml` in the working directory.",
            show_default=False,
        ),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="FILE", help="The same, as other commands take it.", show_default=False
        ),
    ] = None,
) -> None:
    """Check a whole configuration.

    Shows every problem at once, with its line and what would be right. Exits with 1 when the service
    could not start with it; a warning alone exits with 0.
    """
    from router.settings import check_config

    if file is not None and config is not None and file != config:
        raise CommandFailed(f"{file} and --config {config} are two files; name one of them")
    file = file or config or CONFIG_FILE
    if file == CONFIG_FILE and not file.exists():
        raise CommandFailed(
            f"there is no {CONFIG_FILE} in this directory; name a file, or start without one: the service "
            "then looks for keys and local servers"
        )
    checked = check_config(file, os.environ)
    if format_ is Format.JSON:
        _print_json(file, checked)
    else:
        _print(file, checked)
    if checked.errors:
        raise typer.Exit(1)


@example("pennyroute config schema > pennyroute.schema.json")
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors."""
    from router.settings.schema import schema_text

    sys.stdout.write(schema_text())


def _print(file: Path, checked: "CheckedConfig") -> None:
    from rich.text import Text

    from router.cli.output import for_programs, plain
    from router.settings import Severity

    out = for_programs()
    for problem in checked.problems:
        is_error = problem.severity is Severity.ERROR
        line = Text.assemble(
            (f"{problem.file}:{problem.line}: " if problem.line else f"{problem.file}: ", "bold"),
            ("error: ", "bold red") if is_error else ("warning: ", "bold yellow"),
            (f"{problem.path}: " if problem.path else "", "cyan"),
            plain(problem.message),
        )
        out.print(line, soft_wrap=True)
        for hint in (problem.suggestion or "").splitlines():
            out.print(f"    {plain(hint)}", soft_wrap=True)
    errors, warnings = len(checked.errors), len(checked.warnings)
    if checked.settings is not None:
        said = f", {_many(warnings, 'warning')}" if warnings else ""
        out.print(f"{file} is good: {_contents(checked.settings)}{said}", style="green", soft_wrap=True)
    else:
        out.print(f"{_many(errors, 'error')}, {_many(warnings, 'warning')}", style="red", soft_wrap=True)


def _print_json(file: Path, checked: "CheckedConfig") -> None:
    from router.cli.output import print_json

    print_json(
        {
            "file": str(file),
            "ok": checked.settings is not None,
            "problems": [
                {
                    "line": problem.line,
                    "path": problem.path,
                    "severity": problem.severity,
                    "message": problem.message,
                    "suggestion": problem.suggestion,
                }
                for problem in checked.problems
            ],
        }
    )


def _contents(settings: "Settings") -> str:
    return f"{_many(len(settings.models), 'model')}, {_many(len(settings.routes), 'route')}"


def _many(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
