"""Invoices as providers export them: their names of columns, their dates and amounts, and rows that are none."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from router.ledger.invoice import InvoiceUnreadable, Line, read_invoice

UTC = ZoneInfo("UTC")
DAY = date(2026, 11, 24)


def read(*rows: str, zone: ZoneInfo = UTC) -> list[Line]:
    found = read_invoice([f"{row}\n" for row in rows], zone)
    assert found.bad == []
    return found.lines


@pytest.mark.parametrize(
    ("header", "row", "tokens"),
    [
        ("date,model,amount_usd", "2026-11-24,gpt-6-sol,12.50", None),
        ("date,model,amount_usd,tokens", "2026-11-24,gpt-6-sol,12.50,340", 340),
        (
            "start_time,start_time_iso,amount_value,amount_currency,line_item",
            '1795478400,2026-11-24T00:00:00+00:00,12.50,usd,"gpt-6-sol, input"',
            None,
        ),
        ("start_time,amount_value,amount_currency,line_item", "1795478400,1.25e1,usd,gpt-6-sol", None),
        (
            "usage_date_utc,model,workspace,token_type,cost_usd",
            "2026-11-24,gpt-6-sol,Default,input_no_cache,12.5",
            None,
        ),
        (
            "created_at,cost_total,tokens_prompt,tokens_completion,model_permaslug",
            "2026-11-24 09:30:00.123,12.5,300,40,gpt-6-sol",
            340,
        ),
        ("Usage Start Date,SKU description,Cost ($),Currency", "2026/11/24,gpt-6-sol,$12.50,USD", None),
        ("Day;ignored,Model,Input tokens,Output tokens,Cost,Date", "x,gpt-6-sol,300,40,12.5,2026-11-24", 340),
    ],
)
def test_the_columns_of_the_large_providers_exports_are_known(
    header: str, row: str, tokens: int | None
) -> None:
    assert read(header, row) == [Line(DAY, "gpt-6-sol", Decimal("12.5"), tokens)]


def test_a_moment_is_in_the_day_of_the_invoice_s_time_zone() -> None:
    rows = ("date,cost", "2026-11-25T03:00:00Z,1", "2026-11-25 03:00:00 UTC,1", "2026-11-25,1")
    days = [line.day.day for line in read(*rows, zone=ZoneInfo("America/Los_Angeles"))]
    assert days == [24, 24, 25]


@pytest.mark.parametrize(
    ("written", "dollars"),
    [
        ("1,234.56", "1234.56"),
        ("-0.5", "-0.5"),
        ("0.000000000001", "1e-12"),
        (".5", "0.5"),
        ("12.50 USD", "12.5"),
    ],
)
def test_amounts_are_read_exactly(written: str, dollars: str) -> None:
    assert read("date,model,cost", f'2026-11-24,m,"{written}"')[0].usd == Decimal(dollars)


def test_a_row_that_cannot_be_read_is_named_by_its_line_and_the_others_are_read() -> None:
    rows = [
        "date,model,amount_usd,tokens,currency",
        "2026-11-24,m,1,1,USD",
        "24.11.2026,m,1,1,USD",
        '2026-11-24,m,"1,5",1,USD',
        "2026-11-24,m,,1,USD",
        "2026-11-24,m,NaN,1,USD",
        "2026-11-24,,1,1,USD",
        "2026-11-24,m,1,many,USD",
        "2026-11-24,m,1,1,EUR",
        "2026-11-24,m,1,1",
        ",,,,",
        "2026-11-24,m,1e30,1,USD",
        "2026-11-24,m,2,,usd",
    ]
    found = read_invoice([f"{row}\n" for row in rows], UTC)
    assert [line.usd for line in found.lines] == [1, 2]
    assert [said.split(":")[0] for said in found.bad] == [f"line {n}" for n in (3, 4, 5, 6, 7, 8, 9, 10, 12)]
    assert "'24.11.2026' is no date" in found.bad[0]
    assert "the currency is 'EUR'" in found.bad[6]


@pytest.mark.parametrize(
    "rows", [[], ["date,model"], ["model,cost"], ["one column"], ["date,cost", '"2026-11-24,1']]
)
def test_a_file_without_a_day_and_dollars_is_no_invoice(rows: list[str]) -> None:
    with pytest.raises(InvoiceUnreadable):
        read_invoice([f"{row}\n" for row in rows], UTC)
