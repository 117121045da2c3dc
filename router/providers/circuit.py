"""A circuit breaker: an upstream that is ill is left alone for a while, then asked by one call."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class CircuitState(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Outcome(StrEnum):
    """What a call says about the upstream's health."""

    WELL = "well"
    ILL = "ill"
    SILENT = "silent"
    """Nothing: the caller left, or the request was at fault."""


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When to open and for how long.

    Attributes:
        failures_in_a_row: opens after this many, whatever came before.
        failures_least: or after this many within a window …
        failure_share: … if they are this share of its calls, 0-1.
        window_s: length of the window, seconds.
        open_s: how long it stays open first; doubles with each failed probe.
        open_most_s: and never longer than this.
    """

    failures_in_a_row: int = 8
    failures_least: int = 10
    failure_share: float = 0.5
    window_s: float = 20.0
    open_s: float = 5.0
    open_most_s: float = 60.0


DEFAULT_RULES: Final = CircuitRules()


class Circuit:
    """Closed, open or half-open; time comes in with each call, in monotonic seconds.

    A call takes a ticket with `enter` and gives it back with `leave`. What a call says that began before
    the state last changed is not listened to.
    """

    def __init__(self, rules: CircuitRules = DEFAULT_RULES) -> None:
        self._rules = rules
        self.state = CircuitState.CLOSED
        self._generation = 0
        self._in_a_row = 0
        self._calls = 0
        self._failures = 0
        self._window_ends_s = float("-inf")
        self._opened_s = rules.open_s
        self._opens_until_s = 0.0

    def enter(self, now_s: float) -> int | None:
        """A ticket, or `None` if the upstream is to be left alone."""
        if self.state is CircuitState.CLOSED:
            return self._generation
        if self.state is CircuitState.OPEN and now_s >= self._opens_until_s:
            self._change(CircuitState.HALF_OPEN)
            return self._generation
        return None

    def wait_s(self, now_s: float) -> float:
        """Seconds until a call is let through again; 0 when closed."""
        return max(0.0, self._opens_until_s - now_s) if self.state is CircuitState.OPEN else 0.0

    def leave(self, ticket: int, outcome: Outcome, now_s: float) -> None:
        """Gives a ticket back with what the call learned."""
        if ticket != self._generation:
            return
        if self.state is CircuitState.HALF_OPEN:
            self._judge_probe(outcome, now_s)
        elif outcome is Outcome.WELL:
            self._in_a_row = 0
            if self._failures:
                self._count(now_s)
        elif outcome is Outcome.ILL:
            self._in_a_row += 1
            self._count(now_s)
            self._failures += 1
            rules = self._rules
            often = (
                self._failures >= rules.failures_least and self._failures >= rules.failure_share * self._calls
            )
            if often or self._in_a_row >= rules.failures_in_a_row:
                self._open(now_s)

    def _count(self, now_s: float) -> None:
        """A window begins with its first failure, so that a healthy upstream costs nothing to watch."""
        if now_s >= self._window_ends_s:
            self._window_ends_s = now_s + self._rules.window_s
            self._calls = self._failures = 0
        self._calls += 1

    def _judge_probe(self, outcome: Outcome, now_s: float) -> None:
        if outcome is Outcome.WELL:
            self._opened_s = self._rules.open_s
            self._change(CircuitState.CLOSED)
        elif outcome is Outcome.ILL:
            self._opened_s = min(2 * self._opened_s, self._rules.open_most_s)
            self._open(now_s)
        else:
            # The next call is the probe.
            self._change(CircuitState.OPEN)
            self._opens_until_s = now_s

    def _open(self, now_s: float) -> None:
        self._opens_until_s = now_s + self._opened_s
        self._change(CircuitState.OPEN)

    def _change(self, state: CircuitState) -> None:
        self.state = state
        self._generation += 1
        self._in_a_row = self._calls = self._failures = 0
        self._window_ends_s = float("-inf")
