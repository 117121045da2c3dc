"""Traffic in files: outcomes and bodies of requests, decided as the service decides them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers import default_classifier
from router.access.caller import ANYBODY
from router.decision import decide
from router.errors import InvalidRequest
from router.http.chat_body import read_chat
from router.replay import replay as replaying
from router.replay.asked import Unreadable
from router.replay.deciding import Replayed
from router.replay.replay import replay
from router.replay.traffic import rows_of
from router.routes.threshold import Threshold
from tests.classifiers.outcome_rows import rows, written
from tests.http.config import EASY, HARD
from tests.replay.configured import configured, lines, replayed, results

TOOLS = [{"type": "function", "function": {"name": "look"}}]
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def only(tmp_path: Path, row: dict[str, Any], **thresholds: float) -> Replayed:
    (found,) = replayed([lines(tmp_path / "t.jsonl", [row])], configured(tmp_path, **thresholds))
    return found


def test_an_outcome_goes_where_its_difficulty_says_and_costs_and_scores_what_is_recorded(tmp_path: Path):
    some = rows(60, seed=3)
    path = written(tmp_path / "outcomes.jsonl.gz", some)
    classifier = default_classifier()
    for row, found in zip(some, replayed([path], configured(tmp_path)), strict=True):
        (now,) = found.decided
        assert found.id == row["id"]
        assert now.difficulty is not None
        assert now.tier == ("large" if now.difficulty >= 0.12 else "small")
        assert now.scored_by == classifier.id
        assert now.cost_nano == (100_000 if now.tier == "small" else None)
        assert found.sides is not None
        assert found.sides.small_score == row["small"]["score"]


def test_outcomes_in_csv_are_the_same_traffic(tmp_path: Path):
    some = rows(20, seed=4)
    table = "id,query,small_score,large_score,small_cost_usd\n" + "".join(
        f"{row['id']},{row['query']},{row['small']['score']},{row['large']['score']},0.0001\n" for row in some
    )
    (tmp_path / "outcomes.csv").write_text(table)
    here = configured(tmp_path)
    from_csv = replayed([tmp_path / "outcomes.csv"], here)
    from_lines = replayed([written(tmp_path / "outcomes.jsonl", some)], here)
    assert [one.decided for one in from_csv] == [one.decided for one in from_lines]


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=400)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), texts), min_size=1, max_size=4),
    st.sampled_from([{}, {"tools": TOOLS}]),
    st.none() | st.integers(1, 4_000),
)
def test_a_body_is_decided_as_the_service_decides_it(
    tmp_path: Path, turns: list[tuple[str, str]], tools: dict[str, Any], cap: int | None
):
    body: dict[str, Any] = {"messages": [{"role": role, "content": text} for role, text in turns]}
    body |= tools
    body |= {"max_tokens": cap} if cap else {}
    here = configured(tmp_path)
    query = read_chat(json.dumps({"model": "default", **body}).encode(), ANYBODY, {}, 0.0)
    route = here.catalog.routes["default"]
    (found,) = replayed([lines(tmp_path / "t.jsonl", [body])], here)
    (now,) = found.decided
    if now.tier is None:
        assert now.reason == "context_too_long"
        return
    served = decide("x", query, route, Threshold("default", 0.12, 1, "", 0, ""), here.classifier)
    assert (now.tier, now.reason) == (served.choice.tier, served.choice.reason)
    assert served.difficulty is not None
    assert now.difficulty == served.difficulty.value


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"query": EASY, "tools": TOOLS}, "needs_tools"),
        ({"messages": [{"role": "user", "content": [PICTURE]}]}, "needs_vision"),
        ({"query": "word " * 600}, "context_too_long"),
        ({"query": HARD, "tier": "small"}, "forced"),
        ({"query": EASY, "model": "tiny"}, "direct"),
        ({"query": EASY, "route": "floored"}, "no_certificate"),
        ({"query": EASY, "route": "worth"}, "not_worth_it"),
        ({"query": EASY, "model": "auto"}, "below_threshold"),
    ],
)
def test_every_reason_of_the_service_is_one_here(tmp_path: Path, row: dict[str, Any], reason: str):
    assert only(tmp_path, row, default=0.95).decided[0].reason == reason


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"query": "word " * 400, "route": "support"}, "context_too_long"),
        ({"query": "word " * 6_000}, "context_too_long"),
        ({"messages": [{"role": "user", "content": [PICTURE]}], "route": "text"}, "not_supported"),
        ({"query": EASY, "tools": TOOLS, "tier": "small"}, "not_supported"),
    ],
)
def test_what_the_service_would_refuse_is_refused_and_costs_nothing(
    tmp_path: Path, row: dict[str, Any], code: str
):
    (now,) = only(tmp_path, {**row, "usage": {"input_tokens": 5, "output_tokens": 5}}).decided
    assert (now.tier, now.reason, now.cost_nano) == (None, code, 0)


@pytest.mark.parametrize(
    "usage", [{"input_tokens": 7, "output_tokens": 3}, {"prompt_tokens": 7, "completion_tokens": 3}]
)
def test_tokens_are_priced_to_the_nano_dollar(tmp_path: Path, usage: dict[str, int]):
    (now,) = only(tmp_path, {"query": EASY, "usage": usage}, default=0.95).decided
    assert (now.tier, now.cost_nano, now.large_nano) == ("small", 7 * 100 + 3 * 400, 7 * 2_000 + 3 * 10_000)


def test_unknown_stays_unknown(tmp_path: Path):
    usage = {"input_tokens": 7, "output_tokens": 3}
    assert only(tmp_path, {"query": EASY}).decided[0].cost_nano is None
    row = {"query": HARD, "route": "no-price", "tier": "large", "usage": usage}
    assert only(tmp_path, row).decided[0].cost_nano is None


def test_a_threshold_that_is_named_counts_as_if_it_were_certified(tmp_path: Path):
    row = {"query": EASY, "route": "floored"}
    assert only(tmp_path, row).decided[0].tier == "large"
    assert only(tmp_path, row, floored=0.95).decided[0].reason == "below_threshold"
    assert only(tmp_path, {**row, "route": "worth"}, worth=0.0).decided[0].reason == "at_or_above_threshold"


def test_a_row_with_a_difficulty_in_place_of_its_text_goes_by_that_and_says_whose_it_is(tmp_path: Path):
    side = {"score": 1}
    row = {"difficulty": 0.2, "classifier": "other+sha256:00", "small": side, "large": side}
    (now,) = only(tmp_path, row).decided
    assert (now.tier, now.difficulty, now.scored_by, now.scored_again) == (
        "large",
        0.2,
        "other+sha256:00",
        False,
    )


def without_text(
    difficulty: float, small_usd: float | None = None, large_usd: float | None = None
) -> dict[str, Any]:
    """A row as it is exported where prompts are not kept, through the route that values its answers at a cent."""
    return {
        "difficulty": difficulty,
        "classifier": "other+sha256:00",
        "route": "worth",
        "small": {"score": 1, "cost_usd": small_usd},
        "large": {"score": 1, "cost_usd": large_usd},
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            without_text(0.2, 0.0001, 0.0022),
            "not_worth_it",
        ),  # 0.2 cents are less than the 0.21 that it costs more
        (without_text(0.2, 0.0001, 0.0020), "worth_it"),
        (without_text(1.0, 0.0001, 0.5), "unfamiliar"),
        (without_text(1.0), "unfamiliar"),
        ({**without_text(0.2), "usage": {"input_tokens": 1_000}}, "context_too_long"),
        ({**without_text(0.2), "usage": {"input_tokens": 10}}, "not_worth_it"),
        ({**without_text(0.9), "usage": {"input_tokens": 10}}, "worth_it"),
    ],
)
def test_a_row_without_its_text_is_weighed_by_what_its_answers_cost_or_its_tokens_would(
    tmp_path: Path, row: dict[str, Any], reason: str
):
    (now,) = only(tmp_path, row).decided
    assert (now.reason, now.tier) == (reason, "small" if reason == "not_worth_it" else "large")


def test_where_neither_costs_nor_tokens_are_known_a_worth_cannot_be_replayed_and_a_threshold_can(
    tmp_path: Path,
):
    path = lines(tmp_path / "t.jsonl", [without_text(0.2), without_text(0.2, 0.0001)])
    for found in results([path], configured(tmp_path)):
        assert isinstance(found, Unreadable)
        assert "value_usd" in found.reason
    named = replayed([path], configured(tmp_path, worth=0.5))
    assert [one.decided[0].reason for one in named] == ["below_threshold"] * 2


@pytest.mark.parametrize(
    "line",
    [
        r'{"query": "half \ud800 a pair"}',
        r'{"messages": [{"role": "user", "content": "\udfff"}]}',
        r'{"query": "a", "id": "\ud800"}',
        r'{"query": "a", "route": "\ud800"}',
        r'{"query": "a", "usage": {"prompt_tokens": "\ud800"}}',
        r'{"query": "a", "tools": [{"type": "\ud800"}]}',
    ],
)
def test_half_a_surrogate_pair_is_no_text(tmp_path: Path, line: str):
    (found,) = results([lines(tmp_path / "t.jsonl", [line])], configured(tmp_path))
    assert str(found) == "t.jsonl, line 1: has half a surrogate pair, which is no text"


def test_half_a_surrogate_pair_in_a_table_is_no_text(tmp_path: Path):
    cell = json.dumps([{"role": "user", "content": "\ud800"}]).replace('"', '""')
    (tmp_path / "t.csv").write_text(f'id,messages,small_score,large_score\na,"{cell}",1,1\n')
    (found,) = results([tmp_path / "t.csv"], configured(tmp_path))
    assert "half a surrogate pair" in str(found)


def test_what_cannot_be_replayed_is_named_by_file_and_line_and_the_rest_goes_on(tmp_path: Path):
    bad = [
        "not json",
        [1],
        {"route": "default"},
        {"query": EASY, "messages": []},
        {"messages": []},
        {"query": EASY, "route": 7},
        {"query": EASY, "usage": {"input_tokens": -1, "output_tokens": 0}},
        {"query": EASY, "usage": "many"},
        {"query": EASY, "small": {"score": 2}, "large": {"score": 1}},
        {"query": EASY, "n": 10**6},
        {"query": "a\0b"},
        {"query": EASY, "tier": "medium"},
    ]
    path = lines(tmp_path / "t.jsonl", [{"query": EASY}, *bad, {"query": HARD}])
    found = results([path], configured(tmp_path))
    assert [isinstance(one, Replayed) for one in found] == [True, *([False] * len(bad)), True]
    for number, one in enumerate(found[1:-1], start=2):
        assert isinstance(one, Unreadable)
        assert str(one).startswith(f"t.jsonl, line {number}: ")


def test_a_route_that_is_not_configured_is_named_with_the_nearest_one(tmp_path: Path):
    path = lines(tmp_path / "t.jsonl", [{"query": EASY, "route": "suport"}])
    with pytest.raises(InvalidRequest, match=r't.jsonl, line 1 .* did you mean "support"'):
        results([path], configured(tmp_path))
    (found,) = replayed([path], configured(tmp_path), route="support")
    assert found.route == "support"


def test_a_file_that_is_not_there_or_of_no_known_kind_is_refused(tmp_path: Path):
    for name in ("none.jsonl", "notes.txt"):
        with pytest.raises(InvalidRequest, match=name):
            results([tmp_path / name], configured(tmp_path))


def test_other_processes_come_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    some = [{"query": row["query"], "id": row["id"]} for row in rows(900, seed=8)]
    path = lines(tmp_path / "t.jsonl", [*some, "broken", *some])
    here = [configured(tmp_path), configured(tmp_path, "B", default=0.05)]
    alone = results([path], *here)
    told: list[int] = []
    monkeypatch.setattr(replaying, "WORTH_PROCESSES", 100)
    monkeypatch.setattr(replaying, "BATCH", 300)
    assert replay(rows_of([path], None), here, told.append) == alone
    assert told == [300, 600, 900, 1_200, 1_500, 1_800, 1_801]
    unknown = lines(tmp_path / "u.jsonl", [*some, {"query": EASY, "route": "nowhere"}])
    with pytest.raises(InvalidRequest, match="line 901"):
        results([unknown], *here)
