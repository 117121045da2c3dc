"""How a replay is printed: each side beside the other, the difference, and the queries that change tier."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.replay.comparison import Comparison, Difference
    from router.replay.configuration import Terms
    from router.replay.deciding import Decided
    from router.replay.figures import Figures
    from router.replay.result import Findings, Scoring

_Row = tuple[str | None, ...]


def print_replay(found: "Findings", terms: "Sequence[Terms]", most: int) -> None:
    """Everything, for a person; at most so many of the queries that change tier."""
    from router.cli.output import for_programs, plain
    from router.replay.result import ASSUMES

    out = for_programs()
    for one in terms:
        thresholds = [f"{name} at {value:g}" for name, value in one.thresholds.items()]
        thresholds += ["at the recorded thresholds"] * one.as_recorded
        out.print(plain(", ".join([f"{one.label}: {one.config}", *thresholds])), soft_wrap=True)
    if not found.rows:
        out.print("There is nothing to replay.")
        return
    figures = {side.label: side.figures(found.rows) for side in found.sides}
    _print_sides(found, figures)
    _print_reasons(figures)
    _print_routes(found)
    for one, scoring in zip(terms, found.scoring, strict=True):
        _print_scoring(one.label, scoring)
    if found.left_open:
        out.print(f"Still going on, and left out: {found.left_open:,} decisions.", style="yellow")
    if found.as_recorded is not None:
        of = len(found.rows)
        out.print(f"{found.as_recorded.same_tier:,} of {of:,} go where they went.", style="bold")
    if found.compared is not None:
        _print_changes(found.compared, most)
    out.print(f"Assumed: {ASSUMES}.", style="dim", soft_wrap=True)
    out.print("Nobody was called.")


def _print_sides(found: "Findings", figures: "dict[str, Figures]") -> None:
    from router.cli.output import Column, print_table

    compared = found.compared
    titles = [*figures, *([f"{compared.labels[1]} - {compared.labels[0]} [95 %]"] if compared else [])]
    differences = _differences(compared)
    rows: list[_Row] = []
    for name, cells in _cells(list(figures.values())):
        rows.append((name, *cells, *([differences.get(name, "")] if compared else [])))
    print_table(
        (Column(""), *(Column(title, right=True) for title in titles)),
        rows,
        title=f"{len(found.rows):,} queries",
    )


def _cells(sides: "Sequence[Figures]") -> list[tuple[str, list[str | None]]]:
    from router.reports.amounts import decimals_for, dollars

    costs = [side.known_cost_nano for side in sides]
    decimals = decimals_for([cost for cost in costs if cost is not None])
    rows: list[tuple[str, list[str | None]]] = [
        ("refused", [f"{side.refused:,}" for side in sides]),
        ("to large", [_share(side.share_to_large) for side in sides]),
        ("cost, USD", [None if cost is None else dollars(cost, decimals) for cost in costs]),
        ("of unknown cost", [f"{side.unknown_cost:,}" for side in sides]),
        ("saved of always large", [_saved(side) for side in sides]),
    ]
    if any(side.judged for side in sides):
        rows += [
            ("quality", [_plain(side.mean_quality) for side in sides]),
            ("of always large", [_share(side.share_of_large_quality) for side in sides]),
        ]
    return rows


def _differences(compared: "Comparison | None") -> dict[str, str]:
    if compared is None:
        return {}
    parts = {
        "to large": _points(compared.share_to_large),
        "quality": _signed(compared.quality),
        "of always large": _points(compared.share_of_large_quality),
    }
    cost = compared.cost_nano
    if cost is not None and compared.total_nano is not None:
        parts["cost, USD"] = _signed(cost.scaled(cost.n / 1e9), ".6f")
    return {name: text for name, text in parts.items() if text is not None}


def _print_reasons(figures: "dict[str, Figures]") -> None:
    from router.cli.output import Column, print_table

    reasons = sorted({reason for side in figures.values() for reason in side.reasons})
    print_table(
        (Column("reason"), *(Column(label, right=True) for label in figures)),
        [(reason, *(f"{side.reasons[reason]:,}" for side in figures.values())) for reason in reasons],
    )


def _print_routes(found: "Findings") -> None:
    from router.cli.output import Column, print_table

    sides = [(side.label, side.by_route(found.rows)) for side in found.sides]
    routes = list(sides[0][1])
    if len(routes) < 2:
        return
    print_table(
        (
            Column("route"),
            Column("queries", right=True),
            *(Column(f"to large, {label}", right=True) for label, _ in sides),
            *(Column(f"USD, {label}", right=True) for label, _ in sides),
        ),
        [
            (
                route,
                f"{sides[0][1][route].queries:,}",
                *(_share(by[route].share_to_large) for _, by in sides),
                *(_usd(by[route].known_cost_nano) for _, by in sides),
            )
            for route in routes
        ],
    )


def _print_scoring(label: str, scoring: "Scoring") -> None:
    from router.cli.output import for_programs

    said = []
    if scoring.recorded:
        said.append(f"{scoring.recorded:,} by the recorded difficulty, for their text is not kept")
    if scoring.by_others:
        said.append(f"{scoring.by_others:,} of them scored by another classifier than this configuration's")
    if scoring.inferred:
        said.append(f"{scoring.inferred:,} whose record is no longer kept, from their ledger entries alone")
    if said:
        for_programs().print(f"{label} decided {'; '.join(said)}.", soft_wrap=True)


def _print_changes(compared: "Comparison", most: int) -> None:
    from router.cli.output import Column, for_programs, print_table

    first, second = compared.labels
    count = len(compared.changes)
    if not count or not most:
        for_programs().print(f"{count:,} queries change tier between {first} and {second}.")
        return
    shown = compared.changes[:most]
    print_table(
        (
            Column("id"),
            Column("route"),
            Column(f"difficulty, {first}", right=True),
            Column(f"threshold, {first}", right=True),
            Column(first),
            Column(f"difficulty, {second}", right=True),
            Column(f"threshold, {second}", right=True),
            Column(second),
        ),
        [(one.row.id, one.row.route, *_decided(one.first), *_decided(one.second)) for one in shown],
        title=f"{count:,} queries change tier"
        + (f"; the first {len(shown):,}" if len(shown) < count else ""),
    )


def _decided(one: "Decided") -> _Row:
    return (
        "" if one.difficulty is None else f"{one.difficulty:.4f}",
        "" if one.threshold is None else f"{one.threshold:g}",
        f"{one.tier or 'refused'} ({one.reason})",
    )


def _share(value: float | None) -> str | None:
    return None if value is None else f"{value:.1%}"


def _plain(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _usd(nano: int | None) -> str | None:
    from router.reports.amounts import decimals_for, dollars

    return None if nano is None else dollars(nano, decimals_for([nano]))


def _saved(side: "Figures") -> str | None:
    return f"{side.saved_nano / side.compared_nano:.1%}" if side.compared_nano else None


def _signed(found: "Difference | None", digits: str = ".4f") -> str | None:
    if found is None:
        return None
    text = f"{found.value:+{digits}}"
    return text if found.low is None else f"{text} [{found.low:+{digits}}, {found.high:+{digits}}]"


def _points(found: "Difference | None") -> str | None:
    """A difference of shares, in points."""
    return None if found is None else _signed(found.scaled(100), ".2f")
