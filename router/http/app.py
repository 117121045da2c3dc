"""The FastAPI application: every endpoint but the two hot ones, and the schema of all."""

import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from router import __version__
from router.errors import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PennyrouteError,
)
from router.http import (
    budgets,
    decisions,
    docs_page,
    health,
    models,
    outcomes,
    page,
    reports,
    thresholds,
    watch,
)
from router.http.completions import Completions
from router.http.edge import Edge
from router.http.failure import error_body, error_headers, status_of
from router.http.metrics import Metrics
from router.http.parts import Parts
from router.http.request import App
from router.http.schema import with_completions

_log = logging.getLogger(__name__)

_WORDS = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing",
    "model_attributes_type": "expected a JSON object",
    "dict_type": "expected a JSON object",
}


def make_app(parts: Parts) -> App:
    """The whole HTTP side of a worker, as an ASGI application."""
    metrics = Metrics()
    parts.auditor.counts.append(metrics.audited)
    api = make_api()
    api.state.parts = parts
    api.state.metrics = metrics
    return Edge(api, parts, Completions(parts, metrics))


def make_api() -> FastAPI:
    """The typed endpoints; `app.state.parts` and `.metrics` must be set before one is called."""
    api = FastAPI(
        title="Pennyroute",
        version=__version__,
        summary="A model routing service that keeps cost low.",
        docs_url=None,
        redoc_url=None,
    )
    for part in (models, decisions, thresholds, budgets, watch, outcomes, reports, health, page, docs_page):
        api.include_router(part.router)
    api.add_exception_handler(PennyrouteError, _known)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _unknown)
    plain = api.openapi

    def schema() -> dict[str, Any]:
        return with_completions(plain())

    api.openapi = schema  # type: ignore[method-assign]
    return api


async def _known(_: Request, error: Exception) -> Response:
    assert isinstance(error, PennyrouteError)
    return _response(error)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = []
    for detail in error.errors():
        if detail["type"] == "json_invalid":
            why, at = detail["ctx"]["error"], detail["loc"][-1]
            return _response(InvalidRequest(f"the body is not JSON: {why} at character {at}"))
        place = ".".join(str(part) for part in detail["loc"] if part != "body")
        words = _WORDS.get(detail["type"], f"{detail['msg'][:1].lower()}{detail['msg'][1:]}")
        said.append((place or None, f"{place or 'the body'}: {words}"))
    return _response(InvalidRequest("; ".join(text for _, text in said), param=said[0][0] if said else None))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:200]
    if error.status_code == MethodNotAllowed.status:
        headers = error.headers or {}
        takes = headers.get("allow", "another method")
        response = _response(
            MethodNotAllowed(f"{path} does not take {request.method[:20]}; it takes {takes}")
        )
        response.headers.update(headers)
        return response
    if error.status_code == InvalidRequest.status:
        return _response(InvalidRequest(f"the body cannot be read: is it JSON in UTF-8? ({error.detail})"))
    return _response(NotFound(f"there is nothing at {path!r}; /docs shows what there is"))


async def _unknown(_: Request, error: Exception) -> Response:
    _log.error("a request failed inside", exc_info=error)
    return _response(InternalError("the service failed; its log says why"))


def _response(error: PennyrouteError) -> Response:
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    return Response(error_body(error), status_of(error), headers)
