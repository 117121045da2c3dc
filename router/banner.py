"""What a person sees when the service is up: where it is, which models answer, a line to copy."""

import http.client
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from router.address import url_of
from router.names import DEFAULT_ROUTE
from router.setup import SetUp

if TYPE_CHECKING:
    from router.worker import WorkerPlan

_ASK_EVERY_S = 0.02
_GIVE_UP_S = 120.0
_SAMPLE = '{"query": "What is the capital of France?"}'


@dataclass(frozen=True, slots=True)
class FoundInStore:
    """What the store says at the start.

    Attributes:
        threshold: the default route's, in force.
        lacking: a line for each route whose quality is not proven as it should be.
    """

    threshold: float
    lacking: tuple[str, ...] = ()


class Banner:
    """The text, and the moment to show it."""

    def __init__(self, made: SetUp, plan: "WorkerPlan", found: FoundInStore) -> None:
        """Takes what the store said at the start."""
        self._found = found
        self._made = made
        self._plan = plan
        self._stopped = threading.Event()

    @property
    def url(self) -> str:
        """Where a person reaches the service."""
        return url_of(self._plan.host, self._plan.port)

    def text(self) -> str:
        """All of it."""
        route = self._made.catalog.routes[DEFAULT_ROUTE]
        lines = [
            f"Pennyroute answers at {self.url}",
            f"  small: {route.small.name}   large: {route.large.name}   threshold: {self._found.threshold:g}",
            *(f"  {note}" for note in (*self._made.notes, *self._found.lacking)),
            "",
            "Try it:",
            self._sample(),
            f"Report: {self.url}/   API: {self.url}/docs   Stop: Ctrl-C",
        ]
        return "\n".join(lines) + "\n"

    def _sample(self) -> str:
        return f"  curl -s {self.url}/complete -H 'content-type: application/json' -d '{_SAMPLE}'"

    @contextmanager
    def shown_when_ready(self) -> Iterator[None]:
        """Shows the text as soon as the service answers."""
        thread = threading.Thread(target=self._show, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _show(self) -> None:
        waited_s = 0.0
        while waited_s < _GIVE_UP_S and not self._stopped.is_set():
            if self._answers():
                sys.stdout.write(self.text())
                sys.stdout.flush()
                return
            self._stopped.wait(_ASK_EVERY_S)
            waited_s += _ASK_EVERY_S

    def _answers(self) -> bool:
        address = self.url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=2.0)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()
