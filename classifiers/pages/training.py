"""report.html: what a training measured, as one page that needs no other, light and dark, wide or narrow."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers.apgr import Apgr, apgr
from classifiers.calibration import calibration_error
from classifiers.evaluation.contenders import baselines, large_is_best
from classifiers.evaluation.measured import Measured, measure
from classifiers.evaluation.rows import Contender, Floats, Judged
from classifiers.out_of_fold import OutOfFold
from classifiers.pages import plots
from classifiers.pages.drawing import Colour
from classifiers.pages.text import shown

REPORT: Final = "report.html"
WORST: Final = 12
MOST_CATEGORIES: Final = 200
RESAMPLES: Final = 400
_STYLE: Final = Path(__file__).parent / "training.css"
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class _Page:
    """All that the page is made from. `threshold` is the one proposed; None where nothing was."""

    found: OutOfFold
    rows: Judged
    measured: dict[str, Measured]
    manifest: Mapping[str, Any]

    @property
    def threshold(self) -> float | None:
        value: float | None = self.manifest.get("default_threshold")
        return value

    @property
    def best_single(self) -> str:
        return "large" if large_is_best(self.rows) else "small"


def write_report(path: Path, found: OutOfFold, manifest: Mapping[str, Any] | None = None) -> None:
    """Write the page. The same figures give the same bytes.

    It shows queries, so it is as confidential as the outcomes are.

    Raises:
        OSError: it cannot be written there.
    """
    path.write_text(report_page(found, manifest), encoding="utf-8")


def report_page(found: OutOfFold, manifest: Mapping[str, Any] | None = None) -> str:
    """The page as HTML; `manifest` is what training wrote of the artifact, where there is one."""
    rows = Judged(
        found.small, found.large, found.small_cost_usd, found.large_cost_usd, np.ones(len(found.small))
    )
    manifest = manifest or {}
    measured = _measured(found, rows, manifest.get("default_threshold"))
    page = _Page(found, rows, measured, manifest)
    parts = (_heading(page), _totals(page), _plots(page), _tables(page), _worst(page))
    body = "\n".join(part for piece in parts for part in piece)
    title = shown(str(manifest.get("name", "Training report")))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}: training report</title>\n"
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def _measured(found: OutOfFold, rows: Judged, threshold: float | None) -> dict[str, Measured]:
    large = found.unfamiliar | (found.difficulty >= (0.5 if threshold is None else threshold))
    routed = large.astype(np.float64)
    ours = Contender("classifier", found.raw, routed)
    others = baselines(rows, found.length, large_share=float(routed.mean()) if len(routed) else 0.0)
    drawn = measure(rows, [ours, *others], resamples=RESAMPLES, money=False)
    return {one.name: one for one in drawn}


def _heading(page: _Page) -> Iterator[str]:
    manifest, head = page.manifest, page.manifest.get("head", {})
    yield f"<h1>{shown(str(manifest.get('name', 'A classifier')))}</h1>"
    if head:
        reason = shown(str(head.get("reason", "")))
        yield f"<p>Ranks by <b>{shown(str(head.get('chosen', '')))}</b>: {reason}.</p>"
    yield (
        '<p class="soft">Every figure is out of fold: measured on rows that were not learned from, on random '
        "folds. This page quotes queries of yours; keep it as you keep them.</p>"
    )


def _totals(page: _Page) -> Iterator[str]:
    ours = page.measured["classifier"]
    worst, chance = page.measured["length"], "0.5 is chance"
    value, interval = ours.point("apgr"), ours.interval("apgr")
    below = f"{_span(interval)}; {chance}" if interval else chance
    cards = [
        ("Queries", f"{len(page.rows):,}", f"{len(set(page.found.category)):,} categories"),
        ("Always small", _score(ours.point("small")), "mean score"),
        ("Always large", _score(ours.point("large")), "mean score"),
        ("APGR", _score(value), below if value is not None else ours.reason),
        ("By length alone", _score(worst.point("apgr")), "APGR"),
        ("For 95 % of large", _share(ours.point("share_at_95pct_quality")), "is sent to large"),
    ]
    if len(page.rows):
        cards.append(("Calibration error", f"{_calibration_error(page):.3f}", "stated against found"))
    yield '<dl class="totals">'
    for title, figure, note in cards:
        yield f'<div><dt>{title}</dt><dd>{figure}</dd><dd class="below">{note}</dd></div>'
    yield "</dl>"


def _calibration_error(page: _Page) -> float:
    """As the manifest has it: rounded anew from the rows, the card could differ from the table below it."""
    stated = page.manifest.get("out_of_fold", {}).get("random")
    if stated is not None:
        return float(stated["calibration_error"])
    return calibration_error(page.found.difficulty, page.rows.gap)


def _plots(page: _Page) -> Iterator[str]:
    if len(page.rows) == 0:
        return
    found, gap = page.found, page.rows.gap
    lines = _lines(found, gap)
    yield '<div class="pair">'
    yield from _card(
        "Quality by what goes to large", plots.quality_by_share(page.rows, lines), _curve_key(page)
    )
    priced = page.rows.priced
    if priced.any():
        places = np.flatnonzero(priced)
        some = [plots.Line(one.name, one.scores[places], one.colour, one.width, one.style) for one in lines]
        note = "" if priced.all() else f" Of the {len(places):,} queries whose costs are known."
        yield from _card(
            "Quality by cost",
            plots.quality_by_cost(page.rows.take(places), some),
            _curve_key(page),
            f"What is furthest up and left is best.{note}",
        )
    yield from _card(
        "Calibration",
        plots.calibration(found.difficulty, gap),
        _key([("found, ± 2 standard errors", "dot", Colour.COPPER), ("perfect", "dashed", Colour.SOFT)]),
        "Difficulty is the expected quality lost by answering small. Ten bins of equally many queries.",
    )
    bars = [("all queries", "square faint", Colour.BLUE), ("large did better", "square", Colour.COPPER)]
    if page.threshold is not None:
        bars.append((f"proposed threshold {page.threshold:g}", "dashed", Colour.INK))
    yield from _card("Difficulties", plots.histogram(found.difficulty, gap, page.threshold), _key(bars))
    yield "</div>"


def _lines(found: OutOfFold, gap: Floats) -> list[plots.Line]:
    return [
        plots.Line("oracle", gap, Colour.GREEN),
        plots.Line("random", np.zeros(len(gap)), Colour.SOFT, style="--"),
        plots.Line("length", found.length, Colour.BLUE),
        plots.Line("classifier", found.raw, Colour.COPPER, width=2.4),
    ]


def _curve_key(page: _Page) -> str:
    return _key(
        [
            ("this classifier", "", Colour.COPPER),
            ("length", "", Colour.BLUE),
            ("random", "dashed", Colour.SOFT),
            ("oracle", "", Colour.GREEN),
            ("always small", "dot", Colour.BLUE),
            ("always large", "square", Colour.BLUE),
            (f"best single model ({page.best_single})", "ring", Colour.INK),
        ]
    )


def _key(entries: Sequence[tuple[str, str, Colour]]) -> str:
    filled = ("dot", "square", "square faint")
    items = (
        f'<li><i class="{shape}" style="{"background" if shape in filled else "border-color"}: '
        f'var(--{colour.name.lower()})"></i>{name}</li>'
        for name, shape, colour in entries
    )
    return f'<ul class="key">{"".join(items)}</ul>'


def _card(title: str, drawing: str, key: str, note: str = "") -> Iterator[str]:
    yield f'<section class="card"><h2>{title}</h2>'
    yield drawing
    yield key
    if note:
        yield f'<p class="soft">{note}</p>'
    yield "</section>"


def _tables(page: _Page) -> Iterator[str]:
    yield from _folds(page)
    yield from _routing(page)
    yield from _categories(page)


def _folds(page: _Page) -> Iterator[str]:
    folds = page.manifest.get("out_of_fold", {})
    if not folds:
        return
    table = _Table(("folds", "APGR", "length alone", "calibration error"))
    yield '<section class="card"><h2>Kinds of folds</h2>'
    yield table.opened()
    for kind, figures in folds.items():
        ours, length = figures["chosen"], figures["length_alone"]
        error = f"{figures['calibration_error']:.3f}"
        yield table.named(shown(kind), _give_or_take(ours), _give_or_take(length), error)
    yield (
        f'{_CLOSED}<p class="soft">Random: for traffic that stays alike. Grouped: whole categories were kept '
        "apart, for new kinds of query. Leave one file out: what the other files say of it.</p></section>"
    )


def _give_or_take(figure: Mapping[str, Any]) -> str:
    if figure["apgr"] is None:
        return "none"
    return f"{figure['apgr']:.3f} ± {figure['standard_error']:.3f}"


def _routing(page: _Page) -> Iterator[str]:
    if page.threshold is None or not len(page.rows):
        return
    names = {
        "classifier": "this classifier",
        "random": "random",
        "length": "length",
        "always_small": "always small",
        "always_large": "always large",
        "best_single": f"best single ({page.best_single})",
        "oracle": "oracle",
    }
    table = _Table(
        ("", "to large", "quality", "of large", "false cheap", "unnecessary large", "USD per 1,000")
    )
    yield f'<section class="card"><h2>Routed at the proposed threshold {page.threshold:g}</h2>'
    yield table.opened()
    for key, name in names.items():
        one = page.measured[key]
        cost = one.point("cost_per_1k_usd")
        cells = (
            _share(one.point("large_share")),
            _score(one.point("quality")),
            _share(one.point("quality_of_large")),
            _share(one.point("false_cheap_rate")),
            _share(one.point("unnecessary_large_rate")),
            "unknown" if cost is None else f"{cost:.4g}",
        )
        yield table.named(name, *cells)
    yield (
        f'{_CLOSED}<p class="soft">False cheap: small answered though large would have been better. '
        "Unnecessary large: large answered though small does as well. Both as shares of all queries. "
        "Random and length send as much to large as this classifier.</p></section>"
    )


def _categories(page: _Page) -> Iterator[str]:
    category = np.array(page.found.category, dtype=object)
    names, counts = np.unique(category.astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    table = _Table(("category", "queries", "small", "large", "gap", "APGR"))
    yield f'<section class="card"><h2>By category</h2>{table.opened()}'
    for at in order[:MOST_CATEGORIES]:
        mask = category == names[at]
        small, large = page.rows.small[mask], page.rows.large[mask]
        found = apgr(page.found.raw[mask], small, large)
        name = shown(str(names[at])) or "(none)"
        scores = (_score(float(small.mean())), _score(float(large.mean())))
        gap = f"{float(large.mean() - small.mean()):+.3f}"
        yield table.named(name, f"{counts[at]:,}", *scores, gap, _apgr_or_why(found))
    yield _CLOSED
    if len(names) > MOST_CATEGORIES:
        yield f'<p class="soft">… and {len(names) - MOST_CATEGORIES:,} smaller categories.</p>'
    yield "</section>"


def _apgr_or_why(found: Apgr) -> str:
    if found.value is None or found.standard_error is None:
        return '<span class="why">none: large is no better</span>'
    return f"{found.value:.2f} ± {found.standard_error:.2f}"


def _worst(page: _Page) -> Iterator[str]:
    difficulty, gap = page.found.difficulty, page.rows.gap
    lost, same = np.flatnonzero(gap > 0), np.flatnonzero(gap <= 0)
    cheap = lost[np.lexsort((lost, -gap[lost], difficulty[lost]))][:WORST]
    large = same[np.lexsort((same, gap[same], -difficulty[same]))][:WORST]
    yield '<section class="card"><h2>What it gets most wrong</h2>'
    yield "<h3>Called easy, and the small model failed</h3>"
    yield from _queries(page, cheap)
    yield "<h3>Called hard, and the small model did as well</h3>"
    yield from _queries(page, large)
    yield "</section>"


def _queries(page: _Page, places: Sequence[int] | np.ndarray[Any, Any]) -> Iterator[str]:
    if len(places) == 0:
        yield '<p class="soft">None.</p>'
        return
    found = page.found
    table = _Table(("query", "difficulty", "small", "large"))
    yield table.opened()
    for at in places:
        about = " · ".join(part for part in (shown(found.category[at]), shown(found.id[at])) if part)
        cells = (f"{found.difficulty[at]:.3f}", f"{found.small[at]:.2f}", f"{found.large[at]:.2f}")
        yield table.row(f'<td class="query">{shown(found.query[at])}<small>{about}</small></td>', *cells)
    yield _CLOSED


@dataclass(frozen=True, slots=True)
class _Table:
    """A table whose cells carry their column's title, for where it is too narrow for columns."""

    titles: tuple[str, ...]

    def opened(self) -> str:
        first, *others = self.titles
        numbers = "".join(f'<th scope="col" class="number">{title}</th>' for title in others)
        head = f'<thead><tr><th scope="col">{first}</th>{numbers}</tr></thead>'
        return f'<div class="wide"><table>{head}<tbody>'

    def row(self, first: str, *cells: str) -> str:
        """`first` is the whole first cell as HTML."""
        titled = zip(self.titles[1:], cells, strict=True)
        numbers = "".join(f'<td class="number" data-label="{title}">{cell}</td>' for title, cell in titled)
        return f"<tr>{first}{numbers}</tr>"

    def named(self, name: str, *cells: str) -> str:
        return self.row(f'<th scope="row">{name}</th>', *cells)


_CLOSED: Final = "</tbody></table></div>"


def _score(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.1%}"


def _span(interval: Sequence[float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
