"""`pennyroute ledger reconcile`: an invoice beside a real ledger."""

from pathlib import Path
from typing import Any

from router.ledger.entry import Entry, Kind
from router.store.connection import Store
from tests.archive.examples import booked
from tests.cli.running import Pennyroute
from tests.reports.entries import HOUR_MS, NOON_MS, an_entry, settled

USD = 1_000_000_000


def of_openai(hours: int, nano: int | None, served: str | None = "gpt-5.4-2026-03-05", **more: Any) -> Entry:
    return an_entry(at_ms=NOON_MS + hours * HOUR_MS, cost_nano=nano, served_model=served, **more)


async def _filled(store: Store) -> None:
    """Two dollars on the first of January, three on the second; four by another provider."""
    await settled(
        store,
        "main",
        of_openai(0, USD),
        of_openai(11, USD),
        of_openai(12, 3 * USD),
        of_openai(0, 4 * USD, provider="anthropic"),
    )


def invoice(configured: Pennyroute, *rows: str) -> str:
    path = Path(configured.folder) / "invoice.csv"
    path.write_text("\n".join(["date,model,amount_usd,tokens", *rows]) + "\n", encoding="utf-8")
    return str(path)


async def test_an_invoice_that_agrees_exits_with_zero(configured: Pennyroute, store: Store) -> None:
    await _filled(store)
    path = invoice(configured, "2026-01-01,gpt-5.4,1.995,240", "2026-01-02,gpt-5.4-2026-03-05,3.0,120")
    said = configured.ok("ledger", "reconcile", "--invoice", path, "--provider", "openai").out
    assert "2 days: invoice 4.995 USD, ledger 5 USD, difference -0.005 USD" in said
    assert "every day and model agrees to 0.01 USD" in said
    exact = configured(
        "ledger", "reconcile", "--invoice", path, "--provider", "openai", "--tolerance-usd", "0"
    )
    assert exact.code == 1


async def test_the_days_that_differ_are_named_and_by_how_much(configured: Pennyroute, store: Store) -> None:
    await _filled(store)
    path = invoice(
        configured, "2026-01-01,gpt-5.4,2,240", "2026-01-02,gpt-5.4,3.25,120", "2026-01-02,o3,0.5,"
    )
    asked = ("ledger", "reconcile", "--invoice", path, "--provider", "openai")
    ran = configured(*asked)
    assert ran.code == 1
    assert "1 days differ by more than 0.01 USD" in ran.out
    assert "2026-01-01" not in ran.out
    found = configured(*asked, "--format", "json").json
    assert (found["agrees"], found["difference_usd"]) == (False, "0.75")
    differ = {(one["day"], one["model"]): one["difference_usd"] for one in found["days"] if one["differs"]}
    assert differ == {("2026-01-02", "gpt-5.4"): "0.25", ("2026-01-02", "o3"): "0.5"}
    assert [one["ledger_tokens"] for one in found["days"]] == [240, 120, None]


async def test_what_only_the_ledger_has_differs_and_what_is_outside_the_days_is_not_asked_for(
    configured: Pennyroute, store: Store
) -> None:
    await _filled(store)
    await settled(store, "main", of_openai(1, USD, "o3"), of_openai(-24, USD), of_openai(1, None, "o3"))
    path = invoice(configured, "2026-01-01,gpt-5.4,2,")
    ran = configured("ledger", "reconcile", "--invoice", path, "--provider", "openai", "--format", "json")
    assert ran.code == 1
    assert [
        (one["model"], one["difference_usd"], one["ledger_unknown_cost"]) for one in ran.json["days"]
    ] == [
        ("gpt-5.4", "0", 0),
        ("o3", "-1", 1),
    ]


async def test_days_are_those_of_the_invoice_s_time_zone(configured: Pennyroute, store: Store) -> None:
    await _filled(store)
    path = invoice(configured, "2026-01-01,gpt-5.4,5,")
    asked = ("ledger", "reconcile", "--invoice", path, "--provider", "openai", "--time-zone")
    assert configured(*asked, "UTC").code == 1
    assert configured.ok(*asked, "America/Los_Angeles").code == 0


async def test_an_adjustment_counts_as_its_difference_on_the_day_of_what_it_replaces(
    configured: Pennyroute, store: Store
) -> None:
    assumed = of_openai(0, 9 * USD, None, kind=Kind.ASSUME, usage_source="assumed", model="gpt-5.4")
    await settled(store, "main", of_openai(0, 2 * USD, kind=Kind.ADJUST, replaces=assumed), assumed)
    path = invoice(configured, "2026-01-01,gpt-5.4,2,120")
    assert configured.ok("ledger", "reconcile", "--invoice", path, "--provider", "openai").code == 0


async def test_entries_that_left_the_store_are_counted_too(configured: Pennyroute, store: Store) -> None:
    await booked(store, "main", [of_openai(0, 2 * USD), of_openai(12, USD)])
    place = str(configured.folder / "archive")
    (done,) = configured.ok("ledger", "export", "--to", place, "--trim", "--format", "json").json
    assert len(done["trimmed"]) == 2
    await settled(store, "main", of_openai(13, 2 * USD))
    path = invoice(configured, "2026-01-01,gpt-5.4,2,", "2026-01-02,gpt-5.4,3,")
    assert configured.ok("ledger", "reconcile", "--invoice", path, "--provider", "openai").code == 0


async def test_rows_that_cannot_be_read_are_named_and_the_invoice_does_not_agree(
    configured: Pennyroute, store: Store
) -> None:
    await _filled(store)
    path = invoice(configured, "2026-01-01,gpt-5.4,2,", "2026-01-01,gpt-5.4,two,")
    ran = configured("ledger", "reconcile", "--invoice", path, "--provider", "openai")
    assert ran.code == 1
    assert "line 3: 'two' is no amount of dollars" in ran.err


def test_what_cannot_be_worked_with_is_said(configured: Pennyroute) -> None:
    path = invoice(configured, "2026-01-01,gpt-5.4,2,")
    asked = ("ledger", "reconcile", "--invoice")
    for words, said in (
        ((path, "--provider", "opnai"), 'did you mean "openai"?'),
        ((path, "--provider", "openai", "--time-zone", "Mars"), "is no time zone"),
        ((path, "--provider", "openai", "--tolerance-usd", "x"), "--tolerance-usd"),
        (("nothing.csv", "--provider", "openai"), "cannot be read"),
        ((invoice(configured, "x,y,z,"), "--provider", "openai"), "no row can be read; line 2: 'x' is no"),
    ):
        assert said in configured.refused(*asked, *words)
