"""The share that a month's money allows, and that it stops where the money does."""

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.audit.share import FIRST_SHARE, Shares, expected_audit_nano, solved_share
from router.audit.terms import AuditTerms, JudgeTerms
from router.audit.traffic import TierTraffic, Traffic, TrafficReader
from router.catalog import Route
from router.ledger.entry import Entry, Tokens
from router.outcomes.record import JudgedBy
from router.store.connection import Store
from tests.ledger.decisions import BIG, SPARE, TINY, a_route
from tests.ledger.examples import HOUR_MS, an_entry, lasting

NOBODY = TierTraffic(requests=0, cost_nano=0, attempts=0, input_tokens=0, output_tokens=0)
SMALL = TierTraffic(requests=300, cost_nano=300_000, attempts=300, input_tokens=30_000, output_tokens=6_000)
LARGE = TierTraffic(requests=100, cost_nano=4_000_000, attempts=100, input_tokens=20_000, output_tokens=3_000)


def traffic(**changes: Any) -> Traffic:
    plain = Traffic(
        small=SMALL, large=LARGE, hours=4.0, month_audit_nano=0, month_hours_left=100.0, month="2026-11"
    )
    return replace(plain, **changes)


def audited(month_nano: int | None = 1_000_000, share: float | None = None, **judge: Any) -> Route:
    terms = JudgeTerms(JudgedBy.JUDGE if judge else JudgedBy.AGREEMENT, **judge)
    return a_route(fallbacks=(), audit=AuditTerms(terms, share=share, month_nano=month_nano))


def test_the_share_is_what_makes_the_money_last_to_the_end_of_the_month():
    # 400 requests in 4 hours, so 10,000 in the 100 hours left; at 30,750 nano-dollars each.
    each = expected_audit_nano(audited(), traffic(), None)
    assert each == (300 * 40_000 + 100 * 1_000) / 400
    assert solved_share(15_000_000, traffic(), each) == pytest.approx(
        15_000_000 / (10_000 * 30_250), rel=0.02
    )


def test_a_share_is_never_more_than_everything_and_0_once_nothing_is_left():
    assert solved_share(10**15, traffic(), 30_000.0) == 1.0
    assert solved_share(1, traffic(), 0.0) == 1.0
    assert solved_share(0, traffic(), 30_000.0) == 0.0
    assert solved_share(-5, traffic(), 30_000.0) == 0.0


def test_before_there_is_traffic_few_are_drawn():
    assert solved_share(10**9, traffic(small=NOBODY, large=NOBODY), 0.0) == FIRST_SHARE


@given(
    st.integers(1, 10**12), st.integers(0, 10**6), st.floats(1, 24), st.floats(0, 744), st.floats(0, 10**9)
)
def test_every_share_is_a_share(left: int, requests: int, hours: float, left_hours: float, each: float):
    busy = replace(SMALL, requests=requests)
    share = solved_share(left, traffic(small=busy, hours=hours, month_hours_left=left_hours), each)
    assert 0.0 <= share <= 1.0


def test_a_tier_that_answered_nobody_is_taken_to_need_the_others_tokens_at_its_own_price():
    # Everything goes to large, as on a route whose certificate is suspended: 200 tokens in, 30 out at tiny's price.
    found = expected_audit_nano(audited(), traffic(small=NOBODY), None)
    assert found == 200 * 100 + 30 * 400


def test_a_judging_model_costs_two_verdicts():
    plain = expected_audit_nano(audited(), traffic(), None)
    judged = expected_audit_nano(audited(model="spare"), traffic(), SPARE)
    # The longer question, both answers and what a judge is told in; a word out.
    assert judged - plain == 2 * ((200 + 50 + 300) * 1_000 + 10 * 2_000)


async def booked(store: Store, number: int, at_ms: int, **changes: Any) -> None:
    entry: Entry = an_entry(f"dec_{number}", at_ms=at_ms, **changes)
    await lasting(store).settle("main", entry, b"{}")


async def test_traffic_is_read_from_the_ledger_and_of_one_route_only(store: Store):
    now_ms = await store.now_ms()
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    for number in range(3):
        await booked(store, number, hour_ms)
    await booked(store, 3, hour_ms, tier="large", model="big", cost_nano=40_000, tokens=Tokens(200, 30))
    await booked(store, 4, hour_ms, purpose="audit", tier="large", model="big", cost_nano=50_000)
    await booked(store, 5, hour_ms, route="support2")
    await booked(store, 6, hour_ms - 3 * HOUR_MS)
    await booked(store, 7, hour_ms - 30 * HOUR_MS)
    await booked(store, 8, hour_ms - 40 * 24 * HOUR_MS, purpose="audit", cost_nano=9_000)
    found = await TrafficReader(store, "support").read()
    assert (found.small.requests, found.large.requests) == (4, 1)
    assert (found.small.cost_nano, found.large.cost_nano) == (4_000, 40_000)
    assert (found.large.attempts, found.large.input_tokens) == (2, 300)
    assert found.month_audit_nano == 50_000
    assert 3.0 <= found.hours < 4.0
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)
    assert found.month == f"{moment:%Y-%m}"
    assert 0 <= found.month_hours_left <= 31 * 24


async def test_what_is_booked_later_is_seen_at_the_next_reading(store: Store):
    now_ms = await store.now_ms()
    reader = TrafficReader(store, "support")
    assert (await reader.read()).small.requests == 0
    await booked(store, 1, now_ms)
    await booked(store, 2, now_ms, purpose="audit", cost_nano=7)
    found = await reader.read()
    assert (found.small.requests, found.month_audit_nano, found.hours) == (1, 7, 1.0)
    assert await reader.read() == replace(
        found, month_hours_left=pytest.approx(found.month_hours_left, abs=0.1)
    )


def shares(store: Store, route: Route) -> Shares:
    models = {model.name: model for model in (TINY, BIG, SPARE)}
    return Shares(store, {route.name: route}, models)


async def test_audits_stop_once_what_the_ledger_has_of_them_reaches_the_amount(
    store: Store, caplog: pytest.LogCaptureFixture
):
    route = audited(1_000_000)
    found = shares(store, route)
    now_ms = await store.now_ms()
    await booked(store, 1, now_ms)
    await booked(store, 2, now_ms, purpose="audit", cost_nano=999_999)
    await found.solve()
    assert 0.0 < found.share("support") <= 1.0
    await booked(store, 3, now_ms, purpose="audit", cost_nano=1)
    with caplog.at_level(logging.WARNING):
        await found.solve()
        await found.solve()
    assert found.share("support") == 0.0
    (said,) = [record.getMessage() for record in caplog.records]
    month = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}"
    assert said == (
        f"route support: no more audits in {month}: they cost 0.001 of 0.001 US dollars (audit.usd_per_month)"
    )


async def test_a_worker_stops_by_what_it_booked_itself_before_it_reads_the_ledger_again(store: Store):
    found = shares(store, audited(1_000))
    await found.solve()
    assert found.share("support") == FIRST_SHARE
    found.booked("support", 600)
    found.booked("support", None)  # not known, and no route without known prices has an amount
    found.booked("other", 10_000)
    assert found.share("support") == FIRST_SHARE
    found.booked("support", 400)
    assert found.share("support") == 0.0
    await found.solve()  # the ledger does not have it: it was somebody else's imagination
    assert found.share("support") == FIRST_SHARE


async def test_a_share_that_is_stated_stays_as_it_is(store: Store):
    found = shares(store, audited(None, 0.02))
    await found.solve()
    found.booked("support", 10**18)
    assert found.in_force() == {"support": 0.02}
    assert found.share("elsewhere") == 0.0
