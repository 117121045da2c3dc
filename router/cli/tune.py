"""`pennyroute tune`: outcomes in, the frontier out, and the threshold that keeps a floor or a budget."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli.attached import Where
from router.cli.failing import CommandFailed
from router.cli.options import ConfigOption, DataDirOption, OutcomesArgument, example
from router.names import DATA_DIR

if TYPE_CHECKING:
    from router.catalog import Route
    from router.routes.certificate import CertificateInForce
    from router.routes.threshold import Threshold
    from router.setup import SetUp
    from router.tuning.aim import Aim
    from router.tuning.rows import TuningRows
    from router.tuning.tuned import Tuned

_ONE_OF = "--floor, --monthly-usd, --value-usd"
_USUAL_CONFIDENCE = 0.95


@example(
    "pennyroute tune --classifier trained trained/holdout.jsonl --floor 0.98 --confidence 0.95",
    "pennyroute tune --classifier trained trained/holdout.jsonl --floor 0.98 --route default --apply",
    "pennyroute tune --classifier trained trained/holdout.jsonl --monthly-usd 500 --requests 200000",
    "pennyroute tune --classifier shipped outcomes.parquet --value-usd 0.02 --html frontier.html",
)
def tune(
    outcomes: OutcomesArgument,
    *,
    classifier: Annotated[
        Path,
        typer.Option(metavar="DIR", help="An artifact that `pennyroute train --out` wrote, or `shipped`."),
    ],
    floor: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Keep this share of always-large quality, such as 0.98, at the least cost.",
            show_default=False,
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="How sure to be that the floor is kept, or the budget. Unset: 0.95.",
            show_default=False,
        ),
    ] = None,
    monthly_usd: Annotated[
        float | None,
        typer.Option(
            metavar="USD",
            help="Best quality at which a month is expected to cost no more.",
            show_default=False,
        ),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="With --monthly-usd: requests of that month.", show_default=False
        ),
    ] = None,
    value_usd: Annotated[
        float | None,
        typer.Option(
            metavar="USD",
            help="What a good answer is worth: large where that pays for the extra cost of the very query.",
            show_default=False,
        ),
    ] = None,
    route: Annotated[
        str | None,
        typer.Option(metavar="ROUTE", help="With --apply: whose threshold to set.", show_default=False),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put the threshold in force, with its certificate.")
    ] = False,
    hand: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Rows of the same ids, drawn at random and scored by hand, that correct a judge's scores.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write a page with the frontier drawn.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides what a bound draws, if it draws.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = DATA_DIR,
) -> None:
    """Find the threshold that keeps a floor, a budget, or a worth.

    A quality floor with proof, a month's money, or what a good answer is worth to you.

    Give exactly one of --floor, --monthly-usd with --requests, and --value-usd. Rows that the classifier
    learned from, and their near-copies, are left out and counted: nothing is certified on its own training
    data. Without --apply nothing changes.
    """
    aim = _aim(floor, confidence, monthly_usd, requests, value_usd)
    if apply != (route is not None):
        raise typer.BadParameter("they go together", param_hint="--route, --apply")
    from classifiers import ClassifierError
    from router.cli.tune_tables import print_tuned, tell_rows

    where = Where(config, data_dir)
    try:
        target = _target(where, route)
        seen = _in_force(where, target)
        rows = _rows(classifier, outcomes, hand=hand, strict=strict)
        tell_rows(rows)
        tuned = _tuned(rows, aim, seed, target)
    except ClassifierError as error:
        raise CommandFailed(str(error)) from error
    certificate = _certificate(tuned, target)
    applied = _applied(where, target, seen, tuned, certificate)
    if html is not None:
        _write_page(html, tuned)
    print_tuned(tuned, certificate, applied, as_json=json_)
    if apply and applied is None:
        raise CommandFailed(_why_not_applied(tuned))


def _aim(
    floor: float | None,
    confidence: float | None,
    monthly_usd: float | None,
    requests: int | None,
    value_usd: float | None,
) -> "Aim":
    from policies.tuning import DEAREST_ANSWER_USD
    from router.tuning.aim import BudgetAim, FloorAim, ValueAim

    if [floor, monthly_usd, value_usd].count(None) != 2:
        raise typer.BadParameter("give exactly one of them", param_hint=_ONE_OF)
    if (monthly_usd is None) != (requests is None):
        raise typer.BadParameter("they go together", param_hint="--monthly-usd, --requests")
    if value_usd is not None and confidence is not None:
        raise typer.BadParameter("it goes with --floor or --monthly-usd", param_hint="--confidence")
    sure = _USUAL_CONFIDENCE if confidence is None else confidence
    _check_between("--confidence", sure)
    if floor is not None:
        _check_between("--floor", floor)
        return FloorAim(floor, sure)
    if monthly_usd is not None and requests is not None:
        _check_amount("--monthly-usd", monthly_usd)
        return BudgetAim(monthly_usd, requests, sure)
    worth = 0.0 if value_usd is None else value_usd
    _check_amount("--value-usd", worth)
    if worth > DEAREST_ANSWER_USD:
        raise typer.BadParameter(
            f"{worth:g}: no answer is worth more than {DEAREST_ANSWER_USD:,} US dollars here",
            param_hint="--value-usd",
        )
    return ValueAim(worth)


def _check_between(name: str, value: float) -> None:
    if not 0 < value < 1:  # also refuses NaN
        raise typer.BadParameter(f"{value:g} is not between 0 and 1, such as 0.95", param_hint=name)


def _check_amount(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{value:g} is not a number of dollars above 0", param_hint=name)


def _target(where: Where, route: str | None) -> "tuple[SetUp, Route] | None":
    """What the configuration makes of the route, before any long work."""
    if route is None:
        return None
    from router.setup import set_up

    made = set_up(where.config, where.environ())
    return made, made.catalog.route(route)


def _in_force(where: Where, target: "tuple[SetUp, Route] | None") -> "Threshold | None":
    """What stands there while it is tuned; `None` where nothing is to be applied, or nothing stands there."""
    if target is None:
        return None
    import asyncio

    made, route = target

    async def look() -> "Threshold | None":
        from router.routes.thresholds import Thresholds
        from router.setup import open_store

        async with open_store(made.settings, where.data_dir) as store:
            return await Thresholds(store).current(route.name)

    return asyncio.run(look())


def _rows(classifier: Path, outcomes: list[Path], *, hand: Path | None, strict: bool) -> "TuningRows":
    from classifiers.default import SHIPPED
    from router.cli.evaluate import SHIPPED_NAME
    from router.cli.progress import told
    from router.tuning.rows import read_rows

    directory = SHIPPED if str(classifier) == SHIPPED_NAME else classifier
    with told("reading outcomes") as progress:
        return read_rows(directory, outcomes, hand=hand, strict=strict, progress=progress)


def _tuned(rows: "TuningRows", aim: "Aim", seed: int, target: "tuple[SetUp, Route] | None") -> "Tuned":
    from router.cli.progress import told
    from router.tuning.target import check_target
    from router.tuning.tuned import tune as answer

    if target is not None:
        made, route = target
        check_target(route, made.classifier.id, rows, aim)
    with told("trying thresholds"):
        return answer(rows, aim, seed=seed, now=datetime.now(UTC).isoformat(timespec="seconds"))


def _certificate(tuned: "Tuned", target: "tuple[SetUp, Route] | None") -> "CertificateInForce | None":
    """By the names that the route has for the models, or those in the outcomes, if they are of one pair."""
    if target is not None:
        _, route = target
        return tuned.certificate(route.small.name, route.large.name, route.answers)
    models = tuned.rows.models
    return tuned.certificate(*models[0]) if len(models) == 1 else None


def _applied(
    where: Where,
    target: "tuple[SetUp, Route] | None",
    seen: "Threshold | None",
    tuned: "Tuned",
    certificate: "CertificateInForce | None",
) -> "tuple[float, Threshold] | None":
    """The value before and the threshold now in force; `None` where nothing was applied."""
    threshold = tuned.threshold
    if target is None or threshold is None:
        return None
    import asyncio

    made, route = target

    async def put() -> "tuple[float, Threshold]":
        from router.cli.changes import who
        from router.routes.thresholds import Change, Thresholds
        from router.setup import open_store
        from router.tuning.applying import put_in_force
        from router.tuning.target import reason_of

        async with open_store(made.settings, where.data_dir) as store:
            reason = reason_of(tuned.aim, certificate.id if certificate else "")
            change = Change(route.name, threshold, by=who(), reason=reason, certificate=certificate)
            return await put_in_force(Thresholds(store), route, seen, change)

    return asyncio.run(put())


def _why_not_applied(tuned: "Tuned") -> str:
    from router.tuning.aim import FloorAim, ValueAim

    if isinstance(tuned.aim, ValueAim):
        return (
            "nothing was applied: a worth decides query by query and has no threshold to set. Say "
            f"`value_usd: {tuned.aim.value_usd:g}` for the route in the configuration, and start the service "
            "with it"
        )
    if isinstance(tuned.aim, FloorAim):
        return "nothing was applied: no threshold could be certified"
    return "nothing was applied: no threshold stays within the budget"


def _write_page(path: Path, tuned: "Tuned") -> None:
    from router.tuning.page import page

    try:
        path.write_text(page(tuned), encoding="utf-8")
    except OSError as error:
        raise CommandFailed(f"{path}: the page cannot be written ({error.strerror})") from error
