"""Every command says what it does, with examples that are command lines; docs/cli.md says the same."""

import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer

from router.cli.main import application
from router.cli.reference import commands, examples, page
from tests.cli.running import ROOT, Pennyroute

ALL = dict(commands())
EXAMPLES = [(typed, line) for typed, command in ALL.items() for line in examples(command)]
HEAVY = (
    "numpy",
    "sklearn",
    "fastapi",
    "redis",
    "litellm",
    "aiohttp",
    "rich.table",
    "uvicorn",
)


def test_the_page_is_what_the_commands_say():
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == page(), "bring it up to date: python -m router.cli.reference docs"


@pytest.mark.parametrize("typed", ALL)
def test_every_command_has_a_help_text_examples_and_a_meaning_for_each_option(typed: str):
    command = ALL[typed]
    first, *_ = command.help.strip().splitlines()
    assert first.endswith(".")
    assert len(first) <= 70, "it is cut off in the list of commands"
    assert examples(command)
    assert all(parameter.help for parameter in command.params)


@pytest.mark.parametrize(("typed", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_every_example_is_a_command_line(typed: str, line: str):
    words = shlex.split(line.partition(" < ")[0].partition(" > ")[0])
    assert " ".join(words).startswith(typed)
    group: Any = typer.main.get_command(application())
    given = words[1:]
    while hasattr(group, "commands"):
        group = group.commands[given.pop(0)]
    group.make_context(typed, given)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from router.cli.main import main; main(['--help']); main(['threshold', 'set', '--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"
    assert "threshold" in ran.stdout


def test_the_version_is_printed(pennyroute: Pennyroute):
    from router import __version__

    assert pennyroute.ok("--version").out == f"pennyroute {__version__}\n"


def test_what_is_no_command_line_says_what_would_be(pennyroute: Pennyroute):
    assert "Did you mean 'keys'?" in pennyroute.refused("kes", code=2)
    assert "--frobnicate" in pennyroute.refused("report", "--frobnicate", code=2)
    nothing = pennyroute()
    assert nothing.code == 2
    assert "Commands:" in nothing.err
