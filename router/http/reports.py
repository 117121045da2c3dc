"""`GET /v1/reports/routes`: what a period cost, as JSON or CSV."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from router.catalog import suggestion
from router.errors import InvalidRequest
from router.http.parts import AdminDep, PartsDep
from router.reports import csv_text, parse_by, parse_period, route_report
from router.reports.sheet import file_name

router = APIRouter(tags=["reports"])

_PARAMETERS = ("from", "to", "by", "format")
_FORMATS = ("json", "csv")
_MOMENT = "A date or datetime (UTC unless it carries an offset), a span before now (24h, 7d, 2w), or now."
_NOT_KEPT = {"Cache-Control": "no-store"}


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FiguresAnswer(_Answer):
    """The figures of a group, or of all.

    Money is exact; `null` is unknown, which is never 0. Percentiles are to within 4.5 %.
    """

    requests: int = Field(description="Decisions that ended.")
    share: float | None = Field(description="Of all requests of the report, 0 to 1.")
    share_to_large: float | None = Field(description="Of these requests, those the large tier ended.")
    attempts: int = Field(description="Calls to providers; one decision may take several.")
    errors: int = Field(description="Requests that got no answer.")
    input_tokens: int = Field(description="All that was sent, cached tokens included.")
    input_tokens_p50: int | None = Field(description="Of a request.")
    input_tokens_p95: int | None
    output_tokens: int = Field(description="All that was generated, reasoning included.")
    output_tokens_p50: int | None
    output_tokens_p95: int | None
    cached_input_tokens: int
    cached_input_tokens_p50: int | None
    cached_input_tokens_p95: int | None
    reasoning_tokens: int
    cost_usd: str | None = Field(description="The sum of what is known, an exact decimal.")
    nano_usd: int | None = Field(description="The same in nano-dollars.")
    cost_per_request_usd: str | None = Field(
        description="Rounded half up to a nano-dollar; null when a part of the cost is unknown."
    )
    baseline_usd: str | None = Field(
        description="The route's large model at the same tokens: an assumption. 0 for what answered nobody."
    )
    baseline_nano_usd: int | None
    savings_usd: str | None = Field(
        description="Baseline less cost, over the attempts of which both are known."
    )
    savings_nano_usd: int | None
    audit_usd: str = Field(
        description="The part of the cost that answered nobody: seeing what the other model would have said."
    )
    audit_nano_usd: int
    cost_by_source: dict[str, float] = Field(
        description="Share of the cost by source of usage: provider_cost, provider, counted, assumed."
    )
    unknown_cost: int = Field(description="Attempts whose cost is not known; they are in no sum of money.")
    unknown_baseline: int = Field(description="Attempts whose baseline is not known.")
    overruns: int = Field(description="Attempts that cost more than was held for them.")
    certified: int = Field(description="Requests that a certificate held for.")
    suspended: int = Field(description="Requests sent to large because a certificate was suspended.")
    cache_hits: int = Field(description="Requests that a route's cache answered.")
    cache_saved_usd: str = Field(description="What their models would have charged, where that is known.")
    cache_saved_nano_usd: int
    degraded: int = Field(description="Requests that a route's ladder took something from.")
    uncertified: int = Field(description="Of those, the ones it may have taken below the quality floor.")
    latency_p50_ms: int | None = Field(description="From a request's arrival to its end.")
    latency_p95_ms: int | None


class GroupAnswer(FiguresAnswer):
    """One group: the names that `by` asked for, and its figures. A label nobody gave is empty."""

    route: str | None = None
    tier: str | None = None
    model: str | None = None
    team: str | None = None
    feature: str | None = None
    provider: str | None = None


class CertificateAnswer(_Answer):
    """A certificate that stood with a threshold in the period; each decision says whether it held for it."""

    route: str
    certificate: str
    floor: float
    confidence: float
    provisional: bool
    threshold: float
    threshold_version: int
    from_: str = Field(alias="from")
    to: str | None = Field(description="When another threshold replaced it; null if none did.")
    suspended: bool = Field(description="It was withdrawn by the watch, which replaced it.")


class ReportAnswer(_Answer):
    """What a period cost: groups, dearest first, and their total."""

    from_: str = Field(alias="from", description="Beginning of the first whole hour covered, UTC.")
    to: str = Field(description="End of the last one; not included.")
    by: list[str]
    baseline: str = Field(description="What the baseline assumes.")
    certificates: list[CertificateAnswer]
    groups: list[GroupAnswer]
    total: FiguresAnswer


@router.get(
    "/v1/reports/routes",
    summary="What a period cost, by route, tier, model, team, feature or provider",
    response_model=ReportAnswer,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def routes(
    request: Request,
    parts: PartsDep,
    admin: AdminDep,
    *,
    from_: Annotated[
        str | None, Query(alias="from", description=f"{_MOMENT} Unset: since the first entry.")
    ] = None,
    to: Annotated[
        str | None, Query(description="The same; not included. Unset: up to the newest entry.")
    ] = None,
    by: Annotated[
        str | None,
        Query(
            description="Any of route, tier, model, team, feature, provider, between commas. Unset: route."
        ),
    ] = None,
    format_: Annotated[
        str, Query(alias="format", description="json or csv.", json_schema_extra={"enum": list(_FORMATS)})
    ] = "json",
) -> Response:
    """Sums the ledger's hourly counters; the period is widened to whole hours.

    It shows what everybody on the account pays for, so a key needs the scope `admin`.
    """
    _check_names(request)
    if format_ not in _FORMATS:
        raise InvalidRequest(f"format: expected json or csv, got {format_[:40]!r}", param="format")
    names = parse_by(by)
    period = parse_period(from_, to, await parts.store.now_ms())
    report = await route_report(
        parts.store,
        admin.account,
        by=names,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        archive=parts.settings.ledger.archive_dir,
    )
    if format_ == "csv":
        attachment = {"Content-Disposition": f'attachment; filename="{file_name(report)}"'}
        return Response(csv_text(report), media_type="text/csv", headers=_NOT_KEPT | attachment)
    return JSONResponse(report.as_json(), headers=_NOT_KEPT)


def _check_names(request: Request) -> None:
    """A misspelt parameter would silently answer another question."""
    for name in request.query_params:
        if name not in _PARAMETERS:
            raise InvalidRequest(
                f"parameter {name[:40]!r} is not known{suggestion(name, list(_PARAMETERS))}", param=name[:40]
            )
    for name in _PARAMETERS:
        if len(request.query_params.getlist(name)) > 1:
            raise InvalidRequest(f"parameter {name!r} is there twice", param=name)
