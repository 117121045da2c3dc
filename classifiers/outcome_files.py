"""Files of outcomes as streams of rows, each with its number and as a JSON line: JSON lines and CSV.

Parquet is read beside this, in a file of its own, because its library is only for that.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal, cast

from classifiers.errors import OutcomeError, RowError
from classifiers.json_line import parsed
from classifiers.outcome_columns import KNOWN, NUMBERS, lacking, line_of, nested

MAX_LINE_BYTES: Final = 16 << 20
LINE_ENDINGS: Final = (".jsonl", ".jsonl.gz")
CSV_ENDINGS: Final = (".csv", ".csv.gz")
PARQUET_ENDING: Final = ".parquet"
ENDINGS: Final = (*LINE_ENDINGS, PARQUET_ENDING, *CSV_ENDINGS)
_BROKEN: Final = (OSError, EOFError, zlib.error)
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """One row as it was read: its object and JSON line, or in their place why it has none."""

    number: int
    row: Any = None
    line: bytes = b""
    fault: str = ""


def found_in(path: Path) -> Iterator[Found]:
    """Each row of the file; blank lines are passed over, but counted.

    Raises:
        OutcomeError: it cannot be read, or is no such file.
    """
    name = path.name.lower()
    if path.is_dir():
        raise OutcomeError(f"{path}: cannot be read (it is a directory; name the files in it)")
    if name.endswith(LINE_ENDINGS):
        yield from _guarded(path, _json_lines)
    elif name.endswith(CSV_ENDINGS):
        yield from _guarded(path, _csv_rows)
    elif name.endswith(PARQUET_ENDING):
        from classifiers.outcome_parquet import found_in_parquet  # noqa: PLC0415 - see the module's docstring

        yield from found_in_parquet(path)
    else:
        raise OutcomeError(f"{path}: outcomes are read from {', '.join(ENDINGS[:-1])} and {ENDINGS[-1]}")


def unit_of(path: Path) -> Literal["line", "row"]:
    """What its rows are counted in."""
    return "row" if path.name.lower().endswith(PARQUET_ENDING) else "line"


def source_of(path: Path) -> str:
    """The file's name without its endings."""
    ending = next(
        (end for end in sorted(ENDINGS, key=len, reverse=True) if path.name.lower().endswith(end)), ""
    )
    return path.name[: len(path.name) - len(ending)]


def lines_of(path: Path) -> Iterator[bytes]:
    """Each line, of one that is too long only so much that it is seen to be.

    Raises:
        OutcomeError: it cannot be read.
    """
    try:
        with unpacked(path) as file:
            yield from iter(lambda: _whole_line(file), b"")
    except _BROKEN as error:
        why = getattr(error, "strerror", None) or error  # without the number and the path once more
        raise OutcomeError(f"{path}: cannot be read ({why})") from error


def unpacked(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where its name ends in .gz."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def _guarded(path: Path, rows: Any) -> Iterator[Found]:
    """The rows, and an error where there is not one: an empty file is a mistake somewhere before."""
    empty = True
    for found in rows(path):
        empty = False
        yield found
    if empty:
        raise OutcomeError(f"{path}: holds no rows")


def _whole_line(file: IO[bytes]) -> bytes:
    """The next line; of one that is too long only so much that it is seen to be, the rest passed over."""
    line = file.readline(MAX_LINE_BYTES + 1)
    rest = line
    while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
        rest = file.readline(MAX_LINE_BYTES + 1)
    return line


def _json_lines(path: Path) -> Iterator[Found]:
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            yield Found(number, fault=f"longer than {MAX_LINE_BYTES} bytes")
            continue
        try:
            yield Found(number, parsed(line), line)
        except RowError as error:
            yield Found(number, fault=str(error))


class _CsvLines:
    """Lines as text for the csv reader; `fault` says what it could not pass on as it was."""

    def __init__(self, path: Path) -> None:
        self._lines = lines_of(path)
        self._first = True
        self.fault = ""

    def __iter__(self) -> "_CsvLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if len(line) > MAX_LINE_BYTES:
            self.fault = f"longer than {MAX_LINE_BYTES} bytes"
            return "\n"
        encoding, self._first = ("utf-8-sig" if self._first else "utf-8"), False
        try:
            return line.decode(encoding)
        except UnicodeDecodeError as error:
            self.fault = f"not utf-8 text (byte {error.start + 1})"
            return line.decode(encoding, "replace")


def _csv_rows(path: Path) -> Iterator[Found]:
    csv.field_size_limit(MAX_LINE_BYTES)  # the process's, 128 KiB unless set: a prompt may be longer
    lines = _CsvLines(path)
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        number, lines.fault = reader.line_num + 1, ""
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if header is None:
                raise OutcomeError(f"{path}: its first line is no header of columns ({error})") from error
            yield Found(number, fault=lines.fault or f"not CSV ({error})")
            continue
        if cells is None:
            return
        if header is None:
            header = _header(path, cells)
        elif lines.fault:
            yield Found(number, fault=lines.fault)
        elif cells:
            yield _csv_row(number, header, cells)


def _header(path: Path, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    lack = lacking(names)
    if lack:
        raise OutcomeError(
            f"{path}: {lack}; its first line should name the columns, with commas between them"
        )
    twice = next((name for name in names if name in KNOWN and names.count(name) > 1), None)
    if twice is not None:
        raise OutcomeError(f'{path}: two columns are called "{twice}"')
    return names


def _csv_row(number: int, header: list[str], cells: list[str]) -> Found:
    if len(cells) != len(header):
        return Found(number, fault=f"{len(cells)} cells, the header names {len(header)} columns")
    columns = {
        name: _cell(name, cell) for name, cell in zip(header, cells, strict=True) if cell and name in KNOWN
    }
    try:
        row = nested(columns)
    except RowError as error:
        return Found(number, fault=str(error))
    return Found(number, row, line_of(row))


def _cell(name: str, cell: str) -> Any:
    """A cell of a column of numbers as one; what is none stays the text, to be refused by its name."""
    text = cell.strip()
    return float(text) if name in NUMBERS and _NUMBER.fullmatch(text) else cell
