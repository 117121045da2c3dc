import io

import pytest
from rich.console import Console

from router.ledger.entry import Labels, Tokens
from router.reports import Report, route_report
from router.reports.amounts import decimals_for, dollars
from router.reports.table import table
from router.store.connection import Store
from tests.reports.entries import an_entry, settled

USD = 10**9


def drawn(report: Report, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    console.print(table(report))
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue().splitlines()


async def busy_report(store: Store, account: str, *by: str) -> Report:
    many = Tokens(input=1_234_567, output=345_678)
    await settled(
        store,
        account,
        *(an_entry() for _ in range(12)),
        an_entry(
            route="legal-triage",
            tier="large",
            cost_nano=12_345_678_901,
            baseline_nano=12_345_678_901,
            tokens=many,
        ),
        an_entry(
            route="legal-triage",
            outcome="server_error",
            cost_nano=70_000,
            baseline_nano=0,
            decision_ms=61_000,
        ),
        an_entry(route="meeting-notes", cost_nano=None, held_nano=0, labels=Labels(team="[red]ops[/red]")),
    )
    return await route_report(store, account, by=by or ("route",), from_ms=None, to_ms=None)


@pytest.mark.parametrize("width", [80, 100])
async def test_the_table_fits_the_terminal_and_cuts_no_number(store: Store, account: str, width: int):
    report = await busy_report(store, account)
    lines = drawn(report, width)
    text = "\n".join(lines)
    assert all(len(line) <= width for line in lines)
    assert "…" not in text
    for shown in ("legal-triage", "12.3457", "1,234,667", "0.0002", "1 unknown", "an assumption"):
        assert shown in text
    total = next(at for at, line in enumerate(lines) if line.lstrip().startswith("total"))
    assert lines[total].split() == ["total", "15", "7%", "1,235,967", "12.3460", "12.3509", "123"]
    assert lines[total + 1].split() == ["100%", "1", "345,958", "+", "1", "unknown", "0.0045", "62,757"]


async def test_a_label_is_text_and_never_markup(store: Store, account: str):
    text = "\n".join(drawn(await busy_report(store, account, "team"), 100))
    assert "[red]ops[/red]" in text
    assert "(none)" in text


async def test_the_table_of_nothing_says_so(store: Store, account: str):
    report = await route_report(store, account, by=("route", "tier"), from_ms=None, to_ms=None)
    assert "no requests in this period" in "\n".join(drawn(report, 80))


@pytest.mark.parametrize(
    ("amounts", "decimals"),
    [
        ([], 2),
        ([0], 2),
        ([18_000], 6),
        ([18_001], 9),
        ([USD // 100, 1], 6),
        ([USD // 2], 2),
        ([USD, 123_456], 4),
        ([-5_000 * USD, 123_456_789], 2),
    ],
)
def test_a_column_has_as_many_decimals_as_its_largest_amount_bears(amounts: list[int], decimals: int):
    assert decimals_for(amounts) == decimals


@pytest.mark.parametrize(
    ("nano", "decimals", "shown"),
    [
        (0, 4, "0.0000"),
        (1_234_567_890_123, 2, "1,234.57"),
        (5_000_000, 2, "0.01"),
        (4_999_999, 2, "<0.01"),
        (-4_999_999, 2, ">-0.01"),
        (-1_500_000_000, 4, "-1.5000"),
        (1, 9, "0.000000001"),
        (999_999_999, 2, "1.00"),
    ],
)
def test_dollars_are_rounded_half_away_from_zero_and_never_to_nothing(nano: int, decimals: int, shown: str):
    assert dollars(nano, decimals) == shown
