"""The report as CSV, for spreadsheets: no label can become a formula."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from router.pricing.usage import UsageSource
from router.reports.figures import Figures
from router.reports.report import Report

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(report: Report) -> str:
    """A header, a row for each group, and the total; the column `row` says which is which.

    What is unknown is an empty cell. The share of cost by source takes a column for each source.
    """
    sources = [f"cost_share_{source}" for source in UsageSource]
    written = io.StringIO()
    writer = csv.writer(written)
    figures = [name for name in Figures(0).as_json() if name != "cost_by_source"]
    writer.writerow(["row", *report.by, *figures, *sources])
    for group in report.groups:
        writer.writerow(["group", *map(harmless, group.names), *_cells(group.figures.as_json())])
    writer.writerow(["total", *("" for _ in report.by), *_cells(report.total.as_json())])
    return written.getvalue()


def harmless(label: str) -> str:
    """The label with a quote before it where a spreadsheet would take it for a formula."""
    return f"'{label}" if label.startswith(_STARTS_A_FORMULA) else label


def file_name(report: Report) -> str:
    """What a download is called."""
    begins, ends = (moment.replace(":00:00Z", "") for moment in report.covers)
    return f"pennyroute-{'-'.join(report.by)}-{begins}-{ends}.csv"


def _cells(figures: Mapping[str, Any]) -> list[Any]:
    shares = figures["cost_by_source"]
    plain = [value for name, value in figures.items() if name != "cost_by_source"]
    return [*plain, *(shares.get(source, 0 if shares else None) for source in UsageSource)]
