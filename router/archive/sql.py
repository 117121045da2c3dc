"""The door to DuckDB: one question over Parquet files, in memory, with nothing fetched from anywhere."""

from collections.abc import Mapping
from typing import Any, Final

import duckdb

_CONFIG: Final[Mapping[str, Any]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 2,
    "memory_limit": "1GB",
}


def ask(question: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows that answer a question; a sum of 64-bit numbers is a whole number of any size.

    Raises:
        OSError: a file cannot be read, or is no Parquet.
    """
    try:
        with duckdb.connect(config=dict(_CONFIG)) as connection:
            return connection.execute(question, dict(parameters)).fetchall()
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as error:
        raise OSError(str(error)[:300]) from error
