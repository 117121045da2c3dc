"""How commands print: tables and notes for people, JSON for programs; never an escape code into a pipe."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from router.terminal import plain

__all__ = [
    "UNKNOWN",
    "Column",
    "for_programs",
    "plain",
    "print_json",
    "print_table",
    "tell_unused",
    "to_person",
]

UNKNOWN: Final = "unknown"
_PIPED_WIDTH: Final = 160


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        right: numbers are set to the right.
        whole: its cells are never broken over lines.
    """

    title: str
    right: bool = False
    whole: bool = False
    style: str | None = None


def for_programs() -> Console:
    """Standard output: what was asked for."""
    return _console(sys.stdout)


def to_person() -> Console:
    """Standard error: progress, notes and errors."""
    return _console(sys.stderr)


def tell_unused(bad: Iterable[str], notes: Iterable[str], left_out: Iterable[tuple[int, str]] = ()) -> None:
    """On standard error: rows that could not be used, what else to know, what was left out and why."""
    person = to_person()
    for row in bad:
        person.print(f"not used: {plain(row)}", style="yellow", soft_wrap=True)
    for note in notes:
        person.print(f"note: {plain(note)}", soft_wrap=True)
    for count, why in left_out:
        if count:
            person.print(f"left out {count:,} rows: {why}", style="yellow", soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    text = json.dumps(value, indent=2, ensure_ascii=(sys.stdout.encoding or "").lower() != "utf-8")
    sys.stdout.write(f"{_CONTROL_IN_JSON.sub(_escaped, text)}\n")


_CONTROL_IN_JSON: Final = re.compile(
    r"[\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def print_table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    title: str | None = None,
    last_is_total: bool = False,
) -> None:
    """A table on standard output. Cells are texts, `Text`s, or `None` for unknown."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.whole,
            overflow="fold",
            style=column.style,
        )
    cells = [[_cell(value) for value in row] for row in rows]
    for at, row in enumerate(cells):
        if last_is_total and at == len(cells) - 1:
            table.add_section()
        table.add_row(*row)
    for_programs().print(table)


def _cell(value: object) -> Text:
    if isinstance(value, Text):
        return value
    return Text(UNKNOWN, style="dim") if value is None else Text(plain(str(value)))


def _console(stream: IO[str]) -> Console:
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _PIPED_WIDTH
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
