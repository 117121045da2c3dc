"""`/v1/models`: every name that a caller's `model` can have."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from router.catalog import Catalog
from router.errors import UnknownModel
from router.http.parts import CallerDep, PartsDep
from router.names import AUTO, DEFAULT_ROUTE

router = APIRouter(tags=["models"])
_OWNER = "pennyroute"


class ModelAnswer(BaseModel):
    """One name: a route, or a configured model that is called unrouted.

    `small` and `large` are the route's models.
    """

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str
    kind: Literal["route", "model"]
    small: str | None = None
    large: str | None = None


class ModelList(BaseModel):
    """All of them: `auto`, the routes, the models."""

    object: Literal["list"] = "list"
    data: list[ModelAnswer]


@router.get("/v1/models", summary="Routes and models that can be asked for", response_model_exclude_none=True)
async def every(parts: PartsDep, _: CallerDep) -> ModelList:
    """`auto` is the default route."""
    return ModelList(data=_all(parts.catalog))


@router.get("/v1/models/{name:path}", summary="One of them", response_model_exclude_none=True)
async def one(name: str, parts: PartsDep, _: CallerDep) -> ModelAnswer:
    """By its name."""
    parts.catalog.find(name)
    for answer in _all(parts.catalog):
        if answer.id == name:
            return answer
    raise UnknownModel(f"model {name!r} is not configured", param="model")


def _all(catalog: Catalog) -> list[ModelAnswer]:
    names = {AUTO: catalog.routes[DEFAULT_ROUTE], **catalog.routes}
    routes = [
        ModelAnswer(id=name, owned_by=_OWNER, kind="route", small=route.small.name, large=route.large.name)
        for name, route in names.items()
    ]
    models = [
        ModelAnswer(id=name, owned_by=model.provider, kind="model") for name, model in catalog.models.items()
    ]
    return [*routes, *models]
