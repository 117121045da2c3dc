"""`/v1/outcomes`: scores come in, outcomes are listed."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from router.access.caller import Caller
from router.catalog import suggestion
from router.errors import InvalidRequest, NotPermitted, PennyrouteError
from router.http.json_body import read_json
from router.http.parts import AdminDep, CallerDep, Parts, PartsDep
from router.outcomes.page import Cursor
from router.outcomes.record import JudgedBy
from router.outcomes.scoring import Fate, Said, Scoring
from router.reports import parse_period

router = APIRouter(tags=["outcomes"])

_MOST_AT_ONCE: Final = 1_000
_TOGETHER: Final = 32
_PARAMETERS: Final = ("route", "from", "limit", "before")
_NOT_KEPT: Final = {"Cache-Control": "no-store"}
_FATES: Final = ("scored", "unchanged", "refused")


class _Scored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    score: float


class _Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    decision_id: str
    judged_by: Literal["feedback", "hand", "import"] = "feedback"
    score: float | None = None
    small: _Scored | None = None
    large: _Scored | None = None

    def said(self, caller: Caller) -> Said:
        """What an admin of another account than the operator's says is a tenant's: the watch is everybody's.

        What its callers may say of their own answers, its admin may say as well.
        """
        foreign = caller.admin and not caller.operator
        plain = self.judged_by == "feedback" and self.score is not None
        return Said(
            self.decision_id,
            JudgedBy.TENANT if foreign and not plain else JudgedBy(self.judged_by),
            small=self.small.score if self.small else None,
            large=self.large.score if self.large else None,
            answer=self.score,
        )


class _Several(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcomes: list[msgspec.Raw]


_JUDGES: Final = ("feedback", "hand", "import")
_ITEM: Final = msgspec.json.Decoder(_Item)
_SEVERAL: Final = msgspec.json.Decoder(_Several)
_NAMES: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TIER: Final = {
    "type": "object",
    "required": ["score"],
    "properties": {"score": {"type": "number", "minimum": 0, "maximum": 1}},
}
_ONE: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["decision_id"],
    "properties": {
        "decision_id": {"type": "string"},
        "score": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Of the answer that was given, whichever tier gave it.",
        },
        "small": _TIER,
        "large": _TIER,
        "judged_by": {"enum": [*_JUDGES], "default": "feedback"},
    },
}
_BODY: Final[dict[str, Any]] = {
    "oneOf": [
        _ONE,
        {
            "type": "object",
            "required": ["outcomes"],
            "properties": {"outcomes": {"type": "array", "maxItems": _MOST_AT_ONCE, "items": _ONE}},
        },
    ]
}


@router.post(
    "/v1/outcomes",
    summary="Score decisions: one, or up to 1,000",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _BODY}}}},
)
async def score(request: Request, parts: PartsDep, caller: CallerDep) -> JSONResponse:
    """A key with scope `call` gives feedback on its own decisions; `admin` scores all of its account.

    Scores by an admin of another account than `main` stand beside the others as `tenant`, and count nowhere.
    Of one, the answer says its fate or is the error; of several, it says the fate of each, in their order.
    """
    raw = await request.body()
    if "outcomes" not in read_json(raw, _NAMES):
        item = _read_item(raw)
        fate = await _take(parts, caller, item)
        return JSONResponse({"decision_id": item.decision_id, "fate": fate.value}, headers=_NOT_KEPT)
    items = read_json(raw, _SEVERAL, ("outcomes",)).outcomes
    if len(items) > _MOST_AT_ONCE:
        raise InvalidRequest(
            f"outcomes: takes at most {_MOST_AT_ONCE:,} at once, got {len(items):,}", param="outcomes"
        )
    fates = await _take_all(parts, caller, items)
    counts = {fate: sum(one["fate"] == fate for one in fates) for fate in _FATES}
    return JSONResponse({"outcomes": fates, **counts}, headers=_NOT_KEPT)


@router.get("/v1/outcomes", summary="Outcomes of the account, newest first")
async def read(
    request: Request,
    parts: PartsDep,
    admin: AdminDep,
    *,
    route: Annotated[str | None, Query(description="Of one route. Unset: of all.")] = None,
    from_: Annotated[
        str | None, Query(alias="from", description="Not before: a date or datetime, or a span such as 30d.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="At most so many.")] = 100,
    before: Annotated[str | None, Query(description="The `next` of an earlier answer.")] = None,
) -> JSONResponse:
    """Both tiers' scores and costs; prompts and answers only of routes with `store_prompts`.

    A route that was taken out of the configuration is known for as long as outcomes of it are kept.
    """
    for name in request.query_params:
        if name not in _PARAMETERS:
            raise InvalidRequest(
                f"parameter {name[:40]!r} is not known{suggestion(name, list(_PARAMETERS))}", param=name[:40]
            )
    if route is not None and route not in await parts.outcomes.routes(admin.account):
        parts.catalog.route(route)
    period = parse_period(from_, None, await parts.store.now_ms())
    page = await parts.outcomes.page(
        admin.account,
        route,
        from_ms=period.from_ms,
        before=None if before is None else Cursor.parse(before),
        limit=limit,
    )
    found = {
        "outcomes": [one.as_json() for one in page.outcomes],
        "next": None if page.next is None else str(page.next),
    }
    return JSONResponse(found, headers=_NOT_KEPT)


async def _take(parts: Parts, caller: Caller, item: _Item) -> Fate:
    if not caller.may_call:
        raise NotPermitted("this key has no scope `call`")
    if not caller.admin and item.judged_by != "feedback":
        raise NotPermitted(
            f"judged_by {item.judged_by!r} needs a key with scope `admin`; this one gives feedback, on its "
            "own decisions"
        )
    if not caller.admin and item.score is None:  # else whoever may call could move the watch of everybody
        raise NotPermitted(
            "to score a tier that did not answer needs a key with scope `admin`; this one says `score`, of "
            "the answer it was given"
        )
    scoring = Scoring(parts.store, parts.outcomes, parts.catalog.routes)
    return await scoring.take(
        caller.account, item.said(caller), own_key=None if caller.admin else caller.key_id
    )


async def _take_all(parts: Parts, caller: Caller, items: Sequence[msgspec.Raw]) -> list[dict[str, Any]]:
    """The fate of each; those of one decision one after the other, so that its last word is the last."""
    gate = asyncio.Semaphore(_TOGETHER)
    orders: dict[str, list[int]] = {}
    read: list[_Item | PennyrouteError] = []
    for at, raw in enumerate(items):
        read.append(_item(raw))
        found = read[at]
        orders.setdefault(found.decision_id if isinstance(found, _Item) else f"#{at}", []).append(at)
    fates: dict[int, dict[str, Any]] = {}

    async def in_order(places: list[int]) -> None:
        async with gate:
            for at in places:
                fates[at] = await _fate(parts, caller, read[at])

    async with asyncio.TaskGroup() as group:
        for places in orders.values():
            group.create_task(in_order(places))
    return [fates[at] for at in range(len(items))]


def _read_item(raw: bytes) -> _Item:
    try:
        return read_json(raw, _ITEM, _Item.__struct_fields__)
    except InvalidRequest as error:
        if error.param != "judged_by":
            raise
        raise InvalidRequest(f"judged_by: takes one of {', '.join(_JUDGES)}", param="judged_by") from error


def _item(raw: msgspec.Raw) -> _Item | PennyrouteError:
    try:
        return _read_item(bytes(raw))
    except InvalidRequest as error:
        return error


async def _fate(parts: Parts, caller: Caller, item: _Item | PennyrouteError) -> dict[str, Any]:
    if isinstance(item, PennyrouteError):
        return _refused(None, item)
    try:
        fate = await _take(parts, caller, item)
    except PennyrouteError as error:
        return _refused(item.decision_id, error)
    return {"decision_id": item.decision_id, "fate": fate.value}


def _refused(decision_id: str | None, error: PennyrouteError) -> dict[str, Any]:
    return {
        "decision_id": None if decision_id is None else decision_id[:40],
        "fate": "refused",
        "code": error.code,
        "message": error.message,
    }
