"""matplotlib → SVG to stand in a page: colours are the page's own, so that one drawing fits light and dark.

Drawn without pyplot, so nothing global is left behind; the same data give the same bytes.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

WIDTH_IN: Final = 4.4
HEIGHT_IN: Final = 3.1
_FONT: Final = "DejaVu Sans"  # ships with matplotlib: the same measures on every machine
_STYLE: Final[Any] = {
    "font.family": _FONT,
    "font.size": 10,
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.solid_capstyle": "round",
}


class Colour(StrEnum):
    """Stand-ins for the variables of the style sheet; the value is what matplotlib draws with."""

    INK = "#010101"
    SOFT = "#010102"
    LINE = "#010103"
    COPPER = "#010105"
    BLUE = "#010106"
    GREEN = "#010107"


_COLOUR: Final = re.compile("|".join(colour.value for colour in Colour))
_PROLOG: Final = re.compile(r"\A.*?(?=<svg )", re.DOTALL)
_SIZE: Final = re.compile(r' (?:width|height)="[\d.]+pt"')
_METADATA: Final = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)
_GROUP_ID: Final = re.compile(r"<g id=\"[^\"]+\"")  # the same in each drawing, and nothing points at one


@contextmanager
def drawn(name: str, *, height_in: float = HEIGHT_IN) -> Iterator[tuple[Axes, list[str]]]:
    """Axes to draw on, and a list that holds the SVG once they are left; `name` is for who cannot see it."""
    made: list[str] = []
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        canvas: Any = FigureCanvasSVG(figure)
        axes = figure.subplots()
        yield axes, made
        _in_the_pages_colours(axes)
        written = io.StringIO()
        canvas.print_svg(written, metadata={"Date": None, "Creator": None})
    made.append(_for_the_page(written.getvalue(), name))


def _in_the_pages_colours(axes: Axes) -> None:
    axes.figure.patch.set_alpha(0.0)
    axes.patch.set_alpha(0.0)
    axes.tick_params(color=Colour.LINE, labelcolor=Colour.SOFT)
    axes.grid(color=Colour.LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_color(Colour.LINE)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(Colour.SOFT)


def _for_the_page(svg: str, name: str) -> str:
    """Without what only a file needs; its size is the page's to say."""
    svg = _GROUP_ID.sub("<g", _METADATA.sub("", _PROLOG.sub("", svg)))
    start, rest = svg.split(">", 1)
    start = f'{_SIZE.sub("", start)} role="img" aria-label="{name}"'
    svg = f"{start}>{rest}".replace(f"'{_FONT}'", "inherit").replace(_FONT, "inherit")
    return _COLOUR.sub(lambda match: f"var(--{Colour(match[0]).name.lower()})", svg)
