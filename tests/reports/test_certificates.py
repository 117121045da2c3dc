"""A report says which certificates were in force while its money was spent, and which were withdrawn."""

from router.ledger.entry import Entry
from router.reports import route_report
from router.reports.certificates import certificate_terms
from router.reports.table import table
from router.routes.thresholds import WATCH, Change, Thresholds
from router.store.connection import Store
from tests.certificates import a_certificate
from tests.reports.entries import HOUR_MS, an_entry, settled

PROOF = a_certificate()


async def certified(store: Store, route: str) -> Thresholds:
    thresholds = Thresholds(store)
    await thresholds.set(Change(route, PROOF.threshold, "ada", "tuned", certificate=PROOF))
    return thresholds


def now(route: str, at_ms: int, **changes: object) -> Entry:
    return an_entry(route=route, at_ms=at_ms, **changes)


async def test_one_in_force_is_listed_with_its_terms_and_its_requests_are_counted(store: Store, account: str):
    route = f"certified-{account}"
    await certified(store, route)
    at_ms = await store.now_ms()
    await settled(store, account, now(route, at_ms, certificate=PROOF.id), now(route, at_ms))
    report = await route_report(store, account, by=("route",), from_ms=None, to_ms=None)
    (term,) = report.as_json()["certificates"]
    assert term["certificate"] == PROOF.id
    assert (term["floor"], term["to"], term["suspended"]) == (0.95, None, False)
    assert report.total.certified == 1
    assert PROOF.id in str(table(report).caption)


async def test_one_that_was_withdrawn_says_when_and_what_went_to_large_for_it_is_counted(
    store: Store, account: str
):
    route = f"withdrawn-{account}"
    thresholds = await certified(store, route)
    await thresholds.set(Change(route, 0.0, WATCH, "below the floor", certificate=PROOF, suspended=True))
    at_ms = await store.now_ms()
    await settled(store, account, now(route, at_ms, reason="certificate_suspended", tier="large"))
    report = await route_report(store, account, by=("route",), from_ms=None, to_ms=None)
    (term,) = report.as_json()["certificates"]
    assert term["suspended"] is True
    assert term["to"] is not None
    assert report.total.suspended == 1
    assert "suspended" in str(table(report).caption)


async def test_one_of_another_time_or_route_is_not_listed(store: Store, account: str):
    route = f"earlier-{account}"
    thresholds = await certified(store, route)
    await thresholds.set(Change(route, 0.2, "ada", "by hand"))
    hour = await store.now_ms() // HOUR_MS
    assert await certificate_terms(store, [route], hour + 1, hour + 2) == ()
    assert await certificate_terms(store, ["nowhere"], hour, hour + 1) == ()
    (term,) = await certificate_terms(store, [route], hour - 1, hour + 2)
    assert term.to_ms is not None


async def test_what_audits_cost_is_in_the_cost_and_told_apart_and_is_no_request(store: Store, account: str):
    asked = an_entry(route="audited")
    audit = an_entry(route="audited", purpose="audit", cost_nano=7_000, baseline_nano=0, reason="audit")
    await settled(store, account, asked, audit)
    report = await route_report(store, account, by=("route",), from_ms=None, to_ms=None)
    assert report.total.requests == 1
    assert (report.total.cost_nano, report.total.audit_nano) == (25_000, 7_000)
    assert report.total.savings_nano == 400_000 - 18_000 - 7_000
    assert "audits" in str(table(report).caption)
