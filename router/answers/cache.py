"""A route's cache of answers: the same call gets the same answer, and costs nothing.

Two calls are the same when everything that would be sent is, and the model chosen for it, and who asks.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from policies import Choice, Reason, Tier
from router.answers.cached import CachedAnswer, Hit, decode_cached, encode_cached
from router.answers.repeatable import is_repeatable
from router.answers.seal import Seal, SealBroken
from router.answers.terms import CacheTerms, Shared
from router.catalog import Model
from router.decision import Decision
from router.errors import PennyrouteError, StoreUnavailable
from router.ledger.entry import Tokens
from router.ledger.ledger import StaleSettings
from router.providers.answer import Stated, StreamEvent
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.scripts import read_script

_log = logging.getLogger(__name__)
LOOKUP: Final = read_script("router.answers", "lookup", repeatable=True)
KEEP: Final = read_script("router.answers", "keep", repeatable=True)
_LARGEST_ANSWER: Final = 1024 * 1024
_WHOLE: Final = frozenset({"stop", "tool_calls", "function_call"})


class AnswerCache:
    """The caches of all routes, of one worker's side."""

    def __init__(self, store: Store, seal: Seal) -> None:
        self._store = store
        self._seal = seal
        self._tasks: set[asyncio.Task[None]] = set()

    async def lookup(self, decision: Decision, *, version: str, others: Sequence[Model] = ()) -> Hit | None:
        """The kept answer to a decision's call; `None` where there is none, or the store is away.

        Args:
            decision: made, and not called.
            version: the account's settings version it was made with.
            others: models whose answers will do as well, after the chosen one's.

        Raises:
            StaleSettings: decide again: keys, thresholds or budgets changed.
        """
        route = decision.route
        if route is None or route.cache is None or not is_repeatable(decision.query):
            return None
        keys = AccountKeys(decision.query.caller.account)
        names = [keys.cached(self._name(decision, model, route.cache)) for model in (decision.model, *others)]
        try:
            reply = await self._store.run(LOOKUP, (keys.version, *names), (version,))
        except StoreUnavailable:
            return None
        if reply[0] == b"stale":
            raise StaleSettings
        for name, model, sealed in zip(names, (decision.model, *others), reply[2:], strict=True):
            kept = self._opened(name, sealed) if sealed else None
            if kept is not None:
                return Hit(_answered(decision, model), kept, int(reply[1]))
        return None

    def keeping(self, decision: Decision) -> "Keeping | None":
        """What takes a decision's answer for the cache; `None` where it is not to be kept."""
        route = decision.route
        if route is None or route.cache is None or decision.first is not None:
            return None
        return Keeping(self, decision, route.cache) if is_repeatable(decision.query) else None

    def keep_later(self, decision: Decision, terms: CacheTerms, answer: CachedAnswer) -> None:
        """Keeps an answer, in the background: a cache that cannot is no caller's trouble."""
        task = asyncio.get_running_loop().create_task(self._keep(decision, terms, answer))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def drain(self) -> None:
        """Waits until what is to be kept is kept."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("an answer was not cached", exc_info=error)

    async def _keep(self, decision: Decision, terms: CacheTerms, answer: CachedAnswer) -> None:
        keys = AccountKeys(decision.query.caller.account)
        name = self._name(decision, decision.model, terms)
        sealed = self._seal.seal(keys.cached(name), encode_cached(answer))
        if len(sealed) > min(_LARGEST_ANSWER, terms.max_bytes):
            return
        index = keys.cache_index(decision.route_name), keys.cache_sizes(decision.route_name)
        try:
            words = (name, sealed, terms.ttl_s, terms.max_bytes)
            gone = await self._store.run(KEEP, (keys.cached(name), *index), words)
            if gone:
                await self._store.command("DEL", *(keys.cached(raw.decode()) for raw in gone))
        except PennyrouteError as error:  # what is left behind expires
            _log.info("the answer of %s is not cached: %s", answer.decision_id, error)

    def _name(self, decision: Decision, model: Model, terms: CacheTerms) -> str:
        """Says nothing of the query to whoever does not have the key."""
        query, route = decision.query, decision.route
        assert route is not None
        who = query.caller.key_id if terms.shared is Shared.KEY else ""
        said = (
            [terms.shared, who, route.name, route.answers, model.name, model.endpoint.upstream_model],
            [query.stream, query.usage_wanted, query.answers, decision.inputs.output_tokens],
            sorted(query.body.items()),
        )
        return self._seal.digest(b"cache", msgspec.json.encode(said))

    def _opened(self, name: str, sealed: bytes) -> CachedAnswer | None:
        try:
            return decode_cached(self._seal.open(name, sealed))
        except (SealBroken, msgspec.DecodeError) as error:
            _log.error("a cached answer cannot be read, and is asked for anew: %s", error)
            return None


class Keeping:
    """Collects one answer for the cache."""

    def __init__(self, cache: AnswerCache, decision: Decision, terms: CacheTerms) -> None:
        self._cache = cache
        self._decision = decision
        self._terms = terms
        self._left = min(_LARGEST_ANSWER, terms.max_bytes)
        self._events: list[tuple[bytes, str]] = []

    def take(self, event: StreamEvent) -> None:
        """Collects one event, as long as they are not too large together."""
        self._left -= len(event.raw) + len(event.text)
        if self._left >= 0:
            self._events.append((event.raw, event.text))
        else:
            self._events.clear()

    def done(self, answer: Stated, text: str, body: bytes = b"") -> None:
        """Keeps what is whole and whose usage is known: of another nobody could say what it saves."""
        usage = answer.usage
        if usage is None or answer.finish_reason not in _WHOLE or self._left < len(body):
            return
        kept = CachedAnswer(
            decision_id=self._decision.id,
            model=self._decision.model.name,
            text=text,
            body=body,
            events=self._events,
            finish_reason=answer.finish_reason,
            served_model=answer.served_model,
            service_tier=answer.service_tier,
            calls_tools=answer.calls_tools,
            tokens=Tokens.of(usage),
        )
        self._cache.keep_later(self._decision, self._terms, kept)


def _answered(decision: Decision, model: Model) -> Decision:
    """The decision as the cache answers it. What it drew is left out: there is nothing to compare anew."""
    tier = decision.choice.tier
    if decision.route is not None and model.name != decision.model.name:
        tier = Tier.SMALL if model.name == decision.route.small.name else Tier.LARGE
    first = replace(decision, audit=None)
    return replace(first, model=model, choice=Choice(tier, Reason.CACHED), first=first)
