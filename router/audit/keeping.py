"""Outcomes on their way to the store: put again while it is away, and no more than there is room for."""

import asyncio
import logging
from collections import Counter
from typing import Final, Protocol

from router.clock import World
from router.errors import PennyrouteError, StoreUnavailable
from router.outcomes.record import OutcomeRecord, encode_outcome

_log = logging.getLogger(__name__)

ROOM_BYTES: Final = 16 << 20
"""What may wait in one worker of outcomes that nothing else bounds: thousands without prompts."""

_TRIES: Final = 8  # two minutes in all
_TRY_AGAIN_S: Final = 0.5  # doubled each time
_TASK_BYTES: Final = 4_096  # what a task and its outcome take in memory beside the text
_TOLD_APART_S: Final = 60.0


class KeepsOutcomes(Protocol):
    """Where outcomes go."""

    async def put(self, account: str, record: OutcomeRecord) -> object:
        """Adds what is known of a decision to what was; doing it again changes nothing.

        Raises:
            StoreUnavailable: whether it is kept is not known; put it again.
        """


class Keeping:
    """Puts the outcomes of one worker."""

    def __init__(self, outcomes: KeepsOutcomes, world: World) -> None:
        self._outcomes = outcomes
        self._world = world
        self._waiting_bytes = 0
        self._lost: Counter[str] = Counter()
        self._told_s: dict[str, float] = {}
        self._cut_short = 0

    async def keep(self, account: str, outcome: OutcomeRecord, tries: int = _TRIES) -> bool:
        """Whether the outcome is kept; if it is lost, the log says so."""
        why, wait_s = "", _TRY_AGAIN_S
        try:
            while tries:
                try:
                    await self._outcomes.put(account, outcome)
                except StoreUnavailable as error:
                    why, tries = error.message, tries - 1
                else:
                    return True
                if tries:
                    await asyncio.sleep(wait_s)
                    wait_s *= 2
        except PennyrouteError as error:
            why = error.message
        except asyncio.CancelledError:
            self._cut_short += 1
            raise
        self._lose(outcome, why)
        return False

    def take(self, outcome: OutcomeRecord) -> int | None:
        """Takes room for an outcome that waits, and answers how much; `None`: it is lost, there is none."""
        size = _TASK_BYTES + len(encode_outcome(outcome))
        if self._waiting_bytes + size > ROOM_BYTES:
            self._lose(outcome, "too many wait for the store already")
            return None
        self._waiting_bytes += size
        return size

    def leave(self, size: int) -> None:
        """Gives the room back that `take` answered."""
        self._waiting_bytes -= size

    def tell_cut_short(self) -> None:
        """Says once how many outcomes the end of the worker cut short."""
        if self._cut_short:
            _log.error("%d outcomes may be lost: the worker stops", self._cut_short)
            self._cut_short = 0

    def _lose(self, outcome: OutcomeRecord, why: str) -> None:
        """Logs it, of a route once a minute."""
        self._lost[outcome.route] += 1
        now_s = self._world.monotonic_s()
        if now_s - self._told_s.get(outcome.route, -_TOLD_APART_S) < _TOLD_APART_S:
            return
        self._told_s[outcome.route] = now_s
        _log.error(
            "route %s: the outcome of decision %s is lost: %s (%d so far)",
            outcome.route,
            outcome.id,
            why,
            self._lost[outcome.route],
        )
