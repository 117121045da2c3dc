"""Do budgets bound what they are meant to, and is there something left of them?"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from router.cli.checkup.row import Row, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.budgets.budget import Budget
    from router.budgets.left import Left
    from router.catalog import Catalog
    from router.setup import SetUp

_NEARLY_EMPTY: Final = 0.1


async def budgets(made: "SetUp", data_dir: Path) -> list[Row]:
    """A row for each budget, of every account; none if there is none, or the store cannot say."""
    from router.budgets.budgets import Budgets
    from router.budgets.left import lefts_of
    from router.clock import real_world
    from router.errors import PennyrouteError
    from router.setup import open_store
    from router.store.settings import accounts

    try:
        async with open_store(made.settings, data_dir) as store:
            found = [
                (budget, await lefts_of(store, account, budget))
                for account in await accounts(store)
                for budget in await Budgets(store, real_world().new_id).all(account)
            ]
    except PennyrouteError:  # the rows about the store say it
        return []
    return [row for budget, lefts in found for row in _of(budget, lefts, made.catalog)]


def _of(budget: "Budget", lefts: "Sequence[Left]", catalog: "Catalog") -> Iterator[Row]:
    from router.budgets.exceeded import amount, said

    unknown = [name for name, there in _names(budget, catalog) if not there]
    if unknown:
        nothing = f"{said(budget)}: there is no such {' and '.join(unknown)}, so it bounds nothing"
        yield Row(
            "budget",
            budget.id,
            Verdict.WARN,
            nothing,
            f"pennyroute budget remove {budget.id}, or add it back",
        )
        return
    least = min((left.left for left in lefts), default=budget.limit)
    state = f"{said(budget)}: {amount(least, budget.unit)} left"
    if budget.hard and budget.limit and least < _NEARLY_EMPTY * budget.limit:
        yield Row(
            "budget", budget.id, Verdict.WARN, state, "calls that do not fit are refused; raise the limit"
        )
    elif least < 0:
        yield Row(
            "budget", budget.id, Verdict.WARN, state, "it only counts; let it refuse, or raise the limit"
        )
    else:
        yield Row("budget", budget.id, Verdict.OK, state)


def _names(budget: "Budget", catalog: "Catalog") -> Iterator[tuple[str, bool]]:
    """The names in its scope that the configuration must have, and whether it does."""
    from router.budgets.budget import EACH

    route, model = (budget.scope.get(name, EACH) for name in ("route", "model"))
    yield f"route {route!r}", route == EACH or route in catalog.routes or route in catalog.models
    yield f"model {model!r}", model == EACH or model in catalog.models
