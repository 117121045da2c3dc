"""`pennyroute evaluate`: how good classifiers are on outcomes that none of them learned from."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from router.cli.failing import CommandFailed
from router.cli.options import OutcomesArgument, example

if TYPE_CHECKING:
    from classifiers.evaluation.files import Evaluation, Question

SHIPPED_NAME: Final = "shipped"
_NO_GAP: Final = "no gap"


@example(
    "pennyroute evaluate --classifier trained trained/holdout.jsonl",
    "pennyroute evaluate --classifier trained --classifier shipped holdout.parquet --by category",
    "pennyroute evaluate --classifier trained holdout.csv --json",
)
def evaluate(
    outcomes: OutcomesArgument,
    *,
    classifier: Annotated[
        list[Path],
        typer.Option(
            metavar="DIR",
            help="An artifact that `pennyroute train --out` wrote, or `shipped`. Several are compared with "
            "the first, on the same rows.",
        ),
    ],
    by: Annotated[
        Literal["category", "file", "judged_by"] | None,
        typer.Option(help="Also each group of rows on its own.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides the resamples of the intervals.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure classifiers on outcomes, beside the baselines.

    Rows that a classifier learned from, and their near-copies, are left out and counted: nothing is judged on
    its own training data. Intervals are 95 % bootstrap intervals; differences are paired.
    """
    from classifiers import ClassifierError
    from classifiers.default import SHIPPED
    from classifiers.evaluation.files import Question
    from classifiers.evaluation.files import evaluate as judge
    from router.cli.output import print_json
    from router.cli.progress import told

    directories = [SHIPPED if str(one) == SHIPPED_NAME else one for one in classifier]
    question = Question(directories, outcomes, by, seed, strict)
    try:
        with told("reading outcomes") as progress:
            found = judge(question, progress)
    except ClassifierError as error:
        raise CommandFailed(str(error)) from error
    _tell(found)
    shown = found.as_json()
    if json_:
        print_json(shown)
    else:
        _print(shown, question)


def _tell(found: "Evaluation") -> None:
    """What was read and is not judged."""
    from router.cli.output import tell_unused

    dropped = found.dropped
    reasons = (
        (dropped.learned_from, "a classifier learned from them or from near-copies of them"),
        (dropped.repeated, "they stand in the files twice"),
        (dropped.judged_by_hand_too, "the same queries were scored by hand, which counts in their place"),
        (dropped.scored_by_another, "they have no text and were scored by another classifier"),
    )
    tell_unused(found.bad_summary, found.notes, reasons)


def _print(shown: Mapping[str, Any], question: "Question") -> None:
    from router.cli.output import for_programs, plain

    out = for_programs()
    out.print(
        f"{shown['n']:,} rows that no classifier learned from; mean score {shown['small']:.3f} for small, "
        f"{shown['large']:.3f} for large",
        style="bold",
        soft_wrap=True,
    )
    for one in shown["classifiers"]:
        away = f"; {one['unfamiliar']:,} of the rows are unfamiliar to it" if one["unfamiliar"] else ""
        out.print(f"{plain(one['classifier'])} in {plain(one['directory'])}{away}", soft_wrap=True)
    named = list(_named(shown))
    _print_rankings(named, shown)
    _print_routing(named, shown)
    _print_costs(named)
    _print_differences(shown)
    if question.by:
        _print_groups(shown, question.by)
    out.print(
        "APGR: share of the gap between all small and all large that is won, averaged over all shares to "
        "large; 0.5 is chance.\n"
        "CPT 80 %: the least share to large that wins 80 % of the gap. 95 % of quality: the least that has "
        "95 % of all large's.\n"
        "AIQ gain: mean quality over all costs between the two models, above mixing them. In brackets: 95 % "
        "intervals.\n"
        "False cheap: small answered and large would have been better. Unnecessary large: small does as well."
    )


def _named(shown: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    short = _short_names(shown)
    for one in shown["classifiers"]:
        yield short[one["classifier"]], one
    for name, one in shown["baselines"].items():
        yield name.replace("_", " ") + (f" ({shown['best_single']})" if name == "best_single" else ""), one


def _short_names(shown: Mapping[str, Any]) -> dict[str, str]:
    """Ids without their hashes, which narrow tables break; whole where the names alone are the same."""
    ids = list(dict.fromkeys(one["classifier"] for one in shown["classifiers"]))
    names = [id_.partition("+")[0] for id_ in ids]
    return dict(zip(ids, names if len(set(names)) == len(names) else ids, strict=True))


_Named = Sequence[tuple[str, Mapping[str, Any]]]


def _print_rankings(named: _Named, shown: Mapping[str, Any]) -> None:
    from router.cli.output import Column, print_table

    titles = ("APGR", "CPT\n50 %", "CPT\n80 %", "CPT\n95 %", "95 % of\nquality", "AIQ\ngain")
    if shown["reason"]:
        _note(shown["reason"])
    print_table(
        (Column(""), *(Column(title, right=True) for title in titles)),
        (
            (
                name,
                _bracketed(one["apgr"], one["intervals"]["apgr"]) or _NO_GAP,
                *(_share(one[key]) or _NO_GAP for key in ("cpt50", "cpt80", "cpt95")),
                _share(one["share_at_95pct_quality"]),
                _signed(one["aiq"]["gain"]),
            )
            for name, one in named
            if one["intervals"]["share_at_95pct_quality"] is not None
        ),
        title="Ranking, at all thresholds",
    )


def _print_routing(named: _Named, shown: Mapping[str, Any]) -> None:
    from router.cli.output import Column, print_table

    titles = ("to large", "quality", "of all\nlarge", "false\ncheap", "unnecessary\nlarge", "USD per\n1,000")
    keys = ("large_share", "quality", "quality_of_large", "false_cheap_rate", "unnecessary_large_rate")
    shapes = (_share, _plain, _share, _share, _share)
    print_table(
        (Column(""), *(Column(title, right=True) for title in titles)),
        (
            (
                name,
                *(shape(one["routed"][key]["value"]) for key, shape in zip(keys, shapes, strict=True)),
                _usd(one["routed"]["cost_per_1k_usd"]["value"]),
            )
            for name, one in named
        ),
        title=f"Routed at each classifier's own threshold ({_thresholds(shown)}); random and length send as "
        "much to large as the first",
    )


def _print_costs(named: _Named) -> None:
    from router.cli.output import Column, print_table

    priced = [(name, one["cost_at_equal_quality"]) for name, one in named if "cost_at_equal_quality" in one]
    if not priced:
        return
    levels = priced[0][1]
    columns = [Column("")]
    for level in levels:
        kept = f"{level['quality_of_large']:.0%} of all large"
        columns += [Column(f"USD per 1,000,\n{kept}", right=True), Column("saved", right=True)]
    print_table(
        columns,
        (
            (
                name,
                *(
                    cell
                    for level in found
                    for cell in (
                        _usd(level["cost_per_1k_usd"]["value"]),
                        _bracketed(
                            level["saved_of_always_large"]["value"],
                            level["saved_of_always_large"]["interval"],
                        ),
                    )
                ),
            )
            for name, found in priced
        ),
        title=f"What equal quality costs, on the {levels[0]['n']:,} rows whose costs are known",
    )


def _print_differences(shown: Mapping[str, Any]) -> None:
    from router.cli.output import Column, print_table

    ranked = [one for one in shown["differences"] if one["apgr"] is not None and one["apgr"]["interval"]]
    if not ranked:
        return
    short = _short_names(shown)
    print_table(
        (
            Column("minus"),
            Column("APGR", right=True),
            Column("to large for\n95 % quality", right=True),
            Column("quality as\nrouted", right=True),
        ),
        (
            (
                short.get(one["minus"], one["minus"].replace("_", " ")),
                *(_difference(one[key]) for key in _COMPARED),
            )
            for one in ranked
        ),
        title=f"{short[shown['classifier']]} against each, on the same resamples",
    )


_COMPARED: Final = ("apgr", "share_at_95pct_quality", "quality")


def _print_groups(shown: Mapping[str, Any], by: str) -> None:
    from router.cli.output import Column, print_table

    first = _short_names(shown)[shown["classifier"]]
    print_table(
        (
            Column(by.replace("_", " ")),
            Column("rows", right=True),
            Column("small", right=True),
            Column("large", right=True),
            Column("APGR", right=True),
            Column("to large", right=True),
            Column("quality", right=True),
        ),
        (
            (
                name,
                f"{one['n']:,}",
                _plain(one["small"]),
                _plain(one["large"]),
                _bracketed(one["apgr"], one["intervals"]["apgr"]) or _NO_GAP,
                _share(one["routed"]["large_share"]["value"]),
                _plain(one["routed"]["quality"]["value"]),
            )
            for name, one in shown["by"][by].items()
        ),
        title=f"{first} by {by.replace('_', ' ')}; no gap: large is no better than small",
    )


def _note(text: str) -> None:
    from router.cli.output import for_programs

    for_programs().print(f"No APGR: {text}.", style="yellow", soft_wrap=True)


def _thresholds(shown: Mapping[str, Any]) -> str:
    return ", ".join(f"{one['threshold']:g}" for one in shown["classifiers"])


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _usd(value: float | None) -> str | None:
    return None if value is None else f"{value:.4g}"


def _signed(value: float | None) -> str | None:
    return None if value is None else f"{value:+.4f}"


def _bracketed(value: float | None, interval: Sequence[float] | None) -> str | None:
    if value is None:
        return None
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else f"{value:.3f}"


def _difference(found: Mapping[str, Any] | None) -> str | None:
    if found is None or found["value"] is None:
        return None
    interval = found["interval"]
    return f"{found['value']:+.3f}" + (f" [{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else "")
