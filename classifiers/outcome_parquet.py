"""Outcomes from Parquet, a few hundred rows at a time. Imports pyarrow; serving never imports this file."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from pyarrow import parquet

from classifiers.errors import OutcomeError, RowError
from classifiers.outcome_columns import KNOWN, TIERS, lacking, line_of, nested
from classifiers.outcome_files import Found

_BATCH_ROWS: Final = 256
_BUFFER_BYTES: Final = 1 << 20


def found_in_parquet(path: Path) -> Iterator[Found]:
    """Each row, counted from 1.

    Raises:
        OutcomeError: not a Parquet file, damaged, without the columns it takes, or without rows.
    """
    number = 0
    try:
        # Buffered: whole column chunks are not taken into memory, however large the row groups are.
        with parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
            names = list(file.schema_arrow.names)
            lack = lacking(names)
            if lack:
                raise OutcomeError(f"{path}: {lack}")
            wanted = [name for name in dict.fromkeys(names) if name in KNOWN]
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted, use_threads=False):
                for columns in _rows(batch):
                    number += 1
                    yield _found(number, columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        first = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise OutcomeError(f"{path}: cannot be read ({first})") from error
    if number == 0:
        raise OutcomeError(f"{path}: holds no rows")


def _rows(batch: Any) -> Iterator[dict[str, Any] | RowError]:
    try:
        yield from batch.to_pylist()
    except ValueError:  # a value that Python has no type for, or a text that is not UTF-8: find the row
        for at in range(batch.num_rows):
            try:
                yield from batch.slice(at, 1).to_pylist()
            except ValueError as error:
                yield RowError(f"not text or numbers ({error})")


def _found(number: int, columns: dict[str, Any] | RowError) -> Found:
    if isinstance(columns, RowError):
        return Found(number, fault=str(columns))
    try:
        row = _plain(nested(columns))
    except RowError as error:
        return Found(number, fault=str(error))
    return Found(number, row, line_of(row))


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Decimals as the numbers they are, so that the row can be written as JSON."""
    for tier in TIERS:
        if isinstance(row[tier], dict):
            row[tier] = {name: _float(value) for name, value in row[tier].items()}
    return {name: _float(value) for name, value in row.items()}


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value
