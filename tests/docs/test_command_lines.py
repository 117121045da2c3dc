"""Every `pennyroute …` and `make …` in the documentation is a command that exists and takes what it is given."""

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import typer

from router.cli.main import application
from tests.docs.pages import ROOT, page, pages, shell_lines

COMMAND = re.compile(
    r"^(?:\$ )?(?:.*\$\()?(?:\w+=\S+ )*(?:docker compose run --rm \S+ |(?:\.venv/bin/)?pennyroute )(.*)$"
)
ENDS = re.compile(r"\s(?:[|<>]|&&|;)\s?.*$|\)$")
MAKE = re.compile(r"^(?:\$ )?make ([a-z][a-z-]*)")


def commands(lines: Iterable[str]) -> Iterator[str]:
    """What follows `pennyroute` in each line that runs it."""
    for line in lines:
        match = COMMAND.match(re.split(r" {2,}", line.strip())[0])
        if match:
            yield ENDS.sub("", " " + match[1]).strip()


def in_blocks() -> dict[str, str]:
    """Whole command lines, from blocks of code → the page they are on."""
    return {
        found: one.name for one in pages() for block in one.blocks() for found in commands(shell_lines(block))
    }


def in_sentences() -> dict[str, str]:
    """Commands as sentences name them, perhaps without what they take → the page."""
    return {found: one.name for one in pages() for found in commands(one.inline_code())}


def words_of(line: str) -> list[str]:
    return shlex.split(re.sub(r"\[|\]|…", "", line))


def parse(line: str) -> None:
    """Parses a command line as the program would, without running it.

    Raises:
        typer.TyperException: it is not one.
    """
    words = words_of(line)
    command: Any = typer.main.get_command(application())
    context = command.make_context("pennyroute", words)
    while hasattr(context.command, "resolve_command"):
        rest = [*context._protected_args, *context.args]
        name, command, words = context.command.resolve_command(context, rest)
        context = command.make_context(name, words, parent=context)


def unknown_in(line: str) -> list[str]:
    """The commands and options that a line names and that do not exist."""
    command: Any = typer.main.get_command(application())
    words = words_of(line)
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return words[:1]
        command = command.commands[words.pop(0)]
    options = {option for parameter in command.params for option in parameter.opts}
    return [
        word
        for word in words
        if word.startswith("-") and word.partition("=")[0] not in options | {"--help", "-h"}
    ]


def named(found: dict[str, str]) -> list[Any]:
    return [pytest.param(line, id=f"{where}: {line}") for line, where in found.items()]


@pytest.mark.parametrize("line", named(in_blocks()))
def test_each_command_line_is_one_the_program_takes(line: str):
    parse(line)


@pytest.mark.parametrize("line", named(in_sentences()))
def test_each_command_in_a_sentence_exists(line: str):
    assert unknown_in(line) == []


def test_a_command_that_does_not_exist_would_be_found():
    with pytest.raises(typer.TyperException):
        parse("keys mint someone")
    with pytest.raises(typer.TyperException):
        parse("keys create someone --colour red")
    assert unknown_in("keys mint someone") == ["mint"]
    assert unknown_in("keys create --colour") == ["--colour"]


def test_there_are_commands_to_check():
    assert len(in_blocks()) >= 10
    assert len(in_sentences()) >= 10


def test_each_make_target_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named_targets: set[str] = set()
    for one in pages():
        code = [*(line for block in one.blocks() for line in shell_lines(block)), *one.inline_code()]
        found = {match for line in code for match in MAKE.findall(re.split(r" {2,}", line)[0])}
        assert found <= targets, one.name
        named_targets |= found
    assert {"run", "test"} <= named_targets


def test_help_lists_what_the_makefile_has():
    targets = set(re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    described = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert targets - described <= {"format-check"}
    assert page("CONTRIBUTING.md")
