"""The door to pyarrow: rows into a Parquet file and out of it again. Imported by commands only, late."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

ROWS_AT_ONCE: Final = 10_000
_KINDS: Final = {
    "text": pa.string(),
    "name": pa.dictionary(pa.int32(), pa.string()),  # a text of which there are few
    "whole": pa.int64(),
    "real": pa.float64(),
    "flag": pa.bool_(),
    "moment": pa.timestamp("ms", tz="UTC"),
}


class RowWriter:
    """Writes a file that only its owner may read.

    Args:
        path: made anew.
        columns: name → `text`, `name`, `whole` (64 bits), `real`, `flag` or `moment` (Unix milliseconds).
        rows_at_once: rows held in memory, and the size of what a reader skips by.
    """

    def __init__(self, path: Path, columns: Mapping[str, str], *, rows_at_once: int = ROWS_AT_ONCE) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        self._schema = pa.schema([(name, _KINDS[kind]) for name, kind in columns.items()])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd", write_page_checksum=True)
        self._rows_at_once = rows_at_once
        self._columns: dict[str, list[Any]] = {name: [] for name in columns}
        self._held = 0

    def write(self, row: Mapping[str, Any]) -> None:
        """Takes one row; what it leaves out is null.

        Raises:
            OverflowError: a whole number beyond 64 bits.
            OSError: the file cannot be written.
        """
        for name, values in self._columns.items():
            values.append(row.get(name))
        self._held += 1
        if self._held >= self._rows_at_once:
            self._flush()

    def close(self) -> None:
        """Writes the rest and the file's end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._held:
            arrays = [
                pa.array(values, self._schema.field(name).type) for name, values in self._columns.items()
            ]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._columns = {name: [] for name in self._columns}
            self._held = 0


class Unreadable(Exception):  # noqa: N818 - the name says what the file is
    """A file that is no Parquet, or was damaged."""


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The values of these columns, row by row, some thousands of them in memory.

    Raises:
        Unreadable: a page's checksum does not fit, a column is missing, or it is no Parquet.
        OSError: the file cannot be read.
    """
    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(columns)):
                values = [batch.column(name).to_pylist() for name in columns]
                yield from zip(*values, strict=True)
    except (pa.ArrowException, KeyError) as error:
        raise Unreadable(f"{path.name}: {str(error)[:200]}") from error
