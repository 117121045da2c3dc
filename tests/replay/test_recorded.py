"""The service's own decisions, replayed from its store: the same tiers, all of them, and the ledger's cost."""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest

from classifiers import QueryFacts, default_classifier
from router.access.caller import MAIN_ACCOUNT
from router.errors import InvalidRequest
from router.replay.configuration import Configuration, Terms
from router.replay.deciding import Replayed
from router.replay.recorded import ReadBack, Wanted, read_recorded
from router.replay.replay import replay
from router.replay.result import Findings
from router.store.keys import AccountKeys
from tests.classifiers.outcome_rows import rows
from tests.http.config import CONFIG, EASY, HARD, KEY, ask, chat
from tests.service import Service
from tests.upstreams.openai_wire import OpenAIWire

CHAT = "/v1/chat/completions"
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
LONG = "word " * 2_500
VARIED = 220
TEXTS = [
    *(row["query"] for row in rows(VARIED // 2, seed=5)),
    *(f"{row['query']} {(EASY, HARD)[at % 2]}" for at, row in enumerate(rows(VARIED // 2, seed=7))),
]
LINE = round(median(default_classifier().score_many([QueryFacts(text) for text in TEXTS])), 4)
"""Half of them are below it, whatever the shipped artifact is."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[OpenAIWire]:
    with OpenAIWire() as running:
        yield running


@pytest.fixture(scope="module")
def used(upstream: OpenAIWire, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has answered some hundred varied queries, with its line moved in between."""
    folder = tmp_path_factory.mktemp("used")
    config = CONFIG.format(url=upstream.base_url).replace("threshold: 0.12", f"threshold: {LINE}")
    with Service(folder, config, environ={"TINY_KEY": KEY}) as service:
        with service.client() as client:
            everything(client, upstream)
        service.settled()
        yield service
    assert "Traceback" not in service.said


def everything(client: httpx.Client, upstream: OpenAIWire) -> None:
    for at, text in enumerate(TEXTS):
        if at == VARIED // 3:
            moved(client, "default", LINE * 1.1)
        if at == VARIED // 2:
            moved(client, "kept", 0.97)
        route = ("default", "kept", "support/tier-1")[at % 3]
        answered(client.post("/complete", json=ask(text, route=route, stream=at % 4 == 0)))
    for route in ("default", "kept"):
        conversations(client, route)
    forced(client)
    failing(client, upstream)


def answered(response: httpx.Response) -> None:
    assert response.status_code == 200, response.text


def moved(client: httpx.Client, route: str, value: float) -> None:
    there = f"/v1/routes/{route}/threshold"
    seen = {"if-match": client.get(there).headers["etag"]}
    answered(client.put(there, json={"threshold": value, "reason": "a test"}, headers=seen))


def conversations(client: httpx.Client, route: str) -> None:
    """Tools, pictures, what is too long for the small model, histories that are trimmed, refusals."""
    answered(client.post(CHAT, json=chat(EASY, model=route, tools=TOOLS)))
    answered(client.post(CHAT, json=chat(LONG, model=route)))
    seen = [{"type": "text", "text": EASY}, PICTURE]
    answered(client.post(CHAT, json={"model": route, "messages": [{"role": "user", "content": seen}]}))
    turns = [
        {"role": "system", "content": "Answer in one word."},
        {"role": "user", "content": "A long story. " * 40},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": EASY},
    ]
    answered(client.post(CHAT, json={"model": route, "messages": turns, "max_tokens": 30, "stream": True}))
    answered(client.post(CHAT, json={"model": "trimmed", "messages": turns}))
    pictured = [turns[0], {"role": "user", "content": [*seen, {"type": "text", "text": LONG}]}, *turns[2:]]
    answered(client.post(CHAT, json={"model": "trimmed", "messages": pictured}))
    assert client.post("/complete", json=ask(LONG, route="capped")).status_code == 413
    answered(client.post("/complete", json=ask(EASY, route="capped", max_output_tokens=400)))


def forced(client: httpx.Client) -> None:
    for tier in ("small", "large"):
        for text in (EASY, HARD):
            answered(client.post("/complete", json=ask(text, tier=tier)))
    for model in ("tiny", "big"):
        answered(client.post(CHAT, json=chat(EASY, model=model)))


def failing(client: httpx.Client, upstream: OpenAIWire) -> None:
    """Tries again, falls back, gives up; odd usages; tokens that nobody counted."""
    played = [
        ("spare-1", ("500", "ok"), {}),
        ("spare-1", ("400",), {}),
        ("spare-2", ("half",), {"stream": True}),
        ("spare-3", ("401", "ok"), {}),
        ("spare-4", ("hang", "ok"), {"max_output_tokens": 50}),
        *(
            ("spare-5", (odd,), {})
            for odd in ("usage-missing", "usage-cached", "usage-zero", "reasoning", "tier")
        ),
    ]
    for route, scripts, more in played:
        upstream.clear()
        upstream.play(*scripts)
        client.post("/complete", json=ask(EASY, route=route, **more))
    upstream.clear()
    for _ in range(2):
        assert client.post("/complete", json=ask(EASY, route="nowhere")).status_code >= 500


def read(service: Service, wanted: Wanted = Wanted()) -> ReadBack:  # noqa: B008 - frozen
    return service.in_store(lambda store: read_recorded(store, MAIN_ACCOUNT, wanted))


def configuration(service: Service, label: str = "A", **terms: Any) -> Configuration:
    assert service.config is not None
    return Configuration.of(Terms(label, service.config, **terms))


def again(read_back: ReadBack, *configurations: Configuration) -> list[Replayed]:
    found = replay(read_back.asked, configurations, lambda _: None)
    return [one for one in found if isinstance(one, Replayed)]


def test_every_decision_goes_where_it_went_and_costs_what_the_ledger_says(used: Service) -> None:
    found = read(used)
    replayed = again(found, configuration(used, as_recorded=True))
    assert len(replayed) == len(found.asked) > VARIED + 30
    for row in replayed:
        (now,), then = row.decided, row.past
        assert then is not None
        assert (now.tier, now.reason, now.model) == (then.tier, then.reason, then.model), row
        assert now.cost_nano == then.cost_nano, row
        assert now.difficulty == then.difficulty, row
        assert now.threshold == then.threshold, row
    assert sum(row.decided[0].cost_nano or 0 for row in replayed) == used.ledger().cost_nano
    assert found.open == 0


def test_the_traffic_of_this_test_meets_every_way_a_decision_is_made(used: Service) -> None:
    found = read(used)
    reasons = {asked.past.reason for asked in found.asked if asked.past}
    assert reasons >= {
        "below_threshold",
        "at_or_above_threshold",
        "forced",
        "needs_tools",
        "needs_vision",
        "context_too_long",
        "direct",
    }
    attempts = [entry for asked in found.asked if asked.past for entry in asked.past.attempts]
    assert {entry.reason for entry in attempts} >= {"fallback"}
    assert {entry.usage_source for entry in attempts} >= {"", "provider", "counted", "assumed"}
    assert {entry.threshold_version for entry in attempts if entry.route == "default"} >= {1, 2}
    assert any(asked.inputs and asked.inputs.trimmed_turns for asked in found.asked)
    assert any(asked.inputs and asked.inputs.output_clamped for asked in found.asked)
    assert any(asked.inputs and asked.inputs.images_left == 0 for asked in found.asked)


def test_where_prompts_are_kept_they_are_scored_again_and_else_it_is_said_that_they_are_not(
    used: Service,
) -> None:
    used_again = configuration(used, as_recorded=True)
    replayed = again(read(used), used_again)
    scored = {
        row.route for row in replayed if row.decided[0].difficulty is not None and row.decided[0].scored_again
    }
    assert scored == {"kept"}
    findings = Findings.of(replayed, [used_again])
    (scoring,) = findings.scoring
    assert scoring.again == sum(row.route == "kept" for row in replayed)
    assert scoring.recorded == sum(
        row.route != "kept" and row.decided[0].difficulty is not None for row in replayed
    )
    assert scoring.by_others == 0
    assert findings.as_recorded is not None
    assert findings.as_recorded.same_tier == len(replayed)


def test_another_threshold_moves_what_the_threshold_decided_and_nothing_else(used: Service) -> None:
    replayed = again(read(used, Wanted(route="default")), configuration(used, thresholds={"default": 0.0}))
    for row in replayed:
        assert row.past is not None
        if row.past.reason == "forced":
            assert row.decided[0].tier == row.past.tier
        else:
            assert row.decided[0].tier == "large"
            assert row.decided[0].cost_nano == row.decided[0].large_nano
    assert {row.route for row in replayed} == {"default"}


def test_the_configured_threshold_decides_where_none_is_named(used: Service) -> None:
    replayed = again(read(used, Wanted(route="kept")), configuration(used))
    assert {row.decided[0].threshold for row in replayed} == {LINE}
    assert any(row.past and row.past.threshold == 0.97 for row in replayed)


def test_only_the_newest_are_read_where_so_many_are_asked_for(used: Service) -> None:
    all_of_them, few = read(used).asked, read(used, Wanted(last=7)).asked
    assert [asked.id for asked in few] == [asked.id for asked in all_of_them[-7:]]
    assert read(used, Wanted(since_ms=2**45)).asked == []
    with pytest.raises(InvalidRequest, match="not 0"):
        read(used, Wanted(last=0))


def test_a_route_that_is_not_configured_any_more_is_named(used: Service, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        "models: {tiny: {provider: openai, model: gpt-5.4-mini}}\nroutes: {default: {small: tiny, large: tiny}}\n"
    )
    with pytest.raises(InvalidRequest, match="support/tier-1"):
        again(read(used, Wanted(route="support/tier-1")), Configuration.of(Terms("A", other)))


def test_the_command_says_the_same_and_writes_what_would_change(used: Service, tmp_path: Path) -> None:
    shown = json.loads(used.cli("replay", "--from-store", "--threshold", "recorded", "--json").stdout)
    sides = shown["sides"]
    assert shown["as_recorded"]["changed"] == 0
    assert shown["as_recorded"]["same_tier"] == shown["queries"]
    assert sides["A"]["cost_nano_usd"] == sides["recorded"]["cost_nano_usd"] == used.ledger().cost_nano
    assert sides["A"]["reasons"] == sides["recorded"]["reasons"]
    changes = tmp_path / "changes.jsonl"
    words = ["replay", "--from-store", "--threshold", "recorded", "--threshold", "B:kept=0", "--changes"]
    said = used.cli(*words, str(changes)).stdout
    assert f"{shown['queries']:,} of {shown['queries']:,} go where they went." in said
    moved_to = [json.loads(line) for line in changes.read_text().splitlines()]
    assert moved_to
    assert {(one["route"], one["A"]["tier"], one["B"]["tier"]) for one in moved_to} == {
        ("kept", "small", "large")
    }


def test_without_its_record_a_decision_is_inferred_from_its_entries_and_counted(used: Service) -> None:
    ids = [asked.id for asked in read(used, Wanted(route="default")).asked]
    keys = AccountKeys(MAIN_ACCOUNT)
    used.in_store(lambda store: store.commands(*(("DEL", keys.decision(name)) for name in ids)))
    used_again = configuration(used, as_recorded=True)
    replayed = again(read(used), used_again)
    findings = Findings.of(replayed, [used_again])
    assert findings.scoring[0].inferred == len(ids)
    same = [row for row in replayed if row.past and row.past.reason != "context_too_long"]
    assert all(row.past and row.decided[0].tier == row.past.tier for row in same)
    assert sum(row.decided[0].cost_nano or 0 for row in same) == sum(
        row.past.cost_nano or 0 for row in same if row.past
    )
