"""`/v1/budgets`: what calls may cost, set and looked at."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from router.access.caller import Caller
from router.access.keys import KeyRing
from router.budgets.budget import EACH, Budget
from router.budgets.budgets import Budgets
from router.budgets.left import lefts_of
from router.budgets.shown import budget_shown
from router.budgets.wanted import Wanted, wanted
from router.catalog import suggestion
from router.errors import InvalidRequest
from router.http.parts import AdminDep, Parts, PartsDep

router = APIRouter(tags=["budgets"])
_ANYBODY = "anybody on loopback"
_CREATED = 201


class BudgetBody(BaseModel):
    """A budget somebody wants."""

    model_config = ConfigDict(extra="forbid", strict=True)

    scope: dict[str, str] = Field(
        default_factory=dict,
        description="`key`, `team`, `feature`, `route`, `model`, `user`: a value, or `*` for one budget for "
        "each value; all must match. Empty: every call.",
    )
    period: str = Field(description="`minute`, `day`, `month` or `rolling`.")
    time_zone: str | None = Field(None, description="Of a day or a month: an IANA name. UTC by default.")
    window_s: int | None = Field(None, description="Of a rolling one: seconds, a multiple of 60.")
    limit_usd: str | int | float | None = Field(None, description="Dollars, at most 9 decimals.")
    limit_tokens: int | None = Field(None, description="Tokens in and out, instead of dollars.")
    hard: bool = Field(True, description="Calls that do not fit are refused; else they are only counted.")


class WindowAnswer(BaseModel):
    """What is left of a budget in one window of time."""

    of: dict[str, str] = Field(description="Which one of a budget for each value.")
    from_: str = Field(alias="from")
    to: str
    left_usd: str | None
    left_tokens: int | None
    share_left: float = Field(description="Of the limit, 0 to 1.")


class BudgetAnswer(BaseModel):
    """A budget. What calls in flight hold is not left."""

    id: str
    scope: dict[str, str]
    period: str
    time_zone: str
    window_s: int | None
    hard: bool
    limit_usd: str | None
    limit_tokens: int | None
    left_usd: str | None = Field(description="Of one for each value the least.")
    left_tokens: int | None
    set_by: str
    set_at: str
    windows: list[WindowAnswer] = Field(description="Those that are open, the emptiest first.")


class BudgetList(BaseModel):
    """Every budget of an account, oldest first."""

    budgets: list[BudgetAnswer]


@router.post("/v1/budgets", summary="Set a budget", responses={_CREATED: {"model": BudgetAnswer}})
async def set_(body: BudgetBody, parts: PartsDep, caller: AdminDep, response: Response) -> BudgetAnswer:
    """In force, in every worker, for every call that begins after the answer.

    A budget for the same calls, time and unit gets the new limit (200); else it is a new one (201).
    """
    asked = wanted(**body.model_dump())
    await _check_names(asked, parts, caller)
    budget, before = await _budgets(parts).set(caller.account, asked, by=caller.key_id or _ANYBODY)
    if before is None:
        response.status_code = _CREATED
    return await _answer(parts, caller, budget)


@router.get("/v1/budgets", summary="All budgets")
async def list_(parts: PartsDep, caller: AdminDep) -> BudgetList:
    """Of the account of the key, with what is left of each."""
    found = await _budgets(parts).all(caller.account)
    return BudgetList(budgets=[await _answer(parts, caller, budget) for budget in found])


@router.get("/v1/budgets/{budget_id}", summary="One budget")
async def read(budget_id: str, parts: PartsDep, caller: AdminDep) -> BudgetAnswer:
    """With what is left of it."""
    return await _answer(parts, caller, await _budgets(parts).one(caller.account, budget_id))


@router.delete("/v1/budgets/{budget_id}", summary="Remove a budget", status_code=204)
async def remove(budget_id: str, parts: PartsDep, caller: AdminDep) -> None:
    """It bounds no call that begins after the answer."""
    await _budgets(parts).remove(caller.account, budget_id)


def _budgets(parts: Parts) -> Budgets:
    return Budgets(parts.store, parts.world.new_id)


async def _answer(parts: Parts, caller: Caller, budget: Budget) -> BudgetAnswer:
    shown: dict[str, Any] = budget_shown(budget, await lefts_of(parts.store, caller.account, budget))
    return BudgetAnswer(**shown)


async def _check_names(asked: Wanted, parts: Parts, caller: Caller) -> None:
    """A name that nothing has would make a budget that bounds nothing."""
    models = list(parts.catalog.models)
    keys = [key.id for key in (await KeyRing(parts.store).all()).values() if key.account == caller.account]
    # A call that names its model goes by no route, and counts under the model's name.
    for name, known in (("route", [*parts.catalog.routes, *models]), ("model", models), ("key", keys)):
        value = asked.scope.get(name)
        if value is not None and value != EACH and value not in known:
            raise InvalidRequest(
                f"scope.{name}: there is no {name} {value!r}{suggestion(value, known)}", param=f"scope.{name}"
            )
