"""`docs/cli.md`, written from the commands themselves.

`python -m router.cli.reference docs` brings it up to date.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from router.cli.main import application

PAGE: Final = "cli.md"

_OPENING: Final = """\
# Command line

<!-- made from router/cli by `make docs`; do not edit by hand -->

Everything is done with one command, `pennyroute`. `--help` after any part of it says what follows.

- Commands that use the store take `--data-dir` (`PENNYROUTE_DATA_DIR`; default `.pennyroute`). They attach to
  the embedded store that runs there, else start it and stop it again. With `REDIS_URL`, or `store.url` in the
  configuration, they use that store.
- Only what calls models needs their keys to be set: `serve`, `demo` where it starts a service, and the checks
  of `config check` and `doctor`.
- Results go to standard output; progress, notes and errors to standard error. `--format json` writes one JSON
  document and nothing else.
- Exit codes: `0` done, `1` refused, failed or problems found, `2` not a command line, `130` Ctrl-C, `141` the
  reader of the output went away.
"""


def commands(group: Any = None, path: tuple[str, ...] = ("pennyroute",)) -> Iterator[tuple[str, Any]]:
    """Every command that does something, as it is typed: `pennyroute threshold set` and its definition."""
    found: Any = group or typer.main.get_command(application())
    for name, command in found.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def page() -> str:
    """The whole page."""
    index = "\n".join(
        f"- [`{typed}`](#{_anchor(typed)}): {_first_line(command)}" for typed, command in commands()
    )
    parts = "\n".join("\n".join(_command(typed, command)) for typed, command in commands())
    return f"{_OPENING}\n{index}\n\n{parts}"


def write_page(docs: Path) -> None:
    """Brings the page in a documentation directory up to date."""
    (docs / PAGE).write_text(page(), encoding="utf-8")


def _command(typed: str, command: Any) -> Iterator[str]:
    yield f"## `{typed}`"
    yield ""
    yield inspect.cleandoc(command.help)
    yield ""
    yield "```console"
    yield from (f"$ {line.strip()}" for line in examples(command))
    yield "```"
    yield ""
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and each.name != "help"]
    if arguments:
        yield from _table("argument", arguments)
    if options:
        yield from _table("option", options)


def examples(command: Any) -> list[str]:
    """The command lines that its help shows."""
    _, _, lines = (command.epilog or "").partition("Examples:\n")
    return [line.strip() for line in lines.splitlines()]


def _table(kind: str, parameters: list[Any]) -> Iterator[str]:
    yield f"| {kind} | default | meaning |"
    yield "|---|---|---|"
    for parameter in parameters:
        meaning = f"{_cell(parameter.help)}{_variable(parameter)}"
        yield f"| {_name(parameter)} | {_default(parameter)} | {meaning} |"
    yield ""


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    value = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or _choices(parameter)}"
    return f"`{max(parameter.opts, key=len)}{_cell(value)}`"


def _choices(parameter: Any) -> str:
    return str(parameter.display_type(typer.Context(typer.main.get_command(application()))))


def _default(parameter: Any) -> str:
    if parameter.required:
        return "**needed**"
    value = parameter.default
    if value is None or value is False or value == "" or not parameter.show_default:
        return ""
    return f"`{getattr(value, 'value', value)}`"


def _variable(parameter: Any) -> str:
    return f" Variable: `{parameter.envvar}`." if getattr(parameter, "envvar", None) else ""


def _first_line(command: Any) -> str:
    line: str = inspect.cleandoc(command.help).partition("\n")[0]
    return line


def _anchor(typed: str) -> str:
    return typed.replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    write_page(Path(sys.argv[1]))
