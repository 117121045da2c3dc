"""Outcomes in the store: kept once a decision, found by route and time, scored then or later."""

from collections.abc import AsyncIterator, Callable, Sequence

from router.errors import NotFound
from router.outcomes.check import check_record, check_scores
from router.outcomes.merge import merged, scored
from router.outcomes.page import Cursor, Page, ids_before
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores, decode_outcome, encode_outcome
from router.outcomes.terms import OutcomeTerms
from router.outcomes.watch import OutcomeWatch, counts
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.scripts import read_script

KEEP = read_script("router.outcomes", "keep", repeatable=True)
_PAGE = 500

Change = Callable[[OutcomeRecord | None], OutcomeRecord]


class Outcomes:
    """The outcomes of every account in one store.

    Attributes:
        watch: is told of every audit whose scores become complete.
    """

    def __init__(self, store: Store, terms: OutcomeTerms | None = None) -> None:
        self._store = store
        self._terms = terms or OutcomeTerms()
        self.watch = OutcomeWatch(store, remembers_ms=self._terms.retention_ms)

    async def put(self, account: str, record: OutcomeRecord) -> OutcomeRecord | None:
        """Adds what is known of a decision to what was; doing it again changes nothing, in whatever order.

        Returns:
            What is known now; `None` where it is older than what is kept.

        Raises:
            InvalidRequest: a score, share or drawn number out of its range.
            StoreUnavailable: whether it is kept is not known; put it again.
        """
        check_record(record)

        def change(found: OutcomeRecord | None) -> OutcomeRecord:
            return record if found is None else merged(found, record)

        return await self._changed(account, change, None)

    async def get(self, account: str, decision_id: str) -> OutcomeRecord | None:
        """The outcome of a decision, if it has one."""
        raw = await self._raw(account, decision_id)
        return None if raw is None else decode_outcome(raw)

    async def score(
        self,
        account: str,
        decision_id: str,
        *,
        small: float | None = None,
        large: float | None = None,
        judged_by: JudgedBy,
    ) -> OutcomeRecord:
        """Adds what somebody says of a decision that has an outcome; of who says it again, the last word.

        Raises:
            InvalidRequest: not a number from 0 to 1, or none at all.
            NotFound: there is no such outcome, or it is no longer kept.
            StoreUnavailable: whether it is kept is not known; score it again.
        """
        scores = Scores(small=small, large=large)
        check_scores(scores)

        def change(found: OutcomeRecord | None) -> OutcomeRecord:
            if found is None:
                raise _no_outcome(decision_id)
            return scored(found, scores, judged_by)

        kept = await self._changed(account, change, await self._raw(account, decision_id))
        if kept is None:
            raise _no_outcome(decision_id)
        return kept

    async def page(
        self,
        account: str,
        route: str | None = None,
        *,
        from_ms: int | None = None,
        before: Cursor | None = None,
        limit: int = 100,
    ) -> Page:
        """Newest first.

        Args:
            account: the tenant.
            route: `None` for all that have outcomes.
            from_ms: Unix milliseconds of the earliest decision wanted; `None` for all that are kept.
            before: where the page before this one ended.
            limit: at most so many.
        """
        keys = AccountKeys(account)
        routes = [route] if route is not None else await self.routes(account)
        indexes = [index for name in routes for index in (keys.outcomes(name), keys.undrawn(name))]
        ids = await ids_before(self._store, indexes, from_ms=from_ms, before=before, limit=limit)
        found = await self._records(keys, [one.id for one in ids])
        return Page(found, ids[-1] if len(ids) == limit else None)

    async def each(
        self, account: str, route: str | None = None, *, from_ms: int | None = None
    ) -> AsyncIterator[OutcomeRecord]:
        """Every outcome that is kept, newest first."""
        before: Cursor | None = None
        while True:
            page = await self.page(account, route, from_ms=from_ms, before=before, limit=_PAGE)
            for record in page.outcomes:
                yield record
            before = page.next
            if before is None:
                return

    async def routes(self, account: str) -> list[str]:
        """The routes that have outcomes."""
        members = await self._store.command("SMEMBERS", AccountKeys(account).outcome_routes)
        return sorted(raw.decode() for raw in members)

    async def _raw(self, account: str, decision_id: str) -> bytes | None:
        raw: bytes | None = await self._store.command("GET", AccountKeys(account).outcome(decision_id))
        return raw

    async def _records(self, keys: AccountKeys, ids: Sequence[str]) -> list[OutcomeRecord]:
        if not ids:
            return []
        raws = await self._store.command("MGET", *(keys.outcome(one) for one in ids))
        return [decode_outcome(raw) for raw in raws if raw is not None]  # the others have expired meanwhile

    async def _changed(self, account: str, change: Change, seen: bytes | None) -> OutcomeRecord | None:
        """The outcome as changed, from what is there when it is written; then the watch is told of it.

        `None` where it is older than what is kept.
        """
        while True:
            found = None if seen is None else decode_outcome(seen)
            wanted = change(found)
            if wanted != found:
                reply = await self._keep(account, seen or b"", found, wanted)
                if reply[0] == b"past":
                    return None
                if reply[0] == b"changed":  # by another; or by us, and the answer was lost on its way
                    seen = reply[1] or None
                    continue
            await self.watch.tell(account, wanted)
            return wanted

    async def _keep(
        self, account: str, seen: bytes, found: OutcomeRecord | None, wanted: OutcomeRecord
    ) -> list[bytes]:
        keys, route = AccountKeys(account), wanted.route
        news_to_the_watch = counts(wanted) and not (found is not None and counts(found))
        unscored = wanted.audited and wanted.missing and wanted.counting is None
        reply: list[bytes] = await self._store.run(
            KEEP,
            (
                keys.outcome(wanted.id),
                keys.outcomes(route) if wanted.audited else keys.undrawn(route),
                keys.unscored(route),
                keys.outcome_routes,
                keys.uncounted,
                keys.undrawn(route) if wanted.audited else keys.outcomes(route),
            ),
            (
                seen,
                encode_outcome(wanted),
                wanted.id,
                wanted.at_ms,
                route,
                self._terms.retention_ms,
                self._terms.kept_a_route,
                "count" if news_to_the_watch else "",
                "unscored" if unscored else "",
            ),
        )
        if reply[0] == b"kept" and len(reply) > 1:  # should this not be done they expire, if later
            await self._store.command("DEL", *(keys.outcome(raw.decode()) for raw in reply[1:]))
        return reply


def _no_outcome(decision_id: str) -> NotFound:
    return NotFound(
        f"decision {decision_id[:40]!r} has no outcome, or it is older than what is kept", param="decision_id"
    )
