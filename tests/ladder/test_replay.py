"""Decisions made under pressure come out again as they were, from what is recorded of them."""

import httpx
from hypothesis import given
from hypothesis import strategies as st

from classifiers import Heuristic
from policies.ladder import LAST_RUNGS, Ladder, Pressure, Rung, Step
from router.decision import Decision, decide, fallen_back
from router.replay.configuration import Configuration, Terms
from router.replay.deciding import Replayed
from router.replay.recorded import Wanted, read_recorded
from router.replay.replay import replay
from router.routes.threshold import Threshold
from tests.ladder.config import CHAT, chat
from tests.ledger.decisions import BIG, a_query, a_route
from tests.service import Service

share = st.floats(0, 1)
LADDER = Ladder(
    (
        Step(Rung.PREFER_SMALL, budget=0.3, trouble=0.5, threshold=0.9),
        Step(Rung.SHORTEN_OUTPUT, budget=0.5, spike=3.0, tokens=50),
        Step(Rung.TRIM_CONTEXT, budget=0.7, tokens=10),
    )
)


def made(pressure: Pressure, floor: float | None = None, threshold: float = 0.0) -> Decision:
    route = a_route(ladder=LADDER, quality_floor=floor)
    in_force = Threshold("support", threshold, 1, "config", 0, "")
    return decide("dec_1", a_query(), route, in_force, Heuristic(), pressure=pressure)


@given(st.builds(Pressure, share, st.floats(0, 9), share, share))
def test_the_same_pressure_makes_the_same_decision(pressure: Pressure) -> None:
    one, other = made(pressure), made(pressure)
    assert (one.choice, one.inputs, one.degraded) == (other.choice, other.inputs, other.degraded)
    assert one.inputs.pressure == (None if pressure == Pressure() else pressure)
    assert set(one.degraded).isdisjoint(LAST_RUNGS)
    assert not one.uncertified


def test_what_lowers_no_answer_is_not_called_degraded() -> None:
    hard = Pressure(budget=1.0)
    assert Rung.PREFER_SMALL in made(hard, threshold=0.0).degraded
    assert Rung.PREFER_SMALL not in made(hard, threshold=1.0).degraded  # small answered anyway


def test_what_the_ladder_takes_from_a_route_with_a_floor_is_uncertified() -> None:
    assert made(Pressure(budget=0.4), floor=0.9).uncertified
    at_ease = made(Pressure(budget=0.1), floor=0.9)
    assert not at_ease.uncertified
    assert at_ease.degraded == ()


def test_a_fallback_to_large_is_no_preference_for_small() -> None:
    decision = made(Pressure(budget=0.4))
    assert decision.degraded == (Rung.PREFER_SMALL,)
    assert fallen_back(decision, BIG).degraded == ()


def test_the_service_decides_again_as_it_did(service: Service, client: httpx.Client) -> None:
    scope = {"scope": {"team": "again"}, "period": "month", "hard": True}
    for limit in ("1", "0.002", "0.001"):
        assert client.post("/v1/budgets", json={**scope, "limit_usd": limit}).status_code in (200, 201)
        for route in ("frugal", "terse", "hopeful"):
            body = chat(model=route, max_tokens=20)
            answer = client.post(CHAT, json=body, headers={"x-pennyroute-team": "again"})
            assert answer.status_code in (200, 429), answer.text
    service.settled()
    read = service.in_store(lambda store: read_recorded(store, "main", Wanted()))
    assert service.config is not None
    again = Configuration.of(Terms("A", service.config, as_recorded=True))
    found = [one for one in replay(read.asked, [again], lambda _: None) if isinstance(one, Replayed)]
    pressed = [one for one in found if one.past and one.past.reason == "prefer_small"]
    assert pressed
    for one in found:
        assert one.past is not None
        (now,) = one.decided
        assert (now.tier, now.reason, now.model) == (one.past.tier, one.past.reason, one.past.model)
