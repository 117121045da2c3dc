"""`pennyroute threshold`: where the line between small and large is, who drew it, and how to move it."""

from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where, with_set_up
from router.cli.changes import brought_in, who
from router.cli.options import (
    ConfigOption,
    DataDirOption,
    Format,
    FormatOption,
    RouteArgument,
    example,
)
from router.names import DATA_DIR

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from router.catalog import Route
    from router.proof import Standing
    from router.routes.threshold import Threshold
    from router.routes.what_if import WhatIf
    from router.setup import SetUp
    from router.store.connection import Store

_NOT_YET = "configured; in force once the service starts"


def _zero_to_one(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0.0 <= value <= 1.0:  # also refuses NaN
        raise typer.BadParameter(f"a threshold is a number from 0 to 1, not {text[:40]}")
    return value


@example("pennyroute threshold show", "pennyroute threshold show support --format json")
def show(
    route: Annotated[
        str | None,
        typer.Argument(metavar="[ROUTE]", help="A configured route. Unset: all of them.", show_default=False),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Show the threshold in force, of one route or of all.

    It is the difficulty, 0 to 1, at and above which the large model answers.
    """

    async def work(made: "SetUp", store: "Store") -> "list[tuple[Threshold, Standing]]":
        from router.proof import standing_of
        from router.routes.thresholds import Thresholds

        wanted = list(made.catalog.routes.values()) if route is None else [made.catalog.route(route)]
        thresholds = Thresholds(store)
        found = [(one, await thresholds.current(one.name) or _unseen(one)) for one in wanted]
        return [(in_force, standing_of(one, in_force, made.classifier.id)) for one, in_force in found]

    found = with_set_up(Where(config, data_dir), work)
    if format_ is Format.JSON:
        from router.cli.output import print_json

        shown = [_as_json(one) | standing.as_json() for one, standing in found]
        print_json(shown if route is None else shown[0])
        return
    _print([one for one, _ in found], newest_is_in_force=False)
    _tell_lapsed(found)


@example(
    "pennyroute threshold set support 0.12 --reason 'fewer small-model complaints'",
    "pennyroute threshold set support 0.2 --dry-run --last 5000",
    "pennyroute threshold set support 0.12 --if-version 3",
)
def set_(
    route: RouteArgument,
    value: Annotated[
        float,
        typer.Argument(
            metavar="VALUE",
            help="Difficulty, 0 to 1, at and above which the large model answers.",
            parser=_zero_to_one,
        ),
    ],
    *,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept in the history.", show_default=False)
    ] = "",
    if_version: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Only if this version is in force, as `show` said.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Change nothing; show what the last recorded decisions would have been."
        ),
    ] = False,
    last: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="With --dry-run: how many decisions.")
    ] = 1000,
    account: Annotated[str, typer.Option(metavar="NAME", help="With --dry-run: whose decisions.")] = "main",
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Put a threshold in force, or try one out with --dry-run.

    It is live in every worker before its next decision.
    Lower sends more to the large model: better answers, higher cost. Values above 0.4 are rarely reached.
    """
    where = Where(config, data_dir)
    if dry_run:
        from router.cli.what_if import print_what_if

        print_what_if(with_set_up(where, _tried(route, value, account, last)), format_)
        return

    async def work(made: "SetUp", store: "Store") -> "tuple[float, Threshold]":
        from router.catalog import check_settable
        from router.routes.thresholds import Change, Thresholds

        thresholds, known = Thresholds(store), made.catalog.route(route)
        check_settable(known)
        before = await brought_in(thresholds, known, if_version)
        change = Change(route, value, by=who(), reason=reason, expected_version=if_version)
        return before, await thresholds.set(change)

    _print_change(*with_set_up(where, work), format_)


@example("pennyroute threshold history support", "pennyroute threshold history support --last 5")
def history(
    route: RouteArgument,
    last: Annotated[int, typer.Option(min=1, max=10_000, metavar="N", help="How many, newest first.")] = 20,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """List what a threshold has been: when, who and why, newest first."""

    async def work(made: "SetUp", store: "Store") -> "list[Threshold]":
        from router.routes.thresholds import Thresholds

        known = made.catalog.route(route)
        return await Thresholds(store).history(route, last) or [_unseen(known)]

    found = with_set_up(Where(config, data_dir), work)
    if format_ is Format.JSON:
        from router.cli.output import print_json

        print_json([_as_json(one) for one in found])
    else:
        _print(found, newest_is_in_force=True)


@example("pennyroute threshold rollback support", "pennyroute threshold rollback support --to-version 2")
def rollback(
    route: RouteArgument,
    to_version: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="The version to go back to. Unset: the one before the one in force.",
            show_default=False,
        ),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Put an earlier threshold in force again, as a new version."""

    async def work(made: "SetUp", store: "Store") -> "tuple[float, Threshold, Threshold | None]":
        from router.routes.thresholds import VERSIONS_KEPT, Thresholds

        known, thresholds = made.catalog.route(route), Thresholds(store)
        before = await thresholds.current(route)
        changed = await thresholds.rollback(route, who(), to_version)
        past = await thresholds.history(route, VERSIONS_KEPT)
        return (before.value if before else known.threshold), changed, _suspension_of(changed, past)

    before, changed, suspension = with_set_up(Where(config, data_dir), work)
    _print_change(before, changed, format_)
    if suspension is not None:
        _tell_put_back(suspension)


def _suspension_of(changed: "Threshold", past: "Sequence[Threshold]") -> "Threshold | None":
    """When the certificate that is in force again was last suspended, if it ever was; `past` newest first."""
    proof = changed.certificate
    if proof is None or changed.suspended:
        return None
    each = (one for one in past if one.suspended and one.certificate and one.certificate.id == proof.id)
    return next(each, None)


def _tell_put_back(suspension: "Threshold") -> None:
    from router.cli.output import plain, to_person
    from router.moments import minute

    name = suspension.certificate.id if suspension.certificate else ""
    to_person().print(
        f"Its certificate {plain(name)} was suspended by {plain(suspension.set_by)} on "
        f"{minute(suspension.set_at_ms)} UTC ({plain(suspension.reason)}); a person's decision puts it back.",
        style="yellow",
        soft_wrap=True,
    )


def _tried(
    route: str, value: float, account: str, last: int
) -> "Callable[[SetUp, Store], Awaitable[WhatIf]]":
    async def work(made: "SetUp", store: "Store") -> "WhatIf":
        from router.routes.what_if import what_if

        return await what_if(store, account, made.catalog.route(route), value, last=last)

    return work


def _unseen(route: "Route") -> "Threshold":
    from router.routes.threshold import Threshold
    from router.routes.thresholds import CONFIG

    return Threshold(route.name, route.threshold, 0, CONFIG, 0, _NOT_YET)


def _as_json(threshold: "Threshold") -> dict[str, object]:
    shown = threshold.as_json()
    return {**shown, "set_at": shown["set_at"] if threshold.version else None}


def _print(found: "Sequence[Threshold]", *, newest_is_in_force: bool) -> None:
    from router.cli.output import Column, print_table
    from router.moments import minute

    columns = (
        Column("route"),
        Column("threshold", right=True, whole=True),
        Column("version", right=True, whole=True),
        Column("set by"),
        Column("set at", whole=True),
        Column("certificate"),
        Column("reason"),
    )
    rows = []
    for at, one in enumerate(found):
        in_force = " (in force)" if newest_is_in_force and at == 0 and one.version else ""
        set_at = f"{minute(one.set_at_ms)} UTC"
        rows.append(
            (
                one.route,
                f"{one.value:g}",
                f"{one.version}{in_force}" if one.version else "-",
                one.set_by,
                set_at if one.version else "-",
                _proven(one),
                one.reason,
            )
        )
    print_table(columns, rows)


def _proven(one: "Threshold") -> str:
    proof = one.certificate
    if one.suspended:
        return f"{proof.id if proof else 'all'} suspended"
    if proof is None:
        return "-"
    kind = ", provisional" if proof.provisional else ""
    return f"{proof.id}: {proof.floor:.1%} at {proof.confidence:.0%}{kind}"


def _tell_lapsed(found: "Sequence[tuple[Threshold, Standing]]") -> None:
    from router.cli.output import for_programs, plain

    for one, standing in found:
        if one.certificate is not None and standing.why_not is not None and not one.suspended:
            for_programs().print(
                f"{plain(one.route)}: {one.certificate.id} does not hold: {plain(standing.why_not)}.",
                style="yellow",
                soft_wrap=True,
            )


def _print_change(before: float, changed: "Threshold", format_: Format) -> None:
    from router.cli.output import for_programs, plain, print_json

    if format_ is Format.JSON:
        print_json(changed.as_json())
        return
    out = for_programs()
    out.print(
        f"{plain(changed.route)}: {before:g} → {changed.value:g} (version {changed.version})",
        style="bold",
        soft_wrap=True,
    )
    effect = "the same as before"
    if changed.value != before:
        effect = f"{'less' if changed.value > before else 'more'} goes to the large model than before"
    out.print(
        f"In force now: {effect}; undo with pennyroute threshold rollback {plain(changed.route)}",
        soft_wrap=True,
    )
