"""A ladder that does not hold together is refused with its place and what would be right."""

from pathlib import Path

import pytest

from tests.settings.writing import GOOD, check, said

LINE = "default: {small: tiny, large: big, threshold: 0.12"


def problems(folder: Path, ladder: str, *, more: str = "", line: str = LINE) -> list[str]:
    return said(check(folder, GOOD.replace(LINE, f"{line}, ladder: {ladder}{more}")))


@pytest.mark.parametrize(
    ("ladder", "expected"),
    [
        ("[{rung: refuse}]", "nothing sets this rung off"),
        ("[{rung: refuze, budget: 0.9}]", "must be"),
        ("[{rung: refuse, budget: 1.5}]", "must be at most 1"),
        ("[{rung: refuse, spike: 1}]", "must be above 1"),
        ("[{rung: refuse, budget: 0.9, tokens: 5}]", "is for shorten_output and trim_context"),
        ("[{rung: refuse, budget: 0.9, threshold: 0.5}]", "is for prefer_small"),
        ("[{rung: trim_context, budget: 0.9}]", "is missing"),
        ("[{rung: refuse, budget: 0.8}, {rung: refuse, spike: 3}]", "refuse is in this ladder twice"),
        ("[{rung: refuse, budget: 0.8}, {rung: prefer_small, spike: 3}]", "comes after refuse"),
        (
            "[{rung: prefer_small, budget: 0.8}, {rung: refuse, budget: 0.7}]",
            "refuse would begin at 0.7, before prefer_small at 0.8",
        ),
        ("[{rung: cache_only, budget: 0.8}]", "has no cache to answer from"),
        ("[{rung: refuse, budgets: 0.8}]", 'did you mean "budget"?'),
    ],
)
def test_what_is_wrong_with_a_ladder_is_said_at_its_place(tmp_path: Path, ladder: str, expected: str) -> None:
    found = problems(tmp_path, ladder)
    assert any(expected in one and "routes.default.ladder" in one for one in found), found


def test_a_good_ladder_is_taken(tmp_path: Path) -> None:
    ladder = (
        "[{rung: prefer_small, budget: 0.7, trouble: 0.5}, {rung: shorten_output, budget: 0.8, tokens: 300}, "
        "{rung: cache_only, budget: 0.9, spike: 5}, {rung: refuse, budget: 1}]"
    )
    assert problems(tmp_path, ladder, more=", cache: {ttl_s: 60}") == []


def test_a_floor_allows_only_what_lowers_no_answer_unless_it_is_best_effort(tmp_path: Path) -> None:
    floor = "default: {small: tiny, large: big, quality_floor: 0.98"
    ladder = "[{rung: prefer_small, budget: 0.7}, {rung: refuse, budget: 0.9}]"
    (problem,) = problems(tmp_path, ladder, line=floor)
    assert "below the route's quality_floor" in problem
    assert "floor: best-effort" in problem
    assert problems(tmp_path, ladder, line=floor, more=", floor: best-effort") == []
    assert problems(tmp_path, "[{rung: refuse, budget: 0.9}]", line=floor) == []
    (problem,) = problems(tmp_path, ladder, more=", floor: best-effort")
    assert "has no quality_floor" in problem
