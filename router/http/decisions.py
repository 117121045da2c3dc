"""`/v1/decisions/{id}`: the whole record of one decision."""

import re
from typing import Any

from fastapi import APIRouter

from router.decisions import find_decision
from router.errors import NotFound
from router.http.parts import CallerDep, PartsDep

router = APIRouter(tags=["decisions"])
_ID = re.compile(r"dec_[0-9a-z]{26}")


@router.get("/v1/decisions/{decision_id}", summary="One decision: inputs, reason, attempts, cost")
async def read(decision_id: str, parts: PartsDep, caller: CallerDep) -> dict[str, Any]:
    """Only to the key that made it, or an admin of its account; to others it does not exist."""
    found: dict[str, Any] | None = None
    if _ID.fullmatch(decision_id):
        found = await find_decision(parts.store, caller.account, decision_id)
    if found is None or not (caller.admin or found["key_id"] == caller.key_id):
        raise NotFound(
            "there is no decision of this id (or it is another key's, or older than its retention)",
            param="id",
        )
    return found
