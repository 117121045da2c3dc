"""What the endpoints work with, and who may use them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from router.access.caller import MAIN_ACCOUNT, Caller
from router.answers.idempotency import Idempotency
from router.audit.auditor import Auditor
from router.catalog import Catalog
from router.clock import World
from router.core import Router
from router.errors import NotPermitted
from router.live import LiveSettings
from router.outcomes.store import Outcomes
from router.providers.upstreams import Upstreams
from router.routes.thresholds import Thresholds
from router.settings import Settings
from router.spool import Spool
from router.store.connection import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything one worker is made of.

    Attributes:
        classifier: id of the one it decides with.
    """

    settings: Settings
    catalog: Catalog
    classifier: str
    store: Store
    live: LiveSettings
    thresholds: Thresholds
    outcomes: Outcomes
    router: Router
    upstreams: Upstreams
    auditor: Auditor
    idempotency: Idempotency
    spool: Spool
    world: World


def parts_of(request: Request) -> Parts:
    """The worker's parts."""
    found: Parts = request.app.state.parts
    return found


def bearer(authorization: str | None) -> str | None:
    """The key in an Authorization header."""
    if authorization is None:
        return None
    kind, _, secret = authorization.partition(" ")
    return secret.strip() if kind.lower() == "bearer" and secret.strip() else None


def caller_of(request: Request) -> Caller:
    """Who is asking.

    Raises:
        NotAuthenticated: a key is needed and this is none that is good.
    """
    return parts_of(request).live.caller(bearer(request.headers.get("authorization")))


def admin_of(request: Request) -> Caller:
    """Who is asking, if they may see everything of their account.

    Raises:
        NotPermitted: the key is good but has no scope `admin`.
    """
    caller = caller_of(request)
    if not caller.admin:
        raise NotPermitted("this key has no scope `admin`, which this needs")
    return caller


def operator_of(request: Request) -> Caller:
    """Who is asking, if they may see and change what belongs to the installation, and so to every account.

    Raises:
        NotPermitted: the key has no scope `admin`, or belongs to another account than the operator's.
    """
    caller = admin_of(request)
    if not caller.operator:
        raise NotPermitted(
            f"this belongs to the installation, not to an account: it needs a key of account "
            f"`{MAIN_ACCOUNT}` with scope `admin`, and this one is of account `{caller.account}`"
        )
    return caller


PartsDep = Annotated[Parts, Depends(parts_of)]
CallerDep = Annotated[Caller, Depends(caller_of)]
AdminDep = Annotated[Caller, Depends(admin_of)]
OperatorDep = Annotated[Caller, Depends(operator_of)]
