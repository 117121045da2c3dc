"""What a command line comes to: an exit code, and for a person's mistake one clear line on stderr.

0 done · 1 refused, failed, or problems were found · 2 not a command line · 130 Ctrl-C · 141 the reader of
our output went away.
"""

import os
import sys
from collections.abc import Callable
from typing import Final

import typer

from router.errors import PennyrouteError

INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141


class CommandFailed(PennyrouteError):  # noqa: N818 - the name says what happened
    """A command was given something it cannot work with."""

    code = "command_failed"


def exit_code_of(command: Callable[[], None]) -> int:
    """Runs a command line and answers what the process should exit with."""
    try:
        code = _ran(command)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    return code


def _ran(command: Callable[[], None]) -> int:
    try:
        command()
    except typer.Exit as done:
        return done.exit_code
    except PennyrouteError as error:
        say(error.message)
        return 1
    except typer.TyperException as error:
        return _misused(error)
    return 0


def say(message: str) -> None:
    """Writes an error to stderr; one of several lines, such as a configuration's problems, as it is."""
    from router.cli.output import plain, to_person

    first, *rest = (plain(line) for line in message.splitlines() or [""])
    console = to_person()
    console.print("error:", style="bold red", end=" ")
    console.print(first, soft_wrap=True)
    for line in rest:
        console.print(f"       {line}", soft_wrap=True)


def _misused(error: typer.TyperException) -> int:
    """A command line that does not parse: what is wrong, and where to read what would be right."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return error.exit_code
    say(error.format_message().replace("Value error, ", ""))  # pydantic's prefix says nothing
    if context is not None:
        sys.stderr.write(f"       see {context.command_path} --help\n")
    return error.exit_code


def _reader_gone() -> int:
    # Python flushes stdout once more as it ends; there is nobody to read that, nor anything to complain of.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
