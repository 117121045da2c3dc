"""The pressure on each route, as one worker sees it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from policies.ladder import NO_PRESSURE, Pressure
from router.budgets.budget import Asker
from router.budgets.standing import Least, Standing
from router.catalog import Model, Route
from router.clock import World
from router.live import LiveSettings
from router.pressure.failures import Failures
from router.pressure.rate import Rate
from router.providers.circuit import Outcome
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.passage import outcome_of
from router.query import Query

_DIGITS: Final = 10_000  # a decision's record needs no more, and rounding down steps down no earlier


@dataclass(frozen=True, slots=True)
class PressureTerms:
    """Over how many seconds rates and failures are taken: see `router.settings.ladder.PressureSettings`."""

    rate_s: float = 10.0
    usual_rate_s: float = 1_800.0
    failures_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What presses now.

    Attributes:
        least: the hard budget nearest to empty; `None` where none applies, or that is not known.
    """

    pressure: Pressure = NO_PRESSURE
    least: Least | None = field(default=None, compare=False)


NOTHING: Final = Reading()


class Pressures:
    """Watches rates, failures and budgets for the routes that have a ladder, and for no other.

    Attributes:
        terms: over how long.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        standing: Standing,
        live: LiveSettings,
        world: World,
        terms: PressureTerms,
    ) -> None:
        now_s = world.monotonic_s()
        ladders = [route for route in routes if route.ladder.steps]
        self._standing = standing
        self._live = live
        self._world = world
        self.terms = terms
        self._rates = {route.name: Rate(terms.rate_s, terms.usual_rate_s, now_s) for route in ladders}
        self._failures = {
            model.name: Failures(terms.failures_s, now_s)
            for route in ladders
            for model in (route.small, route.large)
        }

    def arrived(self, route: Route) -> None:
        """A query of a route came."""
        rate = self._rates.get(route.name)
        if rate is not None:
            rate.arrived(self._world.monotonic_s())

    def answered(self, model: Model) -> None:
        """A call of a model brought an answer, or its beginning."""
        self._ended(model, well=True)

    def failed(self, model: Model, failure: AttemptFailed) -> None:
        """A call of a model failed; what says nothing of its provider is passed over."""
        if failure.kind is FailureKind.CIRCUIT_OPEN or outcome_of(failure) is Outcome.ILL:
            self._ended(model, well=False)

    def _ended(self, model: Model, *, well: bool) -> None:
        failures = self._failures.get(model.name)
        if failures is not None:
            failures.ended(self._world.monotonic_s(), well=well)

    async def on(self, query: Query, route: Route) -> Reading:
        """What presses on a route for a query; of budgets at most 2 s old."""
        if not route.ladder.steps:
            return NOTHING
        least = None
        if any(step.budget is not None for step in route.ladder.steps):
            account = query.caller.account
            least = await self._standing.least(account, self._live.budgets(account), _asker(query, route))
        now_s = self._world.monotonic_s()
        pressure = Pressure(
            budget=0.0 if least is None else _used(least),
            spike=_rounded(self._rates[route.name].times_usual(now_s)),
            small_trouble=_rounded(self._failures[route.small.name].share(now_s)),
            large_trouble=_rounded(self._failures[route.large.name].share(now_s)),
        )
        return Reading(pressure, least)


def _asker(query: Query, route: Route) -> Asker:
    """Whose budgets press; a model's own do not, for none is chosen yet."""
    labels = query.labels
    return Asker(
        key=query.caller.key_id,
        team=labels.team,
        feature=labels.feature,
        route=route.name,
        user=labels.user,
    )


def _used(least: Least) -> float:
    """The share of a budget that is used or held, 0-1."""
    limit = least.budget.limit
    if limit <= 0:
        return 1.0
    return min(_DIGITS, max(0, (limit - least.left) * _DIGITS // limit)) / _DIGITS


def _rounded(value: float) -> float:
    return math.floor(value * _DIGITS) / _DIGITS
