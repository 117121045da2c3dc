"""The watch counts each audit once, whoever dies where, and on alarm withdraws the certificate."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from policies.choice import Tier
from policies.watch import WatchTerms, advance, alarmed, begin, excess, watch
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores
from router.outcomes.store import Outcomes
from router.routes.threshold import Threshold
from router.routes.thresholds import Change, Thresholds
from router.routes.watches import Audit, Counted, Watched, Watches
from router.store.connection import Store
from router.store.keys import ACCOUNTS, SETTINGS_VERSION, AccountKeys, threshold_key
from tests.certificates import a_certificate
from tests.outcomes.examples import FLOOR, ROUTE, an_outcome, decision_id, in_force, judged

KEYS = AccountKeys("main")
BAD = (0.0, 1.0)
GOOD = (1.0, 1.0)


def under(
    threshold: Threshold, number: int, scores: tuple[float, float] = BAD, **more: object
) -> OutcomeRecord:
    """A judged audit made under this threshold."""
    assert threshold.certificate is not None
    made = {"certificate": threshold.certificate.id, "threshold_version": threshold.version}
    return judged(number, *scores, **{**made, **more})


async def watched(store: Store) -> Watched:
    return (await Outcomes(store).watch.routes.of([ROUTE]))[ROUTE]


def one(z: float, number: int, version: int = 1) -> Audit:
    return Audit(ROUTE, version, decision_id(number), z, "crt_1", FLOOR)


excesses = st.floats(-1, 1) | st.sampled_from([-1.0, 1.0, 0.0, 0.9, -0.1, 5e-324])
some_terms = st.builds(
    WatchTerms,
    alarm_at=st.floats(1, 1e6),
    lambdas=st.lists(st.floats(0, 1, exclude_min=True), min_size=1, max_size=4).map(tuple),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(zs=st.lists(excesses, min_size=1, max_size=25), terms=some_terms)
def test_the_stores_arithmetic_is_the_policys_to_the_last_bit(
    store_server: object, zs: list[float], terms: WatchTerms
):
    async def counted() -> None:
        store = Store.at_url(store_server.url)  # type: ignore[attr-defined]
        try:
            await store.everywhere("FLUSHALL")
            await in_force(store)
            watches, state = Watches(store, terms, remembers_ms=1_000_000), begin(terms)
            for number, z in enumerate(zs):
                was_over = alarmed(state, terms)
                state = advance(state, z, terms)
                said = await watches.count(one(z, number))
                if was_over:
                    assert said is Counted.PAST
                    break
                assert (said is Counted.SUSPENDED) == alarmed(state, terms)
                assert (await watches.of([ROUTE]))[ROUTE].state == state
        finally:
            await store.aclose()

    asyncio.run(counted())


async def test_an_audit_is_counted_once_however_often_it_comes(store: Store):
    threshold = await in_force(store)
    outcomes = Outcomes(store)
    for _ in range(3):
        await outcomes.put("main", under(threshold, 1))
        await outcomes.score("main", decision_id(1), small=0.2, large=1.0, judged_by=JudgedBy.HAND)
    found = await watched(store)
    expected = watch([excess(Tier.SMALL, *BAD, FLOOR)], outcomes.watch.routes.terms)
    assert (found.state, found.version) == (expected, threshold.version)
    assert await store.command("ZCARD", KEYS.uncounted) == 0


async def test_an_audit_counts_once_its_second_score_comes(store: Store):
    threshold = await in_force(store)
    outcomes, audited = Outcomes(store), under(threshold, 1)
    await outcomes.put("main", replace(audited, small=replace(audited.small, score=None), missing="no_score"))
    assert await outcomes.watch.routes.of([ROUTE]) == {}
    assert await outcomes.watch.missing(ROUTE) == 1
    await outcomes.score("main", audited.id, small=0.0, large=1.0, judged_by=JudgedBy.HAND)
    assert (await watched(store)).state.audits == 1
    assert await outcomes.watch.missing(ROUTE) == 0


@pytest.mark.parametrize(
    "other",
    [
        {"drawn": None, "share": 1.0},
        {"certificate": ""},
        {"certificate": "crt_000000000000"},
        {"threshold_version": 77},
        {"route": "another"},
    ],
    ids=str,
)
async def test_what_was_not_drawn_under_the_certificate_in_force_is_not_counted(
    store: Store, other: dict[str, object]
):
    outcomes, threshold = Outcomes(store), await in_force(store)
    await outcomes.put("main", under(threshold, 1, **other))
    assert await outcomes.watch.routes.of([ROUTE, "another"]) == {}
    assert await store.command("ZCARD", KEYS.uncounted) == 0


async def fed(store: Store, threshold: Threshold, scores: list[tuple[float, float]], by: str) -> int | None:
    """After how many audits the alarm sounds; `None` where it does not."""
    outcomes = Outcomes(store)
    for number, one in enumerate(scores, start=1_000 * threshold.version):
        await outcomes.put("main", under(threshold, number, one, by=by))
        now = await Thresholds(store).current(ROUTE)
        if now is not None and now.suspended:
            return number - 1_000 * threshold.version + 1
    return None


async def test_a_judge_that_people_corrected_is_watched_as_corrected(store: Store):
    """The floor of 0.9 is kept, at 0.95; the judge finds a tenth of the small answers worse than they are."""
    chance = random.Random(3)
    harsh = [BAD if chance.random() < 0.15 else GOOD for _ in range(600)]
    corrected = a_certificate(floor=FLOOR, correction=-0.1, judged_by=("judge",))
    assert await fed(store, await in_force(store, corrected), harsh, "judge") is None
    assert await fed(store, await in_force(store, corrected), harsh, "regex") is not None  # of another judge
    plain = a_certificate(floor=FLOOR)
    assert await fed(store, await in_force(store, plain), harsh, "judge") is not None


async def test_a_judge_that_flatters_is_seen_through_by_what_people_found(store: Store):
    chance = random.Random(4)
    flattering = [BAD if chance.random() < 0.08 else GOOD for _ in range(900)]  # of 0.2 that are bad
    plain, corrected = (
        a_certificate(floor=FLOOR),
        a_certificate(floor=FLOOR, correction=0.12, judged_by=("judge",)),
    )
    assert await fed(store, await in_force(store, plain), flattering, "judge") is None
    assert await fed(store, await in_force(store, corrected), flattering, "judge") is not None


async def test_a_correction_leaves_no_excess_out_of_its_range(store: Store):
    outcomes = Outcomes(store)
    most = a_certificate(floor=FLOOR, correction=0.9, judged_by=("judge",))
    await outcomes.put("main", under(await in_force(store, most), 1, BAD))
    terms = outcomes.watch.routes.terms
    assert (await watched(store)).state == watch([1.0], terms)
    least = a_certificate(floor=FLOOR, correction=-0.9, judged_by=("judge",))
    await outcomes.put("main", under(await in_force(store, least), 2, (1.0, 0.0)))
    assert (await watched(store)).state == watch([-1.0], terms)


async def test_what_a_tenant_says_is_not_counted_and_is_no_hand_s_score(store: Store):
    outcomes, threshold = Outcomes(store), await in_force(store)
    audited = under(threshold, 1)
    await outcomes.put("main", replace(audited, small=replace(audited.small, score=None), missing="no_score"))
    found = await outcomes.score("main", audited.id, small=0.0, large=1.0, judged_by=JudgedBy.TENANT)
    assert found.beside == {JudgedBy.TENANT: Scores(small=0.0, large=1.0)}
    assert (found.judged, found.hand, found.counting) == (None, None, None)
    assert await outcomes.watch.routes.of([ROUTE]) == {}
    await outcomes.score("main", audited.id, small=1.0, large=1.0, judged_by=JudgedBy.HAND)
    expected = watch([excess(Tier.SMALL, *GOOD, FLOOR)], outcomes.watch.routes.terms)
    assert (await watched(store)).state == expected


async def test_audits_of_all_accounts_count_for_the_one_route(store: Store):
    outcomes, threshold = Outcomes(store), await in_force(store)
    for account in ("main", "acme"):
        await outcomes.put(account, under(threshold, 1 if account == "main" else 2))
    assert (await watched(store)).state.audits == 2


async def test_on_alarm_all_goes_to_large_with_the_numbers_as_reason_and_every_account_is_told(store: Store):
    await store.command("SADD", ACCOUNTS, "main", "acme")
    outcomes, threshold = Outcomes(store), await in_force(store)
    overall = int(await store.command("GET", SETTINGS_VERSION))
    versions = [await store.command("GET", AccountKeys(name).version) for name in ("main", "acme")]
    number = 0
    while (now := await Thresholds(store).current(ROUTE)) == threshold:
        number += 1
        await outcomes.put("main", under(threshold, number))
    assert now is not None
    assert (now.value, now.version, now.set_by, now.suspended) == (0.0, threshold.version + 1, "watch", True)
    assert now.certificate == threshold.certificate
    assert "below the floor of 0.9" in now.reason
    assert f"after {number} audits" in now.reason
    assert await Thresholds(store).history(ROUTE) == [now, threshold]
    assert int(await store.command("GET", SETTINGS_VERSION)) == overall + 1
    after = [await store.command("GET", AccountKeys(name).version) for name in ("main", "acme")]
    assert all(int(new) == int(old) + 1 for new, old in zip(after, versions, strict=True))
    found = await watched(store)
    assert found.state.level >= outcomes.watch.routes.terms.alarm_at
    assert (found.suspended_version, found.suspended_at_ms) == (now.version, now.set_at_ms)
    assert found.is_of(now.version)
    await outcomes.put("main", under(threshold, number + 1))
    assert await watched(store) == found
    assert await Thresholds(store).current(ROUTE) == now


async def suspended(store: Store) -> Threshold:
    threshold = await in_force(store)
    for number in range(1_000):
        await Outcomes(store).put("main", under(threshold, number))
        now = await Thresholds(store).current(ROUTE)
        if now is not None and now.suspended:
            return now
    raise AssertionError("no alarm")


@pytest.mark.parametrize("how", ["rollback", "person", "new certificate", "same certificate"])
async def test_a_person_or_a_new_certificate_ends_the_suspension_and_the_watch_begins_anew(
    store: Store, how: str
):
    thresholds, before = Thresholds(store), await suspended(store)
    if how == "rollback":
        now = await thresholds.rollback(ROUTE, "ada")
    elif how == "person":
        now = await thresholds.set(Change(ROUTE, 0.3, "ada"))
    else:
        now = await in_force(store, a_certificate(n=9_000, floor=FLOOR) if how == "new certificate" else None)
    assert not now.suspended
    assert now.version == before.version + 1
    outcomes = Outcomes(store)
    if now.certificate is not None:
        await outcomes.put("main", under(now, 9_999, GOOD))
        found = await watched(store)
        assert (found.version, found.state.audits, found.suspended_version) == (now.version, 1, None)
        assert found.state.level < 1
    else:
        assert not (await watched(store)).is_of(now.version)


async def test_what_was_stored_when_its_worker_died_is_counted_by_another(store: Store):
    """The first script ran, the second did not; or both did, and the mark was not taken away."""
    outcomes, threshold = Outcomes(store), await in_force(store)
    for number in range(3):
        await outcomes.put("main", under(threshold, number))
    state = (await watched(store)).state
    at_ms = await store.now_ms()
    await store.command("ZADD", KEYS.uncounted, at_ms, decision_id(1))
    assert await Outcomes(store).watch.catch_up() == 1
    assert (await watched(store)).state == state
    gone = under(threshold, 7)
    await store.command(
        "RENAME", threshold_key(ROUTE), "{settings}away"
    )  # the watch cannot be reached in between
    await store.command("SET", threshold_key(ROUTE), "of another type")
    with pytest.raises(Exception, match="WRONGTYPE"):
        await outcomes.put("main", gone)
    await store.command("DEL", threshold_key(ROUTE))
    await store.command("RENAME", "{settings}away", threshold_key(ROUTE))
    assert await store.command("ZRANGE", KEYS.uncounted, 0, -1) == [gone.id.encode()]
    assert await Outcomes(store).watch.catch_up() == 1
    assert (await watched(store)).state.audits == 4
    assert await Outcomes(store).watch.catch_up() == 0


async def test_what_is_no_longer_kept_does_not_stop_the_rest(store: Store):
    outcomes, threshold = Outcomes(store), await in_force(store)
    await store.command("ZADD", KEYS.uncounted, await store.now_ms(), decision_id(5))
    await outcomes.put("main", under(threshold, 1))
    assert await outcomes.watch.catch_up() == 0
    assert await store.command("ZCARD", KEYS.uncounted) == 0


async def test_two_workers_at_once_come_to_the_level_of_one_sequence(store: Store, store_server: object):
    threshold = await in_force(store)
    chance = random.Random(7)
    audits = [under(threshold, number, chance.choice([GOOD, GOOD, GOOD, BAD])) for number in range(60)]
    other = Store.at_url(store_server.url)  # type: ignore[attr-defined]
    try:
        workers = [Outcomes(store), Outcomes(other)]
        given_out = [(workers[at % 2], audit) for at in (0, 1) for audit in audits]
        chance.shuffle(given_out)
        await asyncio.gather(*(worker.put("main", audit) for worker, audit in given_out))
        counted = await store.command("ZRANGE", f"pr:{{settings}}:watched:{ROUTE}", 0, -1)
        assert {raw.decode() for raw in counted} == {audit.id for audit in audits}
        found = (await watched(store)).state
        assert found.audits == 60
        # Whatever the order was, the product of all factors is in it; the level lies between its extremes.
        zs = sorted(excess(Tier.SMALL, *_scores(audit), FLOOR) for audit in audits)
        terms = workers[0].watch.routes.terms
        extremes = [watch(ordered, terms).level for ordered in (zs, zs[::-1])]
        assert min(extremes) <= found.level <= max(extremes)
    finally:
        await other.aclose()


def _scores(record: OutcomeRecord) -> tuple[float, float]:
    assert record.small.score is not None
    assert record.large.score is not None
    return record.small.score, record.large.score


async def test_an_alarm_is_told_by_one(store: Store):
    now = await suspended(store)
    watches = Outcomes(store).watch.routes
    asked = await asyncio.gather(*(watches.first_to_tell(ROUTE, now.version) for _ in range(5)))
    assert sorted(asked) == [False] * 4 + [True]


async def test_an_unscored_outcome_is_counted_as_missing_under_the_threshold_in_force_only(store: Store):
    threshold = await in_force(store)
    outcomes = Outcomes(store)
    await outcomes.put("main", an_outcome(1, missing="judge_failed", at_ms=threshold.set_at_ms - 5))
    await outcomes.put("acme", an_outcome(2, missing="judge_failed", at_ms=threshold.set_at_ms + 5))
    assert await outcomes.watch.missing(ROUTE) == 1  # acme has no key and so is no account yet
    await store.command("SADD", ACCOUNTS, "acme")
    assert await outcomes.watch.missing(ROUTE) == 2
    assert await outcomes.watch.missing(ROUTE, since_ms=threshold.set_at_ms) == 1
