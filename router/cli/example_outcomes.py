"""`pennyroute outcomes example`: outcomes to try things on, made up and named so."""

from pathlib import Path
from typing import Annotated

import typer

from router.cli.failing import CommandFailed
from router.cli.options import example


@example("pennyroute outcomes example outcomes.jsonl", "pennyroute outcomes example some.jsonl --rows 500")
def write_example(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write them, as JSON lines.")],
    *,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, metavar="N", help="How many.")] = 2_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same rows.")] = 0,
) -> None:
    """Write made-up outcomes, to try things before you have any.

    No model was asked. They are of the bundled offline upstream's two models, with its
    example prices, and say nothing about any model. A file that is there already is left alone.
    """
    from router.cli.output import for_programs, plain
    from router.demo.outcomes import write_example_outcomes

    if path.is_file():
        raise CommandFailed(f"{path}: is there already, and may hold outcomes of yours; choose another name")
    try:
        write_example_outcomes(path, rows=rows, seed=seed)
    except OSError as error:
        raise CommandFailed(f"{path}: cannot be written ({error.strerror})") from error
    for_programs().print(f"{rows:,} made-up outcomes written to {plain(str(path))}", soft_wrap=True)
