import asyncio
import contextlib
import itertools
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.errors import InvalidRequest
from router.ledger.entry import GROUP_NAMES, Entry, Kind, Labels, Tokens, decode
from router.ledger.ledger import Ledger, Recorded, Terms
from router.ledger.verify import verify
from router.reports import Figures, Report, parse_by, route_report
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.reports.entries import HOUR_MS, NOON_MS, an_entry, held, settled

NOON = NOON_MS // HOUR_MS


async def report_of(store: Store, account: str, *by: str) -> Report:
    return await route_report(store, account, by=by or ("route",), from_ms=None, to_ms=None)


async def test_a_report_says_what_each_route_cost(store: Store, account: str):
    await settled(
        store,
        account,
        an_entry(),
        an_entry(tokens=Tokens(input=300, output=40, cached_input=64, reasoning=8), cost_nano=20_000),
        an_entry(tier="large", model="big", cost_nano=400_000, reason="at_or_above_threshold"),
        an_entry(
            route="legal",
            outcome="first_byte_timeout",
            cost_nano=50_001,
            baseline_nano=0,
            usage_source="assumed",
        ),
    )
    report = await report_of(store, account)
    support, legal = (group.figures.as_json() for group in report.groups)
    assert [group.names for group in report.groups] == [("support",), ("legal",)]
    assert support == {
        "requests": 3,
        "share": 0.75,
        "share_to_large": 0.333333,
        "attempts": 3,
        "errors": 0,
        "input_tokens": 500,
        "input_tokens_p50": 103,
        "input_tokens_p95": 292,
        "output_tokens": 80,
        "output_tokens_p50": 20,
        "output_tokens_p95": 40,
        "cached_input_tokens": 64,
        "cached_input_tokens_p50": 0,
        "cached_input_tokens_p95": 67,
        "reasoning_tokens": 8,
        "cost_usd": "0.000438",
        "nano_usd": 438_000,
        "cost_per_request_usd": "0.000146",
        "baseline_usd": "0.0012",
        "baseline_nano_usd": 1_200_000,
        "savings_usd": "0.000762",
        "savings_nano_usd": 762_000,
        "audit_usd": "0",
        "audit_nano_usd": 0,
        "cost_by_source": {"provider": 1.0},
        "unknown_cost": 0,
        "unknown_baseline": 0,
        "overruns": 0,
        "certified": 0,
        "suspended": 0,
        "cache_hits": 0,
        "cache_saved_usd": "0",
        "cache_saved_nano_usd": 0,
        "degraded": 0,
        "uncertified": 0,
        "latency_p50_ms": 123,
        "latency_p95_ms": 123,
    }
    assert legal["errors"] == 1
    assert legal["savings_usd"] == "-0.000050001"
    total = report.total.as_json()
    assert total["nano_usd"] == 488_001
    assert total["cost_by_source"] == {"provider": 0.897539, "assumed": 0.102461}
    assert list(total) == list(support)


async def test_the_wire_form_names_the_period_the_groups_and_the_assumption(store: Store, account: str):
    await settled(store, account, an_entry(labels=Labels(team="billing")))
    told = (
        await route_report(
            store, account, by=("team", "tier"), from_ms=NOON_MS + 1, to_ms=NOON_MS + HOUR_MS + 1
        )
    ).as_json()
    assert (told["from"], told["to"]) == ("2026-01-01T12:00:00Z", "2026-01-01T14:00:00Z")
    assert told["by"] == ["team", "tier"]
    assert "assumption" in told["baseline"]
    assert {name: told["groups"][0][name] for name in ("team", "tier", "requests", "cost_usd")} == {
        "team": "billing",
        "tier": "small",
        "requests": 1,
        "cost_usd": "0.000018",
    }
    assert told["total"] == {
        name: value for name, value in told["groups"][0].items() if name not in ("team", "tier")
    }


async def test_only_the_hours_a_period_touches_count(store: Store, account: str):
    await settled(store, account, *(an_entry(at_ms=NOON_MS + hour * HOUR_MS) for hour in range(30)))

    async def requests(from_ms: int | None, to_ms: int | None) -> int:
        found = await route_report(store, account, by=("route",), from_ms=from_ms, to_ms=to_ms)
        return found.total.requests

    assert await requests(None, None) == 30
    assert await requests(NOON_MS + HOUR_MS, NOON_MS + 3 * HOUR_MS) == 2
    assert await requests(NOON_MS + HOUR_MS + 1, NOON_MS + 3 * HOUR_MS + 1) == 3
    assert await requests(NOON_MS + 29 * HOUR_MS, None) == 1
    assert await requests(None, NOON_MS) == 0


async def test_a_report_of_nothing_has_no_groups_and_covers_the_current_hour(store: Store, account: str):
    report = await report_of(store, account)
    now = await store.now_ms() // HOUR_MS
    assert report.groups == ()
    assert report.end_hour - report.first_hour == 1
    assert report.end_hour in (now, now + 1)
    assert report.total == Figures.of({}, 0)
    assert report.total.share is None
    assert report.total.as_json()["cost_per_request_usd"] is None


async def test_an_open_end_includes_an_entry_that_a_fast_clock_put_ahead(store: Store, account: str):
    ahead = await store.now_ms() + 5 * HOUR_MS
    await settled(store, account, an_entry(at_ms=ahead))
    report = await report_of(store, account)
    assert report.total.requests == 1
    assert report.end_hour == ahead // HOUR_MS + 1


async def test_what_is_unknown_is_counted_and_never_shown_as_zero(store: Store, account: str):
    unknown = {"cost_nano": None, "baseline_nano": None, "held_nano": 0}
    await settled(
        store,
        account,
        an_entry(),
        an_entry(**unknown),
        an_entry(route="free", **unknown),
        an_entry(route="half", cost_nano=None),
    )
    told = {row["route"]: row for row in (await report_of(store, account)).as_json()["groups"]}
    mixed, free, half = told["support"], told["free"], told["half"]
    assert (mixed["cost_usd"], mixed["unknown_cost"], mixed["cost_per_request_usd"]) == ("0.000018", 1, None)
    assert mixed["savings_usd"] == "0.000382"
    assert (free["cost_usd"], free["nano_usd"], free["baseline_usd"], free["savings_usd"]) == (None,) * 4
    assert (half["cost_usd"], half["baseline_usd"], half["savings_usd"]) == (None, "0.0004", None)


async def test_a_retried_decision_is_one_request_of_two_attempts(store: Store, account: str):
    first = an_entry(
        final=False, outcome="server_error", cost_nano=7, baseline_nano=0, usage_source="assumed"
    )
    second = an_entry(decision_id=first.decision_id, number=2, model="big", tier="large")
    await settled(store, account, first, second)
    report = await report_of(store, account, "model")
    assert {group.names[0]: group.figures.requests for group in report.groups} == {"big": 1, "tiny": 0}
    assert (report.total.requests, report.total.attempts, report.total.cost_nano) == (1, 2, 18_007)
    assert report.groups[1].figures.cost_per_request_nano is None


@pytest.mark.parametrize(
    ("cost", "requests", "each"),
    [(3, 2, 2), (1, 2, 1), (1, 3, 0), (0, 5, 0), (10**18, 3, 333_333_333_333_333_333)],
)
def test_the_cost_of_a_request_is_rounded_half_up_to_a_nano_dollar(cost: int, requests: int, each: int):
    assert Figures(requests, requests=requests, cost_nano=cost).cost_per_request_nano == each


def test_by_takes_names_in_the_order_written():
    assert parse_by(None) == ("route",)
    assert parse_by("tier, route") == ("tier", "route")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one"),
        ("rout", 'did you mean "route"'),
        ("route,", "cannot group by ''"),
        ("route,route", "twice"),
        ("user", "there are"),
    ],
)
def test_by_refuses_what_a_report_cannot_group_by(text: str, said: str):
    with pytest.raises(InvalidRequest, match=said) as caught:
        parse_by(text)
    assert caught.value.param == "by"


names = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=4) | st.sampled_from(
    ["", "a", "=1"]
)
nano = st.none() | st.integers(0, 10**15)
tokens = st.builds(Tokens, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 99))
fates = st.sampled_from(["settled", "settled", "replayed", "void", "assumed", "adjusted"])


@st.composite
def attempts(draw: st.DrawFn) -> tuple[str, Entry]:
    fate = draw(fates)
    cost = draw(nano)
    void = fate == "void"
    final = draw(st.booleans())
    return fate, an_entry(
        kind=Kind.VOID if void else Kind.SETTLE,
        at_ms=NOON_MS + HOUR_MS * draw(st.integers(0, 3)),
        final=final,
        outcome=draw(st.sampled_from(["ok", "rate_limited"])),
        route=draw(st.sampled_from(["a", "b"])),
        tier=draw(st.sampled_from(["small", "large"])),
        model=draw(st.sampled_from(["m", "n"])),
        provider=draw(st.sampled_from(["p", "q"])),
        labels=Labels(team=draw(names), feature=draw(names)),
        tokens=None if void else draw(tokens),
        cost_nano=0 if void else cost,
        baseline_nano=0 if void else draw(nano),
        usage_source="" if void else draw(st.sampled_from(["provider", "provider_cost", "counted"])),
        decision_ms=draw(st.integers(0, 10**5)) if final else None,
    )


async def booked(store: Store, account: str, drawn: list[tuple[str, Entry]]) -> list[Entry]:
    """Takes each attempt to its fate, and answers what stands in the ledger."""
    patient, hasty = Ledger(store, Terms()), Ledger(store, Terms(hold_expiry_s=0))
    for fate, entry in drawn:
        if fate == "replayed":
            await settled(store, account, entry)
        elif fate in ("settled", "void"):
            await patient.settle(account, await held(patient, account, entry), b"{}")
        else:
            await held(hasty, account, entry)
    assert await patient.reap(account) == sum(fate in ("assumed", "adjusted") for fate, _ in drawn)
    for fate, entry in drawn:
        if fate == "adjusted":
            assert await patient.settle(account, entry, b"{}") is Recorded.ADJUSTED
            assert await patient.settle(account, entry, b"{}") is Recorded.ALREADY
    return [decode(fields[b"e"]) async for _, fields in store.stream(AccountKeys(account).entries)]


def true_sums(entries: Iterable[Entry], by: tuple[str, ...]) -> dict[tuple[str, ...], dict[str, int]]:
    """By hand: of each attempt what its newest entry says, without the counters."""
    truth = {entry.attempt_id: entry for entry in entries}
    sums: dict[tuple[str, ...], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in truth.values():
        values = {"team": entry.labels.team, "feature": entry.labels.feature}
        group = sums[tuple(values[name] if name in values else getattr(entry, name) for name in by)]
        group["attempts"] += 1
        group["requests"] += entry.final
        group["to_large"] += entry.final and entry.tier == "large"
        group["errors"] += entry.final and entry.outcome != "ok"
        group["cost_nano"] += entry.cost_nano or 0
        group["unknown_cost"] += entry.cost_nano is None
        group["baseline_nano"] += entry.baseline_nano or 0
        group["unknown_baseline"] += entry.baseline_nano is None
        group["overruns"] += entry.overrun
        if entry.cost_nano is not None and entry.baseline_nano is not None:
            group["savings_nano"] += entry.baseline_nano - entry.cost_nano
        if entry.tokens and entry.usage_source != "assumed":
            group["input_tokens"] += entry.tokens.input
            group["output_tokens"] += entry.tokens.output
            group["cached_input_tokens"] += entry.tokens.cached_input
    return sums


async def opened(url: str, check: Callable[[Store], Awaitable[None]]) -> None:
    async with contextlib.aclosing(Store.at_url(url, timeout_s=20)) as store:
        await check(store)


SUMMED = (
    "attempts",
    "requests",
    "to_large",
    "errors",
    "cost_nano",
    "unknown_cost",
    "baseline_nano",
    "unknown_baseline",
    "overruns",
    "savings_nano",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
)
EVERY_BY = [by for size in range(1, 7) for by in itertools.combinations(GROUP_NAMES, size)]


@given(drawn=st.lists(attempts(), max_size=12), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_groups_add_up_to_the_total_and_the_total_to_the_ledger_to_the_nano_dollar(
    store_url: str, drawn: list[tuple[str, Entry]], data: st.DataObject
):
    chosen = data.draw(st.lists(st.sampled_from(EVERY_BY), min_size=4, max_size=8, unique=True))

    async def check(store: Store) -> None:
        account = f"p{secrets.token_hex(8)}"
        entries = await booked(store, account, drawn)
        assert (await verify(store, account)).clean
        for by in [*chosen, GROUP_NAMES, *((name,) for name in GROUP_NAMES)]:
            report = await route_report(store, account, by=by, from_ms=None, to_ms=None)
            truth = true_sums(entries, by)
            reported = {group.names: group.figures for group in report.groups}
            assert reported.keys() == truth.keys()
            for names_of, figures in reported.items():
                assert {name: getattr(figures, name) for name in SUMMED} == {
                    name: truth[names_of][name] for name in SUMMED
                }
                assert sum(figures.cost_by_source.values()) == figures.cost_nano
            for name in SUMMED:
                total = getattr(report.total, name)
                assert total == sum(getattr(group.figures, name) for group in report.groups)
        assert report.total.cost_nano == (await verify(store, account)).cost_nano
        for histogram in ("latency", "input", "output", "cached"):
            counted = sum(report.total.histograms[histogram].values())
            assert counted == sum(
                sum(group.figures.histograms[histogram].values()) for group in report.groups
            )

    asyncio.run(opened(store_url, check))


@given(amounts=st.lists(st.integers(0, 10**15), min_size=1, max_size=30))
@settings(max_examples=10, deadline=None)
def test_the_sum_over_hours_is_the_sum_of_the_whole(store_url: str, amounts: list[int]):
    async def check(store: Store) -> None:
        account = f"h{secrets.token_hex(8)}"
        await settled(
            store,
            account,
            *(an_entry(at_ms=NOON_MS + at * HOUR_MS, cost_nano=nano) for at, nano in enumerate(amounts)),
        )
        hourly = 0
        for at in range(len(amounts)):
            begin = NOON_MS + at * HOUR_MS
            part = await route_report(store, account, by=("route",), from_ms=begin, to_ms=begin + HOUR_MS)
            assert (part.first_hour, part.end_hour) == (NOON + at, NOON + at + 1)
            hourly += part.total.cost_nano
        whole = await report_of(store, account)
        assert hourly == whole.total.cost_nano == sum(amounts)

    asyncio.run(opened(store_url, check))


def test_an_entry_survives_its_encoding():
    entry = an_entry(labels=Labels(team="é\u202e"))
    assert decode(msgspec.json.encode(entry)) == entry
