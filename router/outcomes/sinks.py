"""Files that outcome rows are written to: JSON lines, packed or not, and Parquet. For commands only."""

import gzip
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

from router.outcomes.export import Sink

LINES: Final = (".jsonl", ".jsonl.gz")
ENDINGS: Final = (*LINES, ".parquet")
_BATCH: Final = 1_000
_AS_JSON: Final = ("messages", "tools")


class Lines:
    """JSON lines."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, row: dict[str, Any]) -> None:
        """See `Sink`."""
        self._file.write(json.dumps(row).encode() + b"\n")


class Columns:
    """Parquet: a tier's fields are columns such as `small.score`, messages and tools are JSON texts."""

    def __init__(self, path: Path) -> None:
        from router.archive.parquet import RowWriter  # noqa: PLC0415 - only who asks for Parquet waits for it

        texts = (
            "id",
            "account",
            "category",
            "messages",
            "tools",
            "classifier",
            "tier",
            "judged_by",
            "at",
            "certificate",
        )
        numbers = ("difficulty", "weight", "threshold")
        tiers = ("small", "large")
        self._writer = RowWriter(
            path,
            {
                **dict.fromkeys(texts, "text"),
                **dict.fromkeys(numbers, "real"),
                "drawn": "flag",
                **{f"{tier}.model": "text" for tier in tiers},
                **{f"{tier}.{name}": "real" for tier in tiers for name in ("score", "cost_usd")},
            },
            rows_at_once=_BATCH,
        )

    def write(self, row: dict[str, Any]) -> None:
        """See `Sink`."""
        flat = {name: value for name, value in row.items() if name not in ("small", "large", *_AS_JSON)}
        flat |= {name: json.dumps(row[name]) for name in _AS_JSON if name in row}
        for tier in ("small", "large"):
            flat |= {f"{tier}.{name}": value for name, value in row[tier].items()}
        self._writer.write(flat)

    def close(self) -> None:
        """Writes the rest and the file's end."""
        self._writer.close()


@contextmanager
def sink_to(path: Path | None) -> Iterator[Sink]:
    """Where rows go: standard output, or a file that is there only once it is whole.

    Raises:
        ValueError: a name that says no kind of file written here.
        OSError: it cannot be written.
    """
    if path is None:
        yield Lines(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    if not path.name.lower().endswith(ENDINGS):
        raise ValueError(f"{path}: outcomes are written to {', '.join(ENDINGS[:-1])} and {ENDINGS[-1]}")
    part = path.with_name(f"{path.name}.part")
    try:
        with _opened(path, part) as sink:
            yield sink
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _opened(path: Path, part: Path) -> Iterator[Sink]:
    name = path.name.lower()
    private = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # there may be prompts in it
    if name.endswith(".parquet"):
        os.close(private)
        columns = Columns(part)
        try:
            yield columns
        finally:
            columns.close()
        return
    with os.fdopen(private, "wb") as raw:
        if name.endswith(".gz"):
            with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
                yield Lines(cast("IO[bytes]", packed))
        else:
            yield Lines(raw)
