"""The frontier as one page that needs nothing else, light and dark, wide and narrow. Imports matplotlib."""

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from classifiers.pages.drawing import Colour, drawn
from classifiers.pages.text import shown
from policies.tuning import Estimate, Point
from router.tuning.aim import BudgetAim, FloorAim
from router.tuning.amounts import usd
from router.tuning.tuned import Tuned

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_TITLES: Final = (
    "to large",
    "quality",
    "its interval",
    "of all large",
    "USD per 1,000",
    "its interval",
    "saved of all large",
    "saved of best single",
)
_KEY: Final = (
    ("thresholds, with 95 % intervals", "", Colour.COPPER),
    ("always small", "dot", Colour.BLUE),
    ("always large", "square", Colour.BLUE),
    ("what was found", "ring", Colour.INK),
)


def page(tuned: Tuned) -> str:
    """The page as HTML; it holds figures and no queries."""
    style = (files("classifiers.pages") / "training.css").read_text(encoding="utf-8")
    parts = (_heading(tuned), _totals(tuned), _plots(tuned), _table(tuned))
    body = "\n".join(line for part in parts for line in part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{shown(tuned.rows.classifier)}: frontier</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _heading(tuned: Tuned) -> Iterator[str]:
    rows = tuned.rows
    yield f"<h1>Frontier of {shown(rows.classifier)}</h1>"
    yield f"<p>{_said(tuned)}</p>"
    left_out = f"; {rows.dropped.learned_from:,} that it learned from were left out"
    yield (
        f'<p class="soft">{len(rows.numbers):,} outcomes it did not learn from{left_out}. '
        f"{shown(rows.source)}</p>"
    )


def _said(tuned: Tuned) -> str:
    aim = tuned.aim
    if isinstance(aim, FloorAim):
        wanted = f"{aim.floor:.4g} of always-large quality, with confidence {aim.confidence:.4g}"
        if tuned.threshold is None:
            return f"Not certified: no threshold was proven to keep {wanted}."
        provisional = ", provisional: on a judge's scores" if tuned.provisional else ""
        return f"Certified{provisional}: threshold {tuned.threshold:.6g} keeps {wanted}."
    if isinstance(aim, BudgetAim):
        budget = f"{aim.monthly_usd:,.10g} USD for {aim.requests:,} requests a month"
        if tuned.threshold is None:
            return f"No threshold stays within {budget}."
        return f"Threshold {tuned.threshold:.6g} is the lowest within {budget}."
    return f"Large where it is worth it, at {aim.value_usd:,.10g} USD a good answer."


def _totals(tuned: Tuned) -> Iterator[str]:
    point, ends = tuned.point, tuned.frontier
    kept = "" if point.of_large is None else f"{point.of_large:.1%} of always large"
    cards = [
        ("To large", f"{point.large_share:.1%}", "of the queries"),
        ("Quality", f"{point.quality.value:.3f}", kept),
        ("Always small", f"{ends.always_small.quality.value:.3f}", "mean score"),
        ("Always large", f"{ends.always_large.quality.value:.3f}", "mean score"),
        ("USD per 1,000", _value(point.cost_per_1k_usd), f"on {point.priced:,} rows"),
        ("Saved", _share(point.savings), "of always large"),
    ]
    if tuned.proof is not None and tuned.proof.lower_bound is not None:
        cards.append(("Lower bound", f"{tuned.proof.lower_bound:.1%}", "of always large"))
    yield '<dl class="totals">'
    for title, figure, note in cards:
        yield f'<div><dt>{title}</dt><dd>{figure}</dd><dd class="below">{note}</dd></div>'
    yield "</dl>"


def _plots(tuned: Tuned) -> Iterator[str]:
    yield '<div class="pair">'
    yield from _card("Quality by what goes to large", _by_share(tuned))
    if tuned.point.cost_per_1k_usd is not None:
        yield from _card("Quality by cost", _by_cost(tuned), "What is furthest up and left is best.")
    yield "</div>"


def _card(title: str, drawing: str, note: str = "") -> Iterator[str]:
    yield f'<section class="card"><h2>{title}</h2>'
    yield drawing
    yield '<ul class="key">'
    for name, shape, colour in _KEY:
        paint = "background" if shape in ("dot", "square") else "border-color"
        yield f'<li><i class="{shape}" style="{paint}: var(--{colour.name.lower()})"></i>{name}</li>'
    yield "</ul>"
    if note:
        yield f'<p class="soft">{note}</p>'
    yield "</section>"


def _by_share(tuned: Tuned) -> str:
    with drawn("Mean quality by share of queries sent to large") as (axes, made):
        _draw(axes, tuned, lambda point: point.large_share)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("sent to large")
        axes.set_ylabel("mean quality")
    return made[0]


def _by_cost(tuned: Tuned) -> str:
    with drawn("Mean quality by cost") as (axes, made):
        _draw(axes, tuned, _usd)
        axes.set_xlabel("USD per 1,000 queries")
        axes.set_ylabel("mean quality")
    return made[0]


def _usd(point: Point) -> float:
    return point.cost_per_1k_usd.value if point.cost_per_1k_usd else float("nan")


def _draw(axes: Axes, tuned: Tuned, across: Callable[[Point], float]) -> None:
    """Along x whatever `across` says of a point."""
    found = tuned.frontier
    points = [*found.points]
    at = [across(point) for point in points]
    quality = [point.quality for point in points]
    axes.plot(at, [one.value for one in quality], color=Colour.COPPER, linewidth=2.4)
    axes.fill_between(
        at,
        [one.value if one.low is None else one.low for one in quality],
        [one.value if one.high is None else one.high for one in quality],
        color=Colour.COPPER,
        alpha=0.15,
        linewidth=0,
    )
    for point, mark in ((found.always_small, "o"), (found.always_large, "s")):
        axes.plot([across(point)], [point.quality.value], mark, color=Colour.BLUE, markersize=7)
    axes.plot(
        [across(tuned.point)],
        [tuned.point.quality.value],
        "o",
        markersize=12,
        markerfacecolor="none",
        markeredgewidth=2,
        color=Colour.INK,
    )


def _table(tuned: Tuned) -> Iterator[str]:
    found = tuned.frontier
    rows: list[tuple[str, Point]] = [(f"{point.threshold:.6g}", point) for point in found.points]
    rows.append(("all small", found.always_small))
    if tuned.worth is not None:
        rows.append(("by worth", tuned.worth.rule.point))
    yield '<section class="card"><h2>Thresholds</h2><div class="wide"><table><thead><tr><th>threshold</th>'
    for title in _TITLES:
        yield f'<th class="number">{title}</th>'
    yield "</tr></thead><tbody>"
    for name, point in rows:
        yield f"<tr><th>{name}{' (found)' if point == tuned.point else ''}</th>"
        for title, cell in zip(_TITLES, _cells(point), strict=True):
            yield f'<td class="number" data-label="{title}">{cell}</td>'
        yield "</tr>"
    yield "</tbody></table></div>"
    yield (
        '<p class="soft">Intervals are of 95 %. Best single: the cheapest of the two models alone that is at '
        f"least as good. Money is of the {found.always_large.priced:,} rows that name both costs.</p>"
    )
    yield "</section>"


def _cells(point: Point) -> Sequence[str]:
    best = "" if point.best_single is None else f" ({point.best_single})"
    on_single = point.savings_on_best_single
    return (
        f"{point.large_share:.1%}",
        _score(point.quality.value),
        _between(point.quality, _score),
        _share(point.of_large),
        _value(point.cost_per_1k_usd),
        _between(point.cost_per_1k_usd, usd),
        _share(point.savings),
        "unknown" if on_single is None else f"{on_single:.1%}{best}",
    )


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _value(estimate: Estimate | None) -> str:
    return "unknown" if estimate is None else usd(estimate.value)


def _between(estimate: Estimate | None, written: Callable[[float], str]) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"[{written(estimate.low)}, {written(estimate.high)}]"


def _score(value: float) -> str:
    return f"{value:.3f}"
