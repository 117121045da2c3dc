"""The per-route report as it came over HTTP, drawn as a table."""

from collections.abc import Mapping
from typing import Any, Final

from router.cli.output import Column, for_programs, plain, print_table
from router.reports.amounts import decimals_for, dollars

_MONEY: Final = ("nano_usd", "baseline_nano_usd", "savings_nano_usd")


def print_report(report: Mapping[str, Any]) -> None:
    """Prints the body of `GET /v1/reports/routes`: a row a group, dearest first, and the total."""
    by, total = [str(name) for name in report["by"]], report["total"]
    rows = [*report["groups"], total]
    decimals = decimals_for([row[name] or 0 for row in rows for name in _MONEY])

    def cells(row: Mapping[str, Any]) -> list[object]:
        money = [None if row[name] is None else dollars(row[name], decimals) for name in _MONEY]
        return [
            f"{row['requests']:,}",
            _share(row["share"]),
            f"{row['input_tokens']:,}",
            f"{row['output_tokens']:,}",
            *money,
            f"{row['errors']:,}",
            "-" if row["latency_p50_ms"] is None else f"{row['latency_p50_ms']:,}",
        ]

    columns = [
        *(Column(name) for name in by),
        *(
            Column(title, right=True, whole=True)
            for title in (
                "requests",
                "share",
                "tokens\nin",
                "tokens\nout",
                "cost\nUSD",
                "baseline\nUSD",
                "savings\nUSD",
                "errors",
                "p50\nms",
            )
        ),
    ]
    names = [[str(row[name]) or "(none)" for name in by] for row in report["groups"]]
    names.append(["total", *("" for _ in by[1:])])
    print_table(
        columns,
        ([*name, *cells(row)] for name, row in zip(names, rows, strict=True)),
        title=f"Cost by {', '.join(by)}, {_hour(report['from'])} to {_hour(report['to'])} UTC",
        last_is_total=True,
    )
    for_programs().print(f"baseline: {plain(str(report['baseline']))}", style="dim", soft_wrap=True)


def _hour(moment: str) -> str:
    return plain(moment).replace("T", " ").removesuffix(":00Z")


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"
