"""One door to every provider: limits, circuits and the lane a model is reached by."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.clock import World
from router.providers.answer import Answer, StreamAnswer
from router.providers.circuit import CircuitState, Outcome
from router.providers.endpoint import Call
from router.providers.failure import AttemptFailed
from router.providers.fast import FastLane
from router.providers.passage import Entrance, outcome_of
from router.providers.presets import Lane
from router.providers.session import Session

if TYPE_CHECKING:
    from router.providers.wide import WideLane


class Upstreams:
    """Every upstream of one worker."""

    def __init__(self, session: Session, world: World) -> None:
        self._session = session
        self._world = world
        self._fast = FastLane(session, world)
        self._wide: WideLane | None = None
        self._entrances: dict[str, Entrance] = {}

    async def call(self, call: Call) -> Answer | StreamAnswer:
        """Makes one attempt; a stream is answered once its first event is here and is no error.

        Raises:
            AttemptFailed: it failed before any part of an answer was passed on. Whatever else ends it, being
                cancelled above all: `call.sending` says whether it may cost something.
        """
        endpoint = call.endpoint
        lane = self._fast if endpoint.lane is Lane.FAST else self._wide_lane()
        entrance = self._entrances.get(endpoint.name)
        if entrance is None:
            entrance = self._entrances[endpoint.name] = Entrance(endpoint, self._world)
        passage = await entrance.enter()
        try:
            if call.stream:
                return await lane.streamed(call, passage)
            answer = await lane.whole(call)
        except AttemptFailed as failure:
            passage.leave(outcome_of(failure))
            raise
        except BaseException:
            passage.leave(Outcome.SILENT)
            raise
        passage.leave(Outcome.WELL)
        return answer

    def circuits(self) -> Mapping[str, CircuitState]:
        """Each called model's circuit, by its configured name."""
        return {name: entrance.circuit.state for name, entrance in self._entrances.items()}

    async def aclose(self) -> None:
        """Closes every connection."""
        if self._wide is not None:
            await self._wide.aclose()
        await self._session.aclose()

    def _wide_lane(self) -> "WideLane":
        if self._wide is None:
            # Only here: a service whose models are all fast-lane never loads what the wide lane needs.
            from router.providers.wide import WideLane  # noqa: PLC0415

            self._wide = WideLane(self._world)
        return self._wide
