"""What one worker does for the watch beside answering: counts what was left uncounted, tells of alarms."""

import asyncio
import logging

from router.clock import World
from router.errors import StoreUnavailable
from router.live import LiveSettings
from router.outcomes.watch import OutcomeWatch
from router.routes.threshold import Threshold

_log = logging.getLogger(__name__)
EVERY_S = 2.0


class WatchRounds:
    """Every worker may make them all at once: each step is idempotent, and one tells of an alarm for all."""

    def __init__(self, watch: OutcomeWatch, live: LiveSettings, world: World) -> None:
        self._watch = watch
        self._live = live
        self._world = world
        self._told: set[tuple[str, int]] = set()

    async def run(self) -> None:
        """Runs until it is cancelled, whatever the store answers."""
        while True:
            try:
                await self.once()
            except StoreUnavailable as error:
                _log.info("audits wait to be counted: %s", error)  # of an outage the upkeep tells
            except Exception:  # noqa: BLE001 - no alarm would be raised any more once this ends; the log has it
                _log.exception("the watch's round failed, and goes on")
            await asyncio.sleep(EVERY_S * (0.9 + 0.2 * self._world.chance()))  # workers drift apart

    async def once(self) -> None:
        """One round.

        Raises:
            StoreUnavailable: no answer; the rest is left to the next one.
        """
        await self._watch.catch_up()
        for threshold in self._live.known.thresholds.values():
            if threshold.suspended and (threshold.route, threshold.version) not in self._told:
                await self._tell(threshold)

    async def _tell(self, threshold: Threshold) -> None:
        if await self._watch.routes.first_to_tell(threshold.route, threshold.version):
            _log.warning(
                "route %s: the certificate is suspended and all goes to the large model (%s); a new "
                "certificate or a threshold that a person sets ends that",
                threshold.route,
                threshold.reason,
            )
        self._told.add((threshold.route, threshold.version))
