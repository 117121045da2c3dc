"""Sends the sample workload to a running service."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from router.demo.client import Connection, Reply, Unreachable
from router.demo.workload import DemoQuery, read_workload
from router.names import DEFAULT_ROUTE

Progress = Callable[[int, int], None]
"""(queries done, queries in all)"""

_OK: Final = 200
_NO_SUCH_ROUTE: Final = frozenset({"route_not_found", "model_not_found"})


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What became of the workload.

    Attributes:
        sent: queries sent; each is counted as answered or as failed.
        to_large: answered by the large model.
        missing_routes: routes the service does not have; their queries went through `default`.
        failures: what went wrong, in words → how often.
    """

    sent: int
    answered: int
    to_large: int
    missing_routes: tuple[str, ...] = ()
    failures: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Queries without an answer."""
        return self.sent - self.answered


async def run_demo(
    base_url: str,
    api_key: str | None,
    on_progress: Progress,
    concurrency: int = 8,
    queries: Sequence[DemoQuery] | None = None,
) -> DemoResult:
    """Sends every sample query to `POST /complete`, several at once.

    Args:
        base_url: the service, such as `http://127.0.0.1:8080`.
        api_key: a key with scope `call`, where the service needs one.
        on_progress: called after each query, in this thread.
        concurrency: requests in flight at once.
        queries: other queries than the sample's.

    Raises:
        Unreachable: the service is not up; nothing was sent.
    """
    waiting = list(reversed(queries if queries is not None else read_workload()))
    run = _Run(base_url, api_key, on_progress, waiting)
    await asyncio.to_thread(run.check)
    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, len(waiting))):
            group.create_task(run.work())
    return run.result()


class _Run:
    def __init__(
        self, base_url: str, api_key: str | None, on_progress: Progress, waiting: list[DemoQuery]
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key
        self._on_progress = on_progress
        self._waiting = waiting
        self._total = len(waiting)
        self._missing: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._answered = 0
        self._to_large = 0

    def check(self) -> None:
        with self._connection() as connection:
            connection.check()

    async def work(self) -> None:
        with self._connection() as connection:
            while self._waiting:
                query = self._waiting.pop()
                try:
                    self._count(await self._send(connection, query))
                except Unreachable as error:
                    self._failures[error.message] += 1
                self._on_progress(self._answered + self._failures.total(), self._total)

    def result(self) -> DemoResult:
        return DemoResult(
            sent=self._answered + self._failures.total(),
            answered=self._answered,
            to_large=self._to_large,
            missing_routes=tuple(sorted(self._missing)),
            failures=dict(self._failures.most_common()),
        )

    async def _send(self, connection: Connection, query: DemoQuery) -> Reply:
        route = DEFAULT_ROUTE if query.route in self._missing else query.route
        reply = await self._post(connection, query.body(route))
        if reply.error_code in _NO_SUCH_ROUTE and route != DEFAULT_ROUTE:
            self._missing.add(route)
            reply = await self._post(connection, query.body(DEFAULT_ROUTE))
        return reply

    @staticmethod
    async def _post(connection: Connection, body: dict[str, Any]) -> Reply:
        return await asyncio.to_thread(connection.post, "/complete", body)

    def _count(self, reply: Reply) -> None:
        if reply.status != _OK:
            self._failures[reply.error_message] += 1
            return
        self._answered += 1
        decision = reply.body.get("decision")
        if isinstance(decision, dict) and decision.get("tier") == "large":
            self._to_large += 1

    def _connection(self) -> Connection:
        return Connection(self._base_url, self._api_key)
