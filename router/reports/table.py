"""The report as a table for a terminal of 80 to 100 columns."""

from collections.abc import Callable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from router.moments import minute
from router.reports.amounts import decimals_for, dollars
from router.reports.certificates import CertificateTerm
from router.reports.figures import Figures
from router.reports.report import Report
from router.terminal import plain

_NONE = "(none)"
_BELOW = "dim"
_WARN = "yellow"
_ALARM = "red"
_NARROWEST_NAME = 8


def table(report: Report) -> Table:
    """Each group in two lines, dearest first, and a total; JSON and CSV have the rest of the figures."""
    begins, ends = (moment.replace("T", " ").removesuffix(":00Z") for moment in report.covers)
    drawn = Table(
        title=f"Cost by {', '.join(report.by)}, {begins} to {ends} UTC",
        caption=_caption(report),
        caption_justify="left",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_footer=True,
    )
    drawn.add_column(
        "\n".join(report.by), footer=Text("total", "bold"), min_width=_NARROWEST_NAME, overflow="fold"
    )
    columns = _columns(report)
    for heading, cell in columns:
        total = cell(report.total)
        total.stylize("bold")
        drawn.add_column(heading, justify="right", footer=total, no_wrap=True)
    for group in report.groups:
        drawn.add_row(_names(group.names), *(cell(group.figures) for _, cell in columns))
    return drawn


def _columns(report: Report) -> list[tuple[str, Callable[[Figures], Text]]]:
    everything = [report.total, *(group.figures for group in report.groups)]
    cost = decimals_for(figures.cost_nano for figures in everything)
    other = decimals_for(
        nano for figures in everything for nano in (figures.baseline_nano, figures.savings_nano)
    )

    def without_routing(row: Figures) -> Text:
        above = _money(row.known_baseline_nano, other, row.unknown_baseline)
        return Text("\n").join((above, _money(row.known_savings_nano, other, 0)))

    return [
        ("requests\nshare", lambda row: _two(f"{row.requests:,}", _percent(row.share))),
        ("to large\nerrors", lambda row: _two(_percent(row.share_to_large), f"{row.errors:,}", row.errors)),
        ("tokens in\nand out", lambda row: _two(f"{row.input_tokens:,}", f"{row.output_tokens:,}")),
        ("cost\nUSD", lambda row: _money(row.known_cost_nano, cost, row.unknown_cost)),
        ("baseline\nsavings", without_routing),
        (
            "p50 ms\nand p95",
            lambda row: _two(_ms(row.percentile("latency", 0.50)), _ms(row.percentile("latency", 0.95))),
        ),
    ]


def _names(names: Sequence[str]) -> Text:
    return Text("\n").join(Text(plain(name)) if name else Text(_NONE, _BELOW) for name in names)


def _two(above: str, below: str, alarm: int = 0) -> Text:
    return Text.assemble(above, "\n", (below, _ALARM if alarm else _BELOW))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _ms(latency: int | None) -> str:
    return "-" if latency is None else f"{latency:,}"


def _money(nano: int | None, decimals: int, unknown: int) -> Text:
    """The sum of what is known; how much is not stands below it, never taken for 0."""
    if nano is None:
        return Text(f"{unknown:,} unknown" if unknown else "unknown", _WARN)
    if not unknown:
        return Text(dollars(nano, decimals))
    return Text.assemble(dollars(nano, decimals), "\n", (f"+ {unknown:,} unknown", _WARN))


def _caption(report: Report) -> Text:
    total = report.total
    lines = ["baseline: the large model at the same tokens (an assumption)"]
    sources = total.source_shares
    if sources:
        told = ", ".join(f"{source} {share:.1%}" for source, share in sources.items())
        lines.append(f"cost by source of usage: {told}")
    if total.unknown_cost or total.unknown_baseline:
        lines.append("unknown: attempts without a known price or usage, left out of sums and savings")
    if total.audit_nano:
        lines.append(
            f"audits, which answer nobody: {dollars(total.audit_nano, decimals_for([total.audit_nano]))} USD "
            "of the cost"
        )
    lines += [_certificate(term) for term in report.certificates]
    if total.suspended:
        lines.append(f"sent to large because a certificate was suspended: {total.suspended:,}")
    if total.cache_hits:
        saved = dollars(total.cache_saved_nano, decimals_for([total.cache_saved_nano]))
        lines.append(f"answered by the cache: {total.cache_hits:,}, which saved {saved} USD")
    if total.degraded:
        below = (
            f", {total.uncertified:,} of them without the route's certificate" if total.uncertified else ""
        )
        lines.append(f"degraded by a route's ladder: {total.degraded:,}{below}")
    if total.overruns:
        lines.append(f"attempts that cost more than was held for them: {total.overruns:,}")
    if not total.requests:
        lines.insert(0, "no requests in this period")
    return Text("\n".join(lines))


def _certificate(term: CertificateTerm) -> str:
    proven = term.certificate
    what = f"at least {proven.floor:.1%} of always-large quality at {proven.confidence:.0%} confidence"
    stood = f"set with the threshold from {minute(term.from_ms)} UTC"
    if term.to_ms is not None:
        stood += f"{', suspended' if term.suspended else ' to'} {minute(term.to_ms)} UTC"
    kind = ", provisional" if proven.provisional else ""
    return f"{plain(term.route)}: certificate {proven.id} ({what}{kind}), {stood}"
