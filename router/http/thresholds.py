"""`/v1/routes/{route}/threshold`: read, change under a version, look back."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from router.access.caller import Caller
from router.catalog import Catalog, check_settable
from router.errors import InvalidRequest, VersionRequired
from router.http.parts import CallerDep, OperatorDep, Parts, PartsDep
from router.proof import standing_of
from router.routes.threshold import Threshold
from router.routes.thresholds import Change

router = APIRouter(tags=["thresholds"])
_ETAG = re.compile(r'"v(\d{1,15})"')
_ANYBODY = "anybody on loopback"


class ThresholdBody(BaseModel):
    """A threshold somebody wants."""

    model_config = ConfigDict(extra="forbid", strict=True)

    threshold: float = Field(ge=0, le=1, description="Difficulty, 0 to 1, at and above which large answers.")
    reason: str = Field("", max_length=500, description="Why; kept in the history.")


class ThresholdAnswer(BaseModel):
    """A threshold."""

    route: str
    threshold: float
    version: int
    set_by: str
    set_at: str
    reason: str
    suspended: bool = Field(description="The watch withdrew the certificate: all goes to large.")
    certificate: dict[str, Any] | None = Field(description="What was certified of it, if anything was.")


class ThresholdInForce(ThresholdAnswer):
    """The threshold in force."""

    holds: bool | None = Field(
        description="Whether the certificate proves anything of what the route decides now; null without one."
    )
    why_not: str | None = Field(description="Why it does not; null where it holds or there is none.")


class ThresholdHistory(BaseModel):
    """Every threshold a route has had, newest first."""

    route: str
    history: list[ThresholdAnswer]


@router.get("/v1/routes/{route:path}/threshold/history", summary="What a route's threshold was, newest first")
async def history(route: str, parts: PartsDep, _: CallerDep) -> ThresholdHistory:
    """Who changed it, when and why."""
    name = _known(parts.catalog, route)
    found = await parts.thresholds.history(name)
    return ThresholdHistory(route=name, history=[_answer(threshold) for threshold in found])


@router.get("/v1/routes/{route:path}/threshold", summary="A route's threshold")
async def read(route: str, parts: PartsDep, _: CallerDep, response: Response) -> ThresholdInForce:
    """The one in force, with its version as ETag."""
    name = _known(parts.catalog, route)
    threshold = await parts.thresholds.current(name) or await parts.thresholds.seed(
        name, parts.catalog.routes[name].threshold
    )
    response.headers["ETag"] = f'"v{threshold.version}"'
    return _in_force(parts, threshold)


@router.put("/v1/routes/{route:path}/threshold", summary="Change a route's threshold")
async def change(
    route: str,
    body: ThresholdBody,
    parts: PartsDep,
    operator: OperatorDep,
    response: Response,
    *,
    if_match: Annotated[str | None, Header(description='The version it changes: "v3".')] = None,
) -> ThresholdInForce:
    """In force for every decision that begins after the answer, in every worker."""
    name = _known(parts.catalog, route)
    check_settable(parts.catalog.routes[name])
    wanted = Change(name, body.threshold, _who(operator), body.reason, _expected(if_match))
    threshold = await parts.thresholds.set(wanted)
    response.headers["ETag"] = f'"v{threshold.version}"'
    return _in_force(parts, threshold)


def _known(catalog: Catalog, route: str) -> str:
    return catalog.route(route).name


def _answer(threshold: Threshold) -> ThresholdAnswer:
    shown: dict[str, Any] = threshold.as_json()
    return ThresholdAnswer(**shown)


def _in_force(parts: Parts, threshold: Threshold) -> ThresholdInForce:
    shown: dict[str, Any] = threshold.as_json()
    standing = standing_of(parts.catalog.routes[threshold.route], threshold, parts.classifier)
    return ThresholdInForce(**shown, **standing.as_json())


def _who(caller: Caller) -> str:
    return caller.key_id or _ANYBODY


def _expected(if_match: str | None) -> int | None:
    if if_match is None:
        raise VersionRequired(
            'say which version this changes: send If-Match with the ETag that GET answered, such as "v3"',
            param="If-Match",
        )
    if if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidRequest('If-Match: expected an ETag such as "v3", quotes included', param="If-Match")
    return int(found[1])
