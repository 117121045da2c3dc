"""A progress bar for work that takes a while: on a terminal only, on standard error, gone when it is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from router.cli.output import to_person


@contextmanager
def told(first: str) -> Iterator[Callable[[str, float], None]]:
    """What to call with the step that begins and the share of all that is done (0 to 1)."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    person = to_person()
    columns = (TextColumn("{task.description:<18}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(
        *columns, TimeElapsedColumn(), console=person, transient=True, disable=not person.is_terminal
    ) as progress:
        task = progress.add_task(first, total=1.0)
        yield lambda step, share: progress.update(task, description=step, completed=share)
