"""`pennyroute train`: outcomes in, an artifact and its measured figures out."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from router.cli.evaluate import SHIPPED_NAME
from router.cli.failing import CommandFailed
from router.cli.options import OutcomesArgument, example

if TYPE_CHECKING:
    from classifiers.train import Choice, TrainingReport


@example(
    "pennyroute train outcomes.jsonl --out trained",
    "pennyroute train outcomes.csv --out trained --holdout 0.5",
    "pennyroute train a.jsonl.gz b.parquet --out trained --select-by grouped --seed 7",
    "pennyroute train outcomes.jsonl --out trained --holdout 0.5 --replace",
)
def train(
    outcomes: OutcomesArgument,
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the artifact is written.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed and data give the same artifact.")] = 0,
    select_by: Annotated[
        Literal["random", "grouped"],
        typer.Option(
            help="What the candidates are judged on: `random` for traffic that stays alike, "
            "`grouped` for new kinds of query."
        ),
    ] = "random",
    prior: Annotated[
        str,
        typer.Option(
            metavar="shipped|none|DIR",
            help="An earlier artifact to start from, so that few rows start from something: the shipped one, "
            "none, or one that `train` wrote.",
        ),
    ] = SHIPPED_NAME,
    prior_share: Annotated[
        float,
        typer.Option(
            min=0.0, max=10.0, help="How much of a hand-set score is mixed in, in standard deviations."
        ),
    ] = 0.0,
    holdout: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, help="Share of rows not learned from, written to DIR/holdout.jsonl."),
    ] = 0.0,
    exclude: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows or ids not to learn from, one a line.", show_default=False),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="The artifact's name in decisions.")] = "trained",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Put it in the place of the artifact that is in DIR. That one's holdout.jsonl goes with it: "
            "its rows may be learned now.",
        ),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
) -> None:
    """Learn a classifier from outcomes: an artifact and a report.

    An outcome is a line `{"id", "query", "small": {"model", "score", "cost_usd"}, "large": {…}}`, scores 0 to
    1; a table has columns such as `small_score`. Every figure is out of fold: measured on rows that were not
    learned from.
    """
    from classifiers import ClassifierError
    from classifiers.train import Choice

    before = _there_before(out)
    if before is not None and not replace:
        gone = ", and its holdout.jsonl goes with it" if before.held_out else ""
        raise CommandFailed(
            f"{out}: {before.what} is there already; --replace puts the new one in its place{gone}; "
            "or choose another --out"
        )
    choice = Choice(
        seed=seed,
        select_by=select_by,
        prior=_prior(prior),
        prior_share=prior_share,
        holdout=holdout,
        exclude=exclude,
        strict=strict,
        name=name,
    )
    try:
        report = _trained(outcomes, out, choice)
    except ClassifierError as error:
        raise CommandFailed(str(error)) from error
    except OSError as error:
        raise CommandFailed(f"{out}: the artifact cannot be written ({error.strerror})") from error
    _print(report, before)


@dataclass(frozen=True, slots=True)
class _Before:
    """An earlier training's: what there is of it, in words, and whether rows that it held out are there."""

    what: str
    held_out: bool


def _there_before(out: Path) -> _Before | None:
    from classifiers.artifact import MANIFEST, WEIGHTS, load_artifact
    from classifiers.errors import ArtifactError
    from classifiers.train import HOLDOUT

    there = [name for name in (MANIFEST, WEIGHTS, HOLDOUT) if (out / name).exists()]
    if not there:
        return None
    try:
        what = f"the artifact {load_artifact(out).id}"
    except ArtifactError:  # what it is, nobody can say; that something is there is what counts
        what = f"the {there[0]} of an earlier training"
    return _Before(what, HOLDOUT in there)


def _prior(name: str) -> Path | None:
    from classifiers.default import SHIPPED

    return {SHIPPED_NAME: SHIPPED, "none": None}.get(name, Path(name))


def _trained(outcomes: list[Path], out: Path, choice: "Choice") -> "TrainingReport":
    from classifiers.train import train as learn
    from router.cli.progress import told

    with told("reading") as progress:
        report = learn(outcomes, out, choice=choice, progress=progress)
        progress("drawing the report", 0.98)
        logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache
        from classifiers.pages.training import REPORT, write_report

        write_report(out / REPORT, report.out_of_fold, report.manifest)
    return report


def _print(report: "TrainingReport", replaced: _Before | None) -> None:
    from classifiers.pages.training import REPORT
    from router.cli.output import Column, for_programs, plain, print_table, tell_unused

    out, manifest = for_programs(), report.manifest
    directory = plain(str(report.directory))
    tell_unused(report.bad_rows, report.notes)
    apart = f", {report.held_out:,} held out" if report.held_out else ""
    left_out = f", {report.excluded:,} excluded" if report.excluded else ""
    out.print(
        f"{plain(str(manifest['name']))}: learned from {report.rows:,} rows{apart}{left_out}",
        style="bold",
        soft_wrap=True,
    )
    if replaced is not None:
        gone = (
            "; its holdout.jsonl is gone, for its rows may have been learned now" if replaced.held_out else ""
        )
        out.print(
            f"Replaced {plain(replaced.what)} that was there{gone}.",
            style="yellow",
            soft_wrap=True,
        )
    out.print(f"head: {report.chosen} ({plain(report.reason)})", soft_wrap=True)
    out.print(f"prior: {plain(str(manifest['head']['prior']))}", soft_wrap=True)
    columns = (
        Column("folds"),
        Column("APGR", right=True),
        Column("length\nalone", right=True),
        Column("calibration\nerror", right=True),
        Column("to\nlarge", right=True),
        Column("quality", right=True),
        Column("all\nsmall", right=True),
        Column("all\nlarge", right=True),
    )
    threshold = manifest["default_threshold"]
    print_table(
        columns,
        (_row(kind, figures) for kind, figures in manifest["out_of_fold"].items()),
        title=f"Out of fold; routed at the proposed threshold {threshold:g}",
    )
    out.print(
        "APGR: share of the gap between all small and all large that is won, averaged over thresholds; "
        "0.5 is chance.\n"
        f"Written to {directory}. Look at it: {plain(str(report.directory / REPORT))}",
        soft_wrap=True,
    )
    for line in _next(report):
        out.print(line, soft_wrap=True)


def _next(report: "TrainingReport") -> Iterator[str]:
    """What a person would do now."""
    from classifiers.train import HOLDOUT
    from router.cli.output import plain
    from router.tuning.rows import LEAST_ROWS

    directory = plain(str(report.directory))
    if 0 < report.held_out < LEAST_ROWS:
        yield (
            f"Only {report.held_out:,} {'row is' if report.held_out == 1 else 'rows are'} held out; evaluate "
            f"and tune need at least {LEAST_ROWS}: bring more outcomes, or hold a larger share out."
        )
    elif report.held_out:
        holdout = plain(str(report.directory / HOLDOUT))
        yield f"Judge it on what it never saw: pennyroute evaluate --classifier {directory} {holdout}"
        yield f"Set a threshold with proof: pennyroute tune --classifier {directory} {holdout} --floor 0.98"
    else:
        yield (
            "Set a threshold with proof on outcomes it did not learn from (--holdout 0.5 keeps some apart): "
            f"pennyroute tune --classifier {directory} OUTCOMES --floor 0.98"
        )
    yield f"Decide with it: `classifier: {directory}` in pennyroute.yaml"


def _row(kind: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    routed = figures["at_default_threshold"]
    return (
        kind,
        _measured(figures["chosen"]),
        _measured(figures["length_alone"]),
        f"{figures['calibration_error']:.3f}",
        f"{routed['large_share']:.1%}",
        f"{routed['quality']:.3f}",
        f"{routed['always_small']:.3f}",
        f"{routed['always_large']:.3f}",
    )


def _measured(figure: Mapping[str, Any]) -> str:
    if figure["apgr"] is None:
        return "unknown"
    return f"{figure['apgr']:.3f}±{figure['standard_error']:.3f}"
