"""The way into one model and out again: its concurrency limit and its circuit, each left exactly once."""

from typing import Final

from router.clock import World
from router.providers.circuit import Circuit, CircuitState, Outcome
from router.providers.endpoint import Endpoint
from router.providers.failure import AttemptFailed, FailureKind
from router.providers.gate import Gate

_SAYS_NOTHING: Final = frozenset(
    {
        # The provider works, but not for this request, this key or this much at once.
        FailureKind.BAD_REQUEST,
        FailureKind.AUTH,
        FailureKind.RATE_LIMITED,
        FailureKind.TOO_LARGE,
        FailureKind.BUSY,
        FailureKind.CIRCUIT_OPEN,
    }
)


class Passage:
    """One call's way through a model's gate and circuit."""

    __slots__ = ("_circuit", "_gate", "_left", "_ticket", "_world")

    def __init__(self, gate: Gate | None, circuit: Circuit, ticket: int, world: World) -> None:
        self._gate = gate
        self._circuit = circuit
        self._ticket = ticket
        self._world = world
        self._left = False

    def began(self) -> None:
        """An answer began: a circuit that waits for its probe need not wait for the end of a long stream."""
        if self._circuit.state is CircuitState.HALF_OPEN and not self._left:
            now_s = self._world.monotonic_s()
            self._circuit.leave(self._ticket, Outcome.WELL, now_s)
            ticket = self._circuit.enter(now_s)
            self._ticket = self._ticket if ticket is None else ticket

    def leave(self, outcome: Outcome) -> None:
        """Frees the place and tells the circuit; only the first time does anything."""
        if self._left:
            return
        self._left = True
        self._circuit.leave(self._ticket, outcome, self._world.monotonic_s())
        if self._gate is not None:
            self._gate.leave()


class Entrance:
    """A model's gate and circuit, as long as the worker lives."""

    def __init__(self, endpoint: Endpoint, world: World) -> None:
        self.circuit = Circuit()
        self._name = endpoint.name
        self._world = world
        self._gate = (
            Gate(endpoint.name, endpoint.max_concurrency, endpoint.queue_wait_s)
            if endpoint.max_concurrency is not None
            else None
        )

    async def enter(self) -> Passage:
        """Waits for a place.

        Raises:
            AttemptFailed: `circuit_open` or `busy`; nothing was sent.
        """
        gate = self._gate
        if gate is not None:
            # Who would not be let through need not stand in line.
            if self.circuit.wait_s(self._world.monotonic_s()) > 0:
                raise self._open()
            await gate.enter()
        ticket = self.circuit.enter(self._world.monotonic_s())
        if ticket is None:
            if gate is not None:
                gate.leave()
            raise self._open()
        return Passage(gate, self.circuit, ticket, self._world)

    def _open(self) -> AttemptFailed:
        wait_s = self.circuit.wait_s(self._world.monotonic_s())
        return AttemptFailed(
            FailureKind.CIRCUIT_OPEN,
            f"{self._name}: left alone after repeated failures; asked again in {wait_s:.0f} s",
            retry_after_s=max(1.0, wait_s),
        )


def outcome_of(failure: AttemptFailed) -> Outcome:
    """What a failure says about the provider's health."""
    if failure.kind in _SAYS_NOTHING:
        return Outcome.SILENT
    if failure.kind is FailureKind.TOTAL_TIMEOUT and failure.answered:
        return Outcome.SILENT  # A long answer, not an ill provider.
    return Outcome.ILL
