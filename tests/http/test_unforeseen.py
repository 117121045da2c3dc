"""What nobody foresaw, between an attempt's opening and its closing: it is booked all the same."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from classifiers import Heuristic
from router.bookkeeper import Bookkeeper
from router.catalog import Catalog
from router.clock import real_world
from router.core import CompletionStream, Router
from router.ledger.entry import Entry, decode
from router.ledger.verify import verify
from router.live import LiveSettings
from router.providers.endpoint import Sending, Timeouts
from router.providers.session import Reply, Session
from router.providers.upstreams import Upstreams
from router.routes.thresholds import Thresholds
from router.spool import Spool
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.audit.parts import no_audits
from tests.ladder.parts import no_cache, no_pressure
from tests.ledger.decisions import BOOK, TINY, a_query, a_route
from tests.ledger.examples import ACCOUNT, lasting
from tests.upstreams.openai_wire import OpenAIWire


class Torn(Exception):  # noqa: N818 - nothing else is known of it
    """No failure that anybody knows of."""


class TornSession(Session):
    """A transport that breaks in a way of its own: before it sends, or after so many pieces of an answer."""

    def __init__(self, pieces: int | None) -> None:
        super().__init__()
        self.pieces = pieces

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        name: str,
        timeouts: Timeouts,
        sending: Sending,
    ) -> Reply:
        if self.pieces is None:
            raise Torn
        reply = await super().post(url, body, headers, name=name, timeouts=timeouts, sending=sending)
        left, piece = self.pieces, reply.piece

        async def torn() -> bytes:
            nonlocal left
            left -= 1
            if left < 0:
                raise Torn
            return await piece()

        reply.piece = torn  # type: ignore[method-assign]
        return reply


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path / "spool", real_world())
    yield found
    found.close()


class Worker:
    """The parts that answer a query."""

    def __init__(self, store: Store, spool: Spool, upstream: OpenAIWire, pieces: int | None) -> None:
        world = real_world()
        model = replace(TINY, endpoint=replace(TINY.endpoint, base_url=upstream.base_url))
        self.route = a_route(small=model, large=model, fallbacks=())
        self.store = store
        self.live = LiveSettings(store, [self.route.name], world)
        self.books = Bookkeeper(lasting(store), spool, BOOK, world)
        self.upstreams = Upstreams(TornSession(pieces), world)
        self.router = Router(
            catalog=Catalog({model.name: model}, {self.route.name: self.route}),
            classifier=Heuristic(),
            live=self.live,
            books=self.books,
            upstreams=self.upstreams,
            auditor=no_audits(store, self.books, self.upstreams, world),
            cache=no_cache(store),
            pressures=no_pressure(lasting(store), self.live, world),
            world=world,
        )

    async def breaks(self, *, stream: bool) -> Entry:
        """Asks, which raises; answers the one entry there is then, and nothing is open or in doubt."""
        await Thresholds(self.store).seed(self.route.name, self.route.threshold)
        await self.live.refresh()
        try:
            with pytest.raises(Torn):
                await self._ask(stream=stream)
        finally:
            await self.books.drain()
            await self.upstreams.aclose()
        assert not any(self.books.open_attempts.values())
        found = await verify(self.store, ACCOUNT)
        assert (found.clean, found.open_holds) == (True, 0)
        [entry] = [
            decode(fields[b"e"]) async for _, fields in self.store.stream(AccountKeys(ACCOUNT).entries)
        ]
        assert (entry.outcome, entry.final) == ("internal_error", True)
        assert entry.cost_nano == found.cost_nano
        return entry

    async def _ask(self, *, stream: bool) -> None:
        done = await self.router.complete(a_query(stream=stream))
        assert isinstance(done, CompletionStream)
        async with done:
            async for _ in done.events():
                pass


@pytest.mark.parametrize(("pieces", "stream"), [(0, False), (0, True), (2, True)])
async def test_an_attempt_that_breaks_in_an_unknown_way_costs_what_is_likely(
    store: Store, spool: Spool, upstream: OpenAIWire, pieces: int, *, stream: bool
) -> None:
    upstream.clear()
    upstream.play("slow" if stream else "ok")  # so that pieces come one by one
    entry = await Worker(store, spool, upstream, pieces).breaks(stream=stream)
    assert entry.usage_source == "assumed"
    assert entry.cost_nano is not None
    assert 0 < entry.cost_nano < entry.held_nano


@pytest.mark.parametrize("stream", [False, True])
async def test_what_breaks_before_anything_was_sent_costs_nothing(
    store: Store, spool: Spool, upstream: OpenAIWire, *, stream: bool
) -> None:
    entry = await Worker(store, spool, upstream, None).breaks(stream=stream)
    assert (entry.usage_source, entry.cost_nano) == ("", 0)
