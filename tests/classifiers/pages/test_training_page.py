"""report.html: whole, harmless, the same each time, and drawn for whatever was measured."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from classifiers.out_of_fold import OutOfFold
from classifiers.pages.text import shown
from classifiers.pages.training import WORST, report_page, write_report
from classifiers.train import TrainingReport

_VOID = {"meta", "path", "use", "br", "circle", "rect"}


def made(n: int, *, priced: bool = True) -> OutOfFold:
    """Rows of which the harder half is better answered by large."""
    draw = np.random.default_rng(n)
    raw = draw.random(n)
    large = np.ones(n)
    small = (draw.random(n) > raw).astype(np.float64)
    cost = np.full(n, 0.001 if priced else np.nan)
    return OutOfFold(
        difficulty=raw * 0.4,
        unfamiliar=np.zeros(n, dtype=np.bool_),
        raw=raw,
        small=small,
        large=large,
        small_cost_usd=cost,
        large_cost_usd=cost * 20,
        length=draw.integers(1, 400, n).astype(np.float64),
        category=[("tea", "ink")[at % 2] for at in range(n)],
        source=["made"] * n,
        id=[f"row-{at}" for at in range(n)],
        query=[f"question {at}" for at in range(n)],
    )


class _Tags(HTMLParser):
    """Which elements are open, and every attribute that would load something."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.seen: set[str] = set()
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#"):
                self.loads.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.loads.append(f"{tag} {name}")
            if name == "id":
                self.ids.append(value or "")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open.pop() == tag


def checked(page: str) -> _Tags:
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.loads == []
    assert not tags.seen & {"script", "img", "iframe", "link", "object", "form", "base"}
    assert len(set(tags.ids)) == len(tags.ids)
    return tags


def test_the_page_of_a_training_is_whole_and_loads_nothing(trained: TrainingReport, tmp_path: Path):
    write_report(tmp_path / "report.html", trained.out_of_fold, trained.manifest)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    checked(page)
    assert trained.manifest["name"] in page
    assert page.count("<svg ") == 3  # not every cost is known
    assert "http" not in re.sub(r"http://www\.w3\.org/[\w/]+", "", page).replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page
    assert f"Routed at the proposed threshold {trained.manifest['default_threshold']:g}" in page


def test_where_costs_are_known_they_are_drawn_too():
    whole = report_page(made(200))
    checked(whole)
    assert whole.count("<svg ") == 4
    assert "USD per 1,000 queries" in whole
    found = made(200)
    found.large_cost_usd[:50] = np.nan
    assert "Of the 150 queries whose costs are known." in report_page(found)


def test_drawings_have_no_colour_of_their_own():
    for drawing in re.findall(r"<svg .*?</svg>", report_page(made(200)), re.DOTALL):
        assert not re.findall(r"#[0-9a-fA-F]{6}\b", drawing)
        assert "var(--copper)" in drawing
        assert "DejaVu" not in drawing


def test_the_same_figures_give_the_same_bytes():
    assert report_page(made(120)) == report_page(made(120))


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_few_rows_make_a_page_as_well(count: int):
    page = report_page(made(count))
    checked(page)
    assert page.count("<svg ") == (4 if count else 0)


def test_rows_that_are_all_alike_make_a_page():
    found = made(60)
    same = np.full(60, 0.2)
    checked(report_page(replace(found, raw=same, difficulty=same, small=np.ones(60), length=same)))


def test_what_others_wrote_is_no_markup_and_nothing_in_it_is_invisible():
    evil = '<script>alert("x")</script>\n\t\x1b[31m\u202eabc\u200b\ud800 & </td></table>'
    found = made(80)
    page = report_page(
        replace(found, query=[evil] * 80, category=[evil] * 80, id=[evil] * 80),
        {"name": "<img src=x onerror=1>"},
    )
    checked(page)
    page.encode("utf-8")
    assert "<script" not in page
    assert (
        "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;<b>⏎</b> <b>⇥</b> \ufffd[31m\ufffdabc\ufffd\ufffd"
        in page
    )
    assert shown("a\r\nb") == "a<b>⏎</b> b"


def test_the_worst_are_those_called_easy_that_small_failed_and_those_called_hard_that_it_did_not():
    found = made(300)
    page = report_page(found)
    easy, hard = page.split("Called easy, and the small model failed")[1].split("Called hard")
    lost = np.flatnonzero(found.small < found.large)
    kept = np.flatnonzero(found.small >= found.large)
    first = lost[np.argsort(found.difficulty[lost])][:WORST]
    last = kept[np.argsort(-found.difficulty[kept])][:WORST]
    assert re.findall(r"question (\d+)<", easy) == [str(at) for at in first]
    assert re.findall(r"question (\d+)<", hard) == [str(at) for at in last]


def test_a_category_where_large_is_no_better_says_so():
    found = made(100)
    even = np.array([name == "tea" for name in found.category])
    found.small[even] = 1.0
    page = report_page(found)
    assert page.count("none: large is no better") == 1
