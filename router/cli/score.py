"""`pennyroute score`: queries in, difficulties out, line by line."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from router.cli.failing import CommandFailed
from router.cli.options import example

if TYPE_CHECKING:
    from classifiers import Classifier


@example(
    "pennyroute score < queries.jsonl", "pennyroute score --classifier trained < queries.jsonl > scores.jsonl"
)
def score(
    classifier: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="An artifact that `pennyroute train --out` wrote. Unset: the shipped one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Score the queries on standard input, line by line.

    `{"id", "query"}` lines in, `{"id", "difficulty"}` lines out. A line may hold `messages` instead of
    `query`. Answers keep the order of the lines, each written as soon as its line was read. Difficulty is
    the expected quality lost by answering with the small model, 0 to 1.
    """
    from classifiers import ClassifierError
    from classifiers.score_lines import score_lines

    try:
        loaded = _classifier(classifier)
        for line in score_lines(_lines(sys.stdin.buffer), loaded):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except ClassifierError as error:
        raise CommandFailed(str(error)) from error


def _classifier(directory: Path | None) -> "Classifier":
    from classifiers import default_classifier, load_artifact

    return default_classifier() if directory is None else load_artifact(directory)


def _lines(stream: IO[bytes]) -> Iterator[str]:
    """Lines of at most what a line may be long; a longer one comes cut, and is refused for its length."""
    from classifiers.score_lines import MAX_LINE_CHARS

    if sys.stdin.isatty():
        sys.stderr.write('Reading {"id", "query"} lines from the keyboard; Ctrl-D ends them.\n')
    number = 0
    while raw := stream.readline(4 * MAX_LINE_CHARS + 2):  # UTF-8 takes up to 4 bytes a character
        number += 1
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise CommandFailed(f"line {number}: not UTF-8 text (byte {error.start + 1})") from error
