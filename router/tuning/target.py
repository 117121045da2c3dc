"""Where a tuned threshold may go: a route of the very classifier and models that it was tuned with."""

from router.catalog import Model, Route, check_settable
from router.errors import InvalidRequest
from router.tuning.aim import Aim, BudgetAim, FloorAim
from router.tuning.rows import TuningRows


def check_target(route: Route, classifier: str, rows: TuningRows, aim: Aim) -> None:
    """Whether what is found on the rows says anything of the route.

    Args:
        route: as it is configured.
        classifier: id of the one that the service decides with.
        rows: what is tuned on.
        aim: what is wanted.

    Raises:
        InvalidRequest: another classifier, other models, or a route that takes no such threshold.
    """
    if rows.classifier != classifier:
        raise InvalidRequest(
            f"the service decides with classifier {classifier}, this was tuned with {rows.classifier}: a "
            "threshold of one means nothing to another. Name the artifact under `classifier` in the "
            "configuration and start the service with it, or tune with the one it has",
            param="classifier",
        )
    _check_models(route, rows)
    if not isinstance(aim, FloorAim):
        check_settable(route)
    elif route.answer_nano is not None:
        raise InvalidRequest(
            f"route {route.name!r} weighs what an answer is worth (value_usd) and has no threshold to "
            "certify; say quality_floor in its place in the configuration",
            param="floor",
        )
    elif route.quality_floor is not None and aim.floor < route.quality_floor:
        raise InvalidRequest(
            f"route {route.name!r} has a quality floor of {route.quality_floor:g}: a certificate of "
            f"{aim.floor:g} does not hold there. Tune with --floor {route.quality_floor:g}",
            param="floor",
        )


def _check_models(route: Route, rows: TuningRows) -> None:
    wrong = [pair for pair in rows.models if not (_is(route.small, pair[0]) and _is(route.large, pair[1]))]
    if not wrong:
        return
    found = "; ".join(f"{small or '(not named)'} and {large or '(not named)'}" for small, large in wrong[:3])
    raise InvalidRequest(
        f"route {route.name!r} has the models {_told(route.small)} and {_told(route.large)}, the outcomes "
        f"are of {found}: what other models scored says nothing of these. Tune on outcomes whose "
        '"small"."model" and "large"."model" are the configured names or those of the provider',
        param="outcomes",
    )


def _is(model: Model, name: str) -> bool:
    return name in (model.name, model.endpoint.upstream_model)


def _told(model: Model) -> str:
    upstream = model.endpoint.upstream_model
    return model.name if upstream == model.name else f"{model.name} ({upstream})"


def reason_of(aim: Aim, certificate: str) -> str:
    """What the history says of the change."""
    if isinstance(aim, FloorAim):
        return (
            f"tuned: keeps {aim.floor:g} of always-large quality, {aim.confidence:.4g} sure ({certificate})"
        )
    if isinstance(aim, BudgetAim):
        return (
            f"tuned: {aim.requests:,} requests a month are expected to cost at most {aim.monthly_usd:g} USD, "
            f"{aim.confidence:.4g} sure; no certificate of quality"
        )
    raise InvalidRequest("a worth has no threshold to set; say value_usd in the configuration")
