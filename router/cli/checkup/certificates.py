"""Is each quality floor proven, and does every certificate still hold?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from router.catalog import Route
    from router.routes.threshold import Threshold
    from router.setup import SetUp


async def certificates(made: "SetUp", data_dir: Path) -> list[Row]:
    """A row for each route that has a floor, or a certificate; none if the store cannot say."""
    from router.errors import PennyrouteError
    from router.routes.thresholds import Thresholds
    from router.setup import open_store

    routes = list(made.catalog.routes.values())
    try:
        async with open_store(made.settings, data_dir) as store:
            found = [await Thresholds(store).current(route.name) for route in routes]
    except PennyrouteError:  # the rows about the store say it
        return []
    return [
        row
        for route, threshold in zip(routes, found, strict=True)
        for row in _of(route, threshold, made.classifier.id)
    ]


def _of(route: "Route", threshold: "Threshold | None", classifier: str) -> Iterator[Row]:
    from router.proof import lacking

    proof = threshold.certificate if threshold else None
    said = lacking(route, threshold, classifier)
    if said:
        wanted = route.quality_floor or (proof.floor if proof else 0.98)
        make = f"pennyroute tune … --floor {wanted:g} --route {route.name} --apply"
        yield Row("certificate", route.name, Verdict.WARN, said, make)
    elif proof is not None:
        kind = " (provisional: on a judge's opinion alone)" if proof.provisional else ""
        said = f"{proof.id}: at least {proof.floor:.1%} of always-large quality{kind}"
        yield Row("certificate", route.name, Verdict.OK, said)
