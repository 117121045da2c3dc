"""Whether the service lives, whether it can work, and what it has done."""

from contextlib import suppress
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from router.errors import StoreUnavailable
from router.http.metrics import CONTENT_TYPE, Metrics
from router.http.parts import OperatorDep, Parts, PartsDep
from router.http.watch import state_watch
from router.live import FRESH_LIMIT_S, STALE_LIMIT_S
from router.providers.circuit import CircuitState
from router.store.connection import StoreRefused

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Whether queries can be answered; `store` says how the store is."""

    status: Literal["ready", "degraded", "unready"]
    store: str


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Health:
    """Always `ok`: if it is not, nothing answers."""
    return Health()


@router.get("/readyz", summary="Whether queries can be answered", responses={503: {"model": Readiness}})
async def readyz(parts: PartsDep, response: Response) -> Readiness:
    """`degraded`: the store is away, or says nothing new, and calls go on for a while with what is known."""
    age_s = parts.live.age_s
    try:
        await parts.store.now_ms()
    except (StoreUnavailable, StoreRefused) as error:
        store = error.message
    else:
        if age_s <= FRESH_LIMIT_S:
            return Readiness(status="ready", store="answers")
        store = f"answers, but thresholds and keys were last read {age_s:.0f} s ago; the log says why"
    if age_s <= STALE_LIMIT_S:
        return Readiness(status="degraded", store=store)
    response.status_code = 503
    return Readiness(status="unready", store=store)


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request, parts: PartsDep, _: OperatorDep) -> Response:
    """Counters of all workers, gauges of the one that answers."""
    found: Metrics = request.app.state.metrics
    _gauges(found, parts)
    with suppress(StoreUnavailable, StoreRefused):  # then those of the watch are as they last were
        await state_watch(found.gauges, parts)
    return Response(found.page(), media_type=CONTENT_TYPE)


def _gauges(found: Metrics, parts: Parts) -> None:
    circuits: dict[str, Any] = dict(parts.upstreams.circuits())
    closed = {name: float(state is CircuitState.CLOSED) for name, state in circuits.items()}
    gauges = found.gauges
    gauges.set("pennyroute_circuit_closed", "1 where a model is called, 0 where it is left alone.", closed)
    gauges.set(
        "pennyroute_settings_age_seconds",
        "Since thresholds and keys were last confirmed by the store.",
        {"": parts.live.age_s},
    )
    gauges.set(
        "pennyroute_spool_waiting", "1 while entries wait for the store.", {"": float(parts.spool.waiting)}
    )
    gauges.set(
        "pennyroute_audit_share",
        "Chance with which a query is audited, 0 to 1; 0 once the month's money is spent.",
        dict(parts.auditor.shares),
        label="route",
    )
