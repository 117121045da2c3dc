"""Outcomes are kept once a decision, found newest first, scored later, and bounded."""

import asyncio

import pytest
from msgspec.structs import replace

from router.errors import InvalidRequest, NotFound
from router.outcomes.page import Cursor
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores, TierOutcome
from router.outcomes.store import Outcomes
from router.outcomes.terms import OutcomeTerms
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.outcomes.examples import ROUTE, an_outcome, decision_id, in_force, judged
from tests.store.contents import dumps_of, names_in

KEYS = AccountKeys("main")


async def test_what_is_put_is_got_and_a_replay_changes_nothing(store: Store):
    outcomes = Outcomes(store)
    drawn = an_outcome()
    complete = judged(1, 0.5, 1.0, at_ms=drawn.at_ms)
    assert await outcomes.put("main", drawn) == drawn
    assert await outcomes.put("main", complete) == complete
    before = await dumps_of(store)
    for again in (drawn, complete, drawn):
        assert await outcomes.put("main", again) == complete
    assert await dumps_of(store) == before
    assert await outcomes.get("main", drawn.id) == complete
    assert await outcomes.get("other", drawn.id) is None


async def test_costs_of_any_size_come_back_to_the_nano_dollar(store: Store):
    cost = 2**62 + 1
    kept = an_outcome(small=TierOutcome(model="tiny", cost_nano=cost))
    await Outcomes(store).put("main", kept)
    found = await Outcomes(store).score("main", kept.id, small=0.5, judged_by=JudgedBy.FEEDBACK)
    assert found.small.cost_nano == cost


async def test_it_is_scored_later_by_several_sources(store: Store):
    outcomes = Outcomes(store)
    await outcomes.put("main", judged(1, 0.5, 1.0))
    await outcomes.score("main", decision_id(1), small=0.25, large=0.75, judged_by=JudgedBy.HAND)
    await outcomes.score("main", decision_id(1), small=0.0, judged_by=JudgedBy.FEEDBACK)
    found = await outcomes.get("main", decision_id(1))
    assert found is not None
    assert (found.scores, found.judged_by) == (Scores(small=0.5, large=1.0), "judge")
    assert found.beside == {
        JudgedBy.FEEDBACK: Scores(small=0.0),
        JudgedBy.HAND: Scores(small=0.25, large=0.75),
    }


async def test_scores_that_come_at_once_are_all_kept(store: Store):
    outcomes = Outcomes(store)
    await outcomes.put("main", an_outcome())
    await asyncio.gather(
        outcomes.score("main", decision_id(1), small=0.1, judged_by=JudgedBy.FEEDBACK),
        outcomes.score("main", decision_id(1), large=0.2, judged_by=JudgedBy.FEEDBACK),
        outcomes.score("main", decision_id(1), small=0.3, judged_by=JudgedBy.HAND),
        outcomes.score("main", decision_id(1), large=0.4, judged_by=JudgedBy.HAND),
        outcomes.put("main", an_outcome(missing="judge_failed")),
    )
    found = await outcomes.get("main", decision_id(1))
    assert found is not None
    assert (found.scores, found.hand) == (Scores(small=0.1, large=0.2), Scores(small=0.3, large=0.4))


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan"), float("inf")])
async def test_what_is_no_number_from_0_to_1_is_refused(store: Store, score: float):
    outcomes = Outcomes(store)
    await outcomes.put("main", an_outcome())
    with pytest.raises(InvalidRequest, match="from 0 to 1"):
        await outcomes.score("main", decision_id(1), small=score, judged_by=JudgedBy.HAND)
    with pytest.raises(InvalidRequest, match="from 0 to 1"):
        await outcomes.put("main", judged(2, score, 1.0))
    with pytest.raises(InvalidRequest, match="no score"):
        await outcomes.score("main", decision_id(1), judged_by=JudgedBy.HAND)
    assert await outcomes.get("main", decision_id(2)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 0.0},
        {"share": 1.5},
        {"drawn": 0.5},
        {"drawn": -0.1},
        {"tier": "medium"},
        {"difficulty": 2.0},
    ],
)
async def test_a_record_that_could_not_have_come_about_is_refused(store: Store, wrong: dict[str, object]):
    with pytest.raises(InvalidRequest):
        await Outcomes(store).put("main", an_outcome(**wrong))
    assert await names_in(store) == []


async def test_a_decision_without_an_outcome_cannot_be_scored(store: Store):
    outcomes = Outcomes(store)
    await outcomes.put("other", an_outcome())
    with pytest.raises(NotFound, match="no outcome"):
        await outcomes.score("main", decision_id(1), small=0.5, judged_by=JudgedBy.HAND)


async def some(store: Store, count: int, route: str = ROUTE, at_ms: int | None = None) -> list[OutcomeRecord]:
    outcomes, now_ms = Outcomes(store), await store.now_ms()
    made = [
        an_outcome(number, route=route, at_ms=at_ms or now_ms - 1_000 + number) for number in range(count)
    ]
    for one in made:
        await outcomes.put("main", one)
    return made


@pytest.mark.parametrize("limit", [1, 3, 7, 8, 100])
async def test_pages_show_each_once_newest_first(store: Store, limit: int):
    made = await some(store, 7)
    seen: list[OutcomeRecord] = []
    before: Cursor | None = None
    while True:
        page = await Outcomes(store).page("main", ROUTE, before=before, limit=limit)
        seen += page.outcomes
        if page.next is None:
            break
        before = Cursor.parse(str(page.next))
    assert seen == made[::-1]


async def test_pages_of_many_in_the_same_millisecond_show_each_once(store: Store):
    made = await some(store, 9, at_ms=await store.now_ms())
    seen: list[OutcomeRecord] = []
    before: Cursor | None = None
    while (page := await Outcomes(store).page("main", before=before, limit=2)).next is not None:
        seen += page.outcomes
        before = page.next
    assert [*seen, *page.outcomes] == made[::-1]


async def test_outcomes_of_all_routes_come_in_one_order(store: Store):
    now_ms = await store.now_ms()
    for number in range(6):
        await Outcomes(store).put("main", an_outcome(number, route=f"r{number % 3}", at_ms=now_ms + number))
    outcomes = Outcomes(store)
    assert await outcomes.routes("main") == ["r0", "r1", "r2"]
    found = [one.id async for one in outcomes.each("main")]
    assert found == [decision_id(number) for number in range(5, -1, -1)]
    recent = await outcomes.page("main", from_ms=now_ms + 4)
    assert [one.id for one in recent.outcomes] == [decision_id(5), decision_id(4)]
    assert [one.id async for one in outcomes.each("main", "r1")] == [decision_id(4), decision_id(1)]
    assert [one async for one in outcomes.each("main", "none")] == []


async def test_a_page_that_is_no_page_is_refused():
    for text in ("", "x", "12", "12-", "-dec_1", "1-a b", "9" * 20 + "-dec_1"):
        with pytest.raises(InvalidRequest, match="before"):
            Cursor.parse(text)


async def test_the_newest_of_a_route_are_kept_and_no_more(store: Store):
    outcomes, now_ms = Outcomes(store, OutcomeTerms(kept_a_route=3)), await store.now_ms()
    for number in range(6):
        await outcomes.put("main", an_outcome(number, at_ms=now_ms + number, missing="judge_failed"))
    assert [one.id async for one in outcomes.each("main")] == [decision_id(5), decision_id(4), decision_id(3)]
    assert await outcomes.put("main", an_outcome(0, at_ms=now_ms)) is None
    assert await store.command("ZCARD", KEYS.unscored(ROUTE)) == 3
    assert [name for name in await names_in(store) if ":outcome:" in name] == [
        KEYS.outcome(decision_id(number)) for number in (3, 4, 5)
    ]
    await outcomes.put("main", an_outcome(9, route="another", at_ms=now_ms))
    assert len([one async for one in outcomes.each("main")]) == 4


async def test_what_somebody_chose_to_score_pushes_out_no_audit(store: Store):
    outcomes, now_ms = Outcomes(store, OutcomeTerms(kept_a_route=3)), await store.now_ms()
    for number in range(3):
        await outcomes.put("main", an_outcome(number, at_ms=now_ms + number))
    for number in range(10, 15):
        await outcomes.put("main", an_outcome(number, at_ms=now_ms + number, drawn=None, share=1.0))
    kept = [decision_id(number) for number in (14, 13, 12, 2, 1, 0)]
    assert [one.id async for one in outcomes.each("main")] == kept
    assert (
        await outcomes.put("main", an_outcome(9, at_ms=now_ms + 9)) is not None
    )  # there is room for its kind
    kept = [decision_id(number) for number in (14, 13, 12, 9, 2, 1)]
    assert [one.id async for one in outcomes.each("main")] == kept


async def test_what_was_scored_before_its_audit_came_counts_among_the_audited_from_then_on(store: Store):
    outcomes = Outcomes(store, OutcomeTerms(kept_a_route=3))
    await outcomes.put("main", an_outcome(1, drawn=None, share=1.0))
    assert await store.command("ZCARD", KEYS.undrawn(ROUTE)) == 1
    await outcomes.put("main", an_outcome(1))
    indexes = (KEYS.undrawn(ROUTE), KEYS.outcomes(ROUTE))
    assert [await store.command("ZCARD", index) for index in indexes] == [0, 1]
    assert [one.id async for one in outcomes.each("main")] == [decision_id(1)]


async def test_a_smaller_bound_takes_effect_bit_by_bit(store: Store):
    await some(store, 20)
    smaller = Outcomes(store, OutcomeTerms(kept_a_route=5))
    await smaller.put("main", an_outcome(100, at_ms=await store.now_ms() + 10))
    assert len([one async for one in smaller.each("main")]) == 5


async def test_what_is_older_than_the_retention_is_not_kept_and_what_is_kept_ends(store: Store):
    outcomes, now_ms = Outcomes(store, OutcomeTerms(retention_days=1)), await store.now_ms()
    assert await outcomes.put("main", an_outcome(1, at_ms=now_ms - 90_000_000)) is None
    await outcomes.put("main", an_outcome(2, at_ms=now_ms - 86_399_900))
    async with asyncio.timeout(20):
        while await outcomes.get("main", decision_id(2)) is not None:  # noqa: ASYNC110 - time knows no event
            await asyncio.sleep(0.01)
    await outcomes.put("main", an_outcome(3, at_ms=now_ms))
    assert await store.command("ZRANGE", KEYS.outcomes(ROUTE), 0, -1) == [decision_id(3).encode()]


async def test_nothing_is_kept_for_ever(store: Store):
    threshold = await in_force(store)
    assert threshold.certificate is not None
    made_under = {"certificate": threshold.certificate.id, "threshold_version": threshold.version}
    outcomes = Outcomes(store)
    await outcomes.put("main", judged(1, 0.5, 1.0, **made_under))
    await outcomes.put("main", an_outcome(2, missing="judge_failed", **made_under))
    one_a_route = {"threshold", "thresholds", "version", "watch"}
    for name in await names_in(store):
        if name.split(":")[2] not in one_a_route:
            assert await store.command("PTTL", name) > 0, name


async def test_a_record_of_an_earlier_form_is_changed_like_any_other(store: Store):
    outcomes, plain = Outcomes(store), an_outcome()
    await outcomes.put("main", plain)
    raw = await store.command("GET", KEYS.outcome(plain.id))
    await store.command("SET", KEYS.outcome(plain.id), b" " + raw.replace(b',"beside":{}', b""))
    found = await outcomes.score("main", plain.id, small=0.5, judged_by=JudgedBy.IMPORT)
    assert found == replace(plain, small=replace(plain.small, score=0.5), judged_by="import")
