import csv
import io

import pytest

from router.ledger.entry import Labels
from router.reports import csv_text, route_report
from router.reports.sheet import file_name, harmless
from router.store.connection import Store
from tests.reports.entries import HOUR_MS, NOON_MS, an_entry, settled


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_label_that_a_spreadsheet_would_compute_gets_a_quote(label: str):
    assert harmless(label) == f"'{label}"


@pytest.mark.parametrize("label", ["", "support", "a=b", 'Überprüfung, "x"', "1-2"])
def test_any_other_label_is_left_as_it_is(label: str):
    assert harmless(label) == label


async def test_the_sheet_has_a_row_for_each_group_and_the_total(store: Store, account: str):
    await settled(
        store,
        account,
        an_entry(labels=Labels(team='=HYPERLINK("x"),y')),
        an_entry(cost_nano=None, held_nano=0, route="free", labels=Labels(team="-2")),
        an_entry(cost_nano=900_000, usage_source="assumed"),
    )
    report = await route_report(
        store, account, by=("route", "team"), from_ms=NOON_MS, to_ms=NOON_MS + HOUR_MS
    )
    rows = list(csv.DictReader(io.StringIO(csv_text(report))))
    assert [(row["row"], row["route"], row["team"]) for row in rows] == [
        ("group", "support", ""),
        ("group", "support", '\'=HYPERLINK("x"),y'),
        ("group", "free", "'-2"),
        ("total", "", ""),
    ]
    assert [row["nano_usd"] for row in rows] == ["900000", "18000", "", "918000"]
    assert rows[0]["savings_usd"] == "-0.0005"
    assert rows[2]["cost_usd"] == rows[2]["cost_share_provider"] == ""
    assert (rows[3]["cost_share_assumed"], rows[3]["cost_share_counted"]) == ("0.980392", "0")
    assert set(rows[3]) - {"row", "route", "team"} >= set(report.total.as_json()) - {"cost_by_source"}
    assert file_name(report) == "pennyroute-route-team-2026-01-01T12-2026-01-01T13.csv"
