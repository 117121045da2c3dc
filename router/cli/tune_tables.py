"""How tuning is printed: the frontier as a table, then what was found, in words or as JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.text import Text

from policies import Tier
from router.cli.output import Column, for_programs, plain, print_json, print_table, tell_unused
from router.tuning.aim import BudgetAim, FloorAim, ValueAim
from router.tuning.amounts import usd

if TYPE_CHECKING:
    from policies.tuning import Estimate, Point
    from router.routes.certificate import CertificateInForce
    from router.routes.threshold import Threshold
    from router.tuning.rows import TuningRows
    from router.tuning.tuned import Tuned

_MARK = "→"
_THRESHOLD_CHARS = 8
_WIDE = 100  # columns, from which on an interval has its place beside its value
_LEGEND = (
    "Of best: of the best single model, the cheapest of the two that is at least as good.\n"
    "In brackets: 95 % intervals. Whatever the threshold, the unfamiliar goes to large."
)


def tell_rows(rows: "TuningRows") -> None:
    """What was read and is not used, to whoever sits there."""
    dropped = rows.dropped
    reasons = (
        (dropped.learned_from, "the classifier learned from them or from near-copies of them"),
        (dropped.repeated, "they stand in the files twice"),
        (dropped.scored_by_another, "they have no text and were scored by another classifier"),
        (dropped.hand_alone, "they were scored by hand and have no judge's score beside it"),
    )
    tell_unused(rows.bad_summary, rows.notes, reasons)


def print_tuned(
    tuned: "Tuned",
    certificate: "CertificateInForce | None",
    applied: "tuple[float, Threshold] | None",
    *,
    as_json: bool,
) -> None:
    """Prints it all.

    Args:
        tuned: what was found.
        certificate: what is proven, for one pair of models.
        applied: the value before, and the threshold that is in force now.
        as_json: one document, for programs.
    """
    if as_json:
        shown = tuned.as_json(certificate)
        print_json({**shown, "applied": applied[1].as_json() if applied else None})
        return
    _heading(tuned)
    _frontier(tuned)
    for_programs().print(_LEGEND, style="dim")
    for line in (*_found(tuned), *_proven(tuned, certificate), *_done(tuned, applied)):
        for_programs().print(plain(line), soft_wrap=True)


def _heading(tuned: "Tuned") -> None:
    rows, ends = tuned.rows, tuned.frontier
    unfamiliar = f", {rows.unfamiliar:,} of them unfamiliar" if rows.unfamiliar else ""
    for_programs().print(
        f"{plain(rows.classifier)}: {len(rows.numbers):,} rows it did not learn from{unfamiliar}; mean score "
        f"{ends.always_small.quality.value:.3f} for small, {ends.always_large.quality.value:.3f} for large",
        style="bold",
        soft_wrap=True,
    )


def _frontier(tuned: "Tuned") -> None:
    found = tuned.frontier
    columns = (
        Column("threshold", whole=True),
        Column("to\nlarge", right=True, whole=True),
        Column("quality\n[95 %]", right=True, whole=True),
        Column("of all\nlarge", right=True, whole=True),
        Column("USD per 1,000\n[95 %]", right=True, whole=True),
        Column("saved\nof large", right=True, whole=True),
        Column("of\nbest", right=True, whole=True),
    )
    between = " " if for_programs().width >= _WIDE else "\n"
    cells = [_row(tuned, _short(point.threshold), point, between) for point in found.points]
    cells.append(_row(tuned, "all small", found.always_small, between))
    if tuned.worth is not None:
        cells.append(_row(tuned, "by worth", tuned.worth.rule.point, between))
    priced, n = found.always_large.priced, len(tuned.rows.numbers)
    title = None
    if priced < n:
        title = f"Costs are of the {priced:,} of {n:,} rows that name both" if priced else "Costs are unknown"
    print_table(columns, cells, title=title)


def _row(tuned: "Tuned", name: str, point: "Point", between: str) -> tuple[str | Text | None, ...]:
    chosen = point is tuned.point or (tuned.threshold is not None and point.threshold == tuned.threshold)
    return (
        f"{_MARK if chosen else ' '} {name}",
        f"{point.large_share:.1%}",
        _scored(point.quality, between),
        _share(point.of_large),
        _priced(point.cost_per_1k_usd, between),
        _share(point.savings),
        _share(point.savings_on_best_single),
    )


def _found(tuned: "Tuned") -> Iterator[str]:
    if isinstance(tuned.aim, BudgetAim) and tuned.budget is not None:
        yield from _of_budget(tuned, tuned.aim)
    elif isinstance(tuned.aim, ValueAim):
        yield from _of_worth(tuned, tuned.aim)
    elif isinstance(tuned.aim, FloorAim):
        yield from _of_floor(tuned, tuned.aim)


def _of_floor(tuned: "Tuned", aim: FloorAim) -> Iterator[str]:
    proof, kept, sure = tuned.proof, _percent(aim.floor), _percent(aim.confidence)
    if proof is None:
        return
    if proof.threshold is not None and proof.lower_bound is not None:
        yield (
            f"Certified: threshold {proof.threshold:.6g} keeps at least {kept} of always-large quality, with "
            f"{sure} confidence (lower bound {proof.lower_bound:.1%}; {proof.method}, {proof.n:,} rows)."
        )
        yield from _spent(tuned.point)
        return
    yield f"Not certified: these rows do not prove, with {sure} confidence, that any threshold keeps {kept}."
    if proof.labels_needed is None:
        yield (
            "At the rates seen no number of labels would: where small answers, it falls too far behind. "
            "Lower the floor, or train a classifier that tells these queries apart better."
        )
    else:
        labels = "labels" if tuned.rows.hand is None else "hand scores"
        yield f"Not enough data: about {proof.labels_needed:,} more {labels}, at the rates seen."
    yield "Without a certificate a route with this quality floor sends everything to the large model."


def _of_budget(tuned: "Tuned", aim: BudgetAim) -> Iterator[str]:
    plan = tuned.budget
    if plan is None:
        return
    month = f"a month of {aim.requests:,} requests"
    sure = f"{_percent(aim.confidence)} sure to be at most {usd(plan.month_at_most_usd)} USD"
    if tuned.threshold is None:
        yield (
            f"Over budget: even with as much small as a threshold allows, {month} is expected to cost "
            f"{usd(plan.month_usd)} USD ({sure}); the budget is {_given(aim.monthly_usd)}."
        )
        return
    yield (
        f"Threshold {tuned.threshold} is the lowest within {_given(aim.monthly_usd)} USD: {month} is "
        f"expected to cost {usd(plan.month_usd)} USD ({sure}; a single month varies around that)."
    )
    yield from _spent(tuned.point)
    yield "This is no certificate: it proves nothing of the quality. For that, tune with --floor."


def _of_worth(tuned: "Tuned", aim: ValueAim) -> Iterator[str]:
    plan = tuned.worth
    if plan is None:
        return
    columns = (
        Column(f"at {_given(aim.value_usd)} USD a good answer"),
        Column("to\nlarge", right=True),
        Column("quality", right=True),
        Column("USD per\n1,000", right=True),
        Column("net worth, USD\nper 1,000", right=True),
    )
    each = (
        ("by worth, query by query", plan.rule),
        (f"best fixed threshold, {plan.fixed.point.threshold:g}", plan.fixed),
        ("always small", plan.always_small),
        ("always large", plan.always_large),
    )
    cells = (
        (
            name,
            f"{one.point.large_share:.1%}",
            f"{one.point.quality.value:.3f}",
            usd(one.point.cost_per_1k_usd.value) if one.point.cost_per_1k_usd else None,
            f"{one.net_usd_per_1k:,.2f}" if abs(one.net_usd_per_1k) >= 1 else usd(one.net_usd_per_1k),
        )
        for name, one in each
    )
    print_table(columns, cells, title=f"Net worth on the {plan.priced:,} rows that name both costs")
    yield "The best fixed threshold was chosen on these very rows, which flatters it a little."
    yield f"To decide so: `value_usd: {aim.value_usd:g}` for the route in the configuration."


def _spent(point: "Point") -> Iterator[str]:
    cost = point.cost_per_1k_usd
    paid = f"{usd(cost.value)} USD per 1,000 queries" if cost else "at an unknown cost"
    saved = "" if point.savings is None else f", {point.savings:.1%} less than always large"
    yield f"It sends {point.large_share:.1%} to the large model: {paid}{saved}."
    on_single = point.savings_on_best_single
    if point.best_single is Tier.SMALL and on_single is not None and on_single < 0:
        yield "The small model alone is as good on these rows, and costs less."


def _proven(tuned: "Tuned", certificate: "CertificateInForce | None") -> Iterator[str]:
    if tuned.proof is not None and tuned.rows.hand is not None:
        yield (
            f"Corrected by {tuned.rows.hand.count:,} rows scored by hand; the table shows the judge's scores "
            "as they are."
        )
    if not tuned.certified:
        return
    if tuned.provisional:
        yield (
            "Provisional: it rests on a judge's scores, which may be biased by more than the floor leaves "
            "room for. Score a random sample by hand and give it with --hand."
        )
    if certificate is None:
        yield "No certificate is made out: the outcomes are of several pairs of models, and it holds for one."
    else:
        yield f"Certificate {certificate.id}, for {certificate.small} and {certificate.large}."


def _done(tuned: "Tuned", applied: "tuple[float, Threshold] | None") -> Iterator[str]:
    if applied is not None:
        before, now = applied
        yield f"In force now: {now.route}: {before:g} → {now.value:g} (version {now.version})"
        yield f"Undo with pennyroute threshold rollback {now.route}"
    elif tuned.threshold is not None:
        yield "Nothing was changed. The same with --route ROUTE --apply puts it in force."


def _scored(estimate: "Estimate", between: str) -> Text:
    if estimate.low is None or estimate.high is None:
        return Text(f"{estimate.value:.3f}")
    return Text(f"{estimate.value:.3f}{between}[{estimate.low:.3f}, {estimate.high:.3f}]")


def _priced(estimate: "Estimate | None", between: str) -> Text | None:
    if estimate is None:
        return None
    if estimate.low is None or estimate.high is None:
        return Text(usd(estimate.value))
    return Text(f"{usd(estimate.value)}{between}[{usd(estimate.low)}, {usd(estimate.high)}]")


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _percent(value: float) -> str:
    return f"{100 * value:.4g} %"


def _short(threshold: float | None) -> str:
    if threshold is None:
        return ""
    four = f"{threshold:.4g}"
    return four if len(four) <= _THRESHOLD_CHARS else f"{threshold:.3g}"


def _given(usd: float) -> str:
    return f"{usd:,.10g}"
