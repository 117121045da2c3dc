"""How a dry run is printed: what would have been, beside what was."""

from typing import TYPE_CHECKING

from router.cli.options import Format

if TYPE_CHECKING:
    from router.routes.what_if import WhatIf


def print_what_if(tried: "WhatIf", format_: Format) -> None:
    """Share to large, cost and savings of a route's last decisions, now and at another threshold."""
    from router.cli.output import Column, for_programs, plain, print_json, print_table
    from router.routes.what_if import ASSUMES

    if format_ is Format.JSON:
        print_json(tried.as_json())
        return
    out = for_programs()
    if not tried.decisions:
        out.print(
            f"Route {plain(tried.route)} has no recorded decision to try threshold {tried.threshold:g} on.",
            soft_wrap=True,
        )
        return
    print_table(
        (Column(""), Column("now", right=True), Column("then", right=True), Column("change", right=True)),
        (_share(tried), *_money(tried)),
        title=f"{tried.route}: the last {tried.decisions:,} decisions at threshold {tried.threshold:g}",
    )
    out.print(
        f"{tried.moved_to_large:,} would move to the large model, {tried.moved_to_small:,} to the small one.",
        soft_wrap=True,
    )
    if tried.unmovable:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tried.unmovable.items())
        out.print(f"Not moved by any threshold: {plain(reasons)}.", soft_wrap=True)
    if tried.unknown_cost:
        out.print(f"Of unknown cost, in no sum: {tried.unknown_cost:,} decisions.", style="yellow")
    if len(tried.classifiers) > 1:
        out.print(f"Decided by several classifiers: {plain(', '.join(tried.classifiers))}.", style="yellow")
    out.print(f"Assumed: {ASSUMES}.", style="dim")
    out.print("Nothing was changed.")


def _share(tried: "WhatIf") -> tuple[str | None, ...]:
    now, then = tried.share_to_large_now, tried.share_to_large_then
    if now is None or then is None:
        return "to large", None, None, None
    return "to large", f"{now:.1%}", f"{then:.1%}", f"{100 * (then - now):+.1f} points"


def _money(tried: "WhatIf") -> list[tuple[str | None, ...]]:
    from router.reports.amounts import decimals_for, dollars

    if tried.decisions <= tried.unknown_cost:
        return [("cost, USD", None, None, None)]
    now, then, saved = tried.cost_now_nano, tried.cost_then_nano, tried.savings_nano
    decimals = decimals_for((now, then, saved))
    relative = f" ({-saved / now:+.1%})" if now else ""
    sign = "" if saved > 0 else "+"
    return [
        (
            "cost, USD",
            dollars(now, decimals),
            dollars(then, decimals),
            f"{sign}{dollars(-saved, decimals)}{relative}",
        )
    ]
