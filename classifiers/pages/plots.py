"""What a training measured, drawn: quality by what goes to large and by cost, calibration, difficulties."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from classifiers.evaluation.curves import Curves, Ranked
from classifiers.evaluation.rows import Floats, Judged
from classifiers.pages.drawing import Colour, drawn

_BINS: Final = 10
_BARS: Final = 40
_MOST_POINTS: Final = 400


@dataclass(frozen=True, slots=True)
class Line:
    """One ranking in a plot."""

    name: str
    scores: Floats
    colour: Colour
    width: float = 1.4
    style: str = "-"


def quality_by_share(rows: Judged, lines: Sequence[Line]) -> str:
    """Mean quality (y) by share of calls to large (x)."""
    with drawn("Mean quality by share of queries sent to large") as (axes, made):
        for line in lines:
            curves = _curve(rows, line)
            _plot(axes, curves.share[0], curves.quality[0], line)
        _ends(axes, (0.0, float(rows.small.mean())), (1.0, float(rows.large.mean())))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.set_xlabel("sent to large")
        axes.set_ylabel("mean quality")
    return made[0]


def quality_by_cost(rows: Judged, lines: Sequence[Line]) -> str:
    """Mean quality (y) by mean cost in USD per 1,000 queries (x); all costs must be known."""
    with drawn("Mean quality by cost") as (axes, made):
        for line in lines:
            curves = _curve(rows, line)
            _plot(axes, 1000 * curves.cost[0], curves.quality[0], line)
        _ends(
            axes,
            (1000 * float(rows.small_cost_usd.mean()), float(rows.small.mean())),
            (1000 * float(rows.large_cost_usd.mean()), float(rows.large.mean())),
        )
        axes.set_xlabel("USD per 1,000 queries")
        axes.set_ylabel("mean quality")
    return made[0]


def calibration(difficulty: Floats, gap: Floats) -> str:
    """Found mean gap (y, with two standard errors) by stated difficulty (x), in ten bins of equal size."""
    pieces = np.array_split(np.argsort(difficulty, kind="stable"), min(_BINS, len(difficulty)))
    stated = np.array([difficulty[piece].mean() for piece in pieces])
    found = np.array([gap[piece].mean() for piece in pieces])
    error = np.array([2 * gap[piece].std() / np.sqrt(len(piece)) for piece in pieces])
    with drawn("Difficulty as stated and as found") as (axes, made):
        top = max(float(stated.max()), float((found + error).max()), 0.05)
        axes.plot([0, top], [0, top], color=Colour.SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.errorbar(
            stated,
            found,
            yerr=error,
            fmt="o",
            color=Colour.COPPER,
            markersize=5,
            elinewidth=1.2,
            capsize=0,
        )
        axes.set_xlabel("difficulty as stated")
        axes.set_ylabel("quality lost, as found")
    return made[0]


def histogram(difficulty: Floats, gap: Floats, threshold: float | None) -> str:
    """How many queries have which difficulty, how many of them lose by small; the threshold as a line."""
    top = max(float(difficulty.max()), threshold or 0.0, 0.01)
    edges = np.linspace(0.0, top, _BARS + 1)
    every = np.histogram(np.clip(difficulty, 0, top), edges)[0]
    lost = np.histogram(np.clip(difficulty[gap > 0], 0, top), edges)[0]
    with drawn("How many queries have which difficulty") as (axes, made):
        width = np.diff(edges) * 0.86
        axes.bar(edges[:-1], every, width, align="edge", color=Colour.BLUE, alpha=0.45, linewidth=0)
        axes.bar(edges[:-1], lost, width, align="edge", color=Colour.COPPER, linewidth=0)
        if threshold is not None:
            axes.axvline(threshold, color=Colour.INK, linewidth=1.1, linestyle=(0, (4, 3)))
        axes.set_xlim(0.0, top)
        axes.set_xlabel("difficulty")
        axes.set_ylabel("queries")
    return made[0]


def _curve(rows: Judged, line: Line) -> Curves:
    return Curves.of(Ranked.by(line.scores, rows), rows.weight[None, :])


def _plot(axes: Axes, x: Floats, y: Floats, line: Line) -> None:
    read = np.unique(np.linspace(0, len(x) - 1, min(len(x), _MOST_POINTS)).round().astype(int))
    axes.plot(x[read], y[read], color=line.colour, linewidth=line.width, linestyle=line.style)


def _ends(axes: Axes, small: tuple[float, float], large: tuple[float, float]) -> None:
    """Always-small and always-large as points; a ring around the better of the two."""
    best = large if large[1] > small[1] else small
    axes.plot(*small, "o", color=Colour.BLUE, markersize=6, clip_on=False, zorder=5)
    axes.plot(*large, "s", color=Colour.BLUE, markersize=6, clip_on=False, zorder=5)
    axes.plot(
        *best,
        "o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=Colour.INK,
        markeredgewidth=1.2,
        clip_on=False,
        zorder=6,
    )
