"""The budgets of every account, in the store."""

from collections.abc import Callable

from msgspec.structs import replace

from router.budgets.budget import LIMITS_KEPT, Budget, Limit, budgets_of, encode_budget
from router.budgets.wanted import Wanted
from router.errors import InvalidRequest, NotFound, StoreUnavailable
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.scripts import read_script

_PUT = read_script("router.budgets", "put_budget", repeatable=True)
_TRIES = 20
MOST_BUDGETS = 500


class Budgets:
    """Budgets to be read, set and removed: in force in every worker as soon as a call here returns."""

    def __init__(self, store: Store, new_id: Callable[[str], str]) -> None:
        self._store = store
        self._new_id = new_id

    async def all(self, account: str) -> tuple[Budget, ...]:
        """The budgets of an account, oldest first.

        Raises:
            StoreUnavailable: no answer.
        """
        return budgets_of(await self._store.hash_of(AccountKeys(account).budgets))

    async def one(self, account: str, budget_id: str) -> Budget:
        """One budget.

        Raises:
            NotFound: the account has no such budget.
            StoreUnavailable: no answer.
        """
        return _found(await self.all(account), budget_id)

    async def set(self, account: str, wanted: Wanted, *, by: str) -> tuple[Budget, Budget | None]:
        """Puts a budget in force; one for the same calls, time and unit gets the new limit.

        What was used in its open windows stays used: what is left of them changes by the difference.

        Returns:
            The budget, and what it was before; `None` where it is new.

        Raises:
            InvalidRequest: the account has as many budgets as it may.
            StoreUnavailable: no answer.
        """
        new_id, limit = self._new_id("bdg"), Limit(await self._store.now_ms(), wanted.limit, by)
        for _ in range(_TRIES):
            version, budgets = await self._look(account)
            before = next((one for one in budgets if one.identity == wanted.identity), None)
            if before is None and len(budgets) >= MOST_BUDGETS:
                raise InvalidRequest(f"an account has at most {MOST_BUDGETS} budgets; remove one first")
            budget = _made(wanted, new_id, limit) if before is None else _changed(before, wanted, limit)
            if await self._put(account, version, budget.id, encode_budget(budget)):
                return budget, before
        raise StoreUnavailable("thresholds, keys or budgets keep changing; try again")

    async def remove(self, account: str, budget_id: str) -> Budget:
        """Ends a budget and answers what it was.

        Raises:
            NotFound: the account has no such budget.
            StoreUnavailable: no answer.
        """
        for _ in range(_TRIES):
            version, budgets = await self._look(account)
            budget = _found(budgets, budget_id)
            if await self._put(account, version, budget_id, b""):
                return budget
        raise StoreUnavailable("thresholds, keys or budgets keep changing; try again")

    async def _look(self, account: str) -> tuple[bytes, tuple[Budget, ...]]:
        """The account's version, and budgets that are no older."""
        keys = AccountKeys(account)
        version = await self._store.command("GET", keys.version)
        return version or b"0", await self.all(account)

    async def _put(self, account: str, version: bytes, budget_id: str, stored: bytes) -> bool:
        keys = AccountKeys(account)
        reply = await self._store.run(_PUT, (keys.budgets, keys.version), (version, budget_id, stored))
        return bool(reply == b"put")


def _found(budgets: tuple[Budget, ...], budget_id: str) -> Budget:
    for budget in budgets:
        if budget.id == budget_id:
            return budget
    raise NotFound(f"there is no budget {budget_id[:64]!r}; `pennyroute budget list` shows them", param="id")


def _made(wanted: Wanted, new_id: str, limit: Limit) -> Budget:
    return Budget(
        id=new_id,
        scope=wanted.scope,
        period=wanted.period,
        time_zone=wanted.time_zone,
        window_s=wanted.window_s,
        unit=wanted.unit,
        hard=wanted.hard,
        limits=(limit,),
    )


def _changed(before: Budget, wanted: Wanted, limit: Limit) -> Budget:
    limits = before.limits if before.limit == limit.amount else (*before.limits, limit)
    return replace(before, hard=wanted.hard, limits=limits[-LIMITS_KEPT:])
