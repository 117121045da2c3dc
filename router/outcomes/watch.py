"""Tells the watch of audited outcomes: each decision once, whenever and in whatever order they come in.

An outcome lives with its account, the watch with the settings: two scripts. In between, the decision stands
in the account's `uncounted`; it leaves once the watch has counted it, and the watch knows what it counted.
So whoever dies in between loses nothing, and `catch_up` of any worker finishes it.
"""

import logging

from policies.choice import Tier
from policies.watch import WatchTerms, excess
from router.outcomes.record import JudgedBy, OutcomeRecord, Scores, decode_outcome
from router.routes.certificate import CertificateInForce
from router.routes.thresholds import Thresholds
from router.routes.watches import Audit, Counted, Watches
from router.store.connection import Store, StoreRefused
from router.store.keys import AccountKeys
from router.store.settings import accounts

_log = logging.getLogger(__name__)
_AT_ONCE = 100


def counts(record: OutcomeRecord) -> bool:
    """Whether the watch is to be told of it: drawn by chance, under a certificate, with both scores."""
    return record.audited and bool(record.certificate) and record.counting is not None


class OutcomeWatch:
    """Brings audited outcomes to the watch on the certificate they were made under."""

    def __init__(self, store: Store, *, remembers_ms: int, terms: WatchTerms | None = None) -> None:
        self._store = store
        self._thresholds = Thresholds(store)
        self.routes = Watches(store, terms or WatchTerms(), remembers_ms=remembers_ms)

    async def tell(self, account: str, record: OutcomeRecord) -> None:
        """Has an outcome counted, if it is to be and is not yet.

        Raises:
            StoreUnavailable: whether it is counted is not known; `catch_up` sees to it.
        """
        if not counts(record):
            return
        if await self._store.command("ZSCORE", AccountKeys(account).uncounted, record.id) is not None:
            await self._count(account, record)

    async def catch_up(self) -> int:
        """Has counted what was not, in every account; answers how many.

        Raises:
            StoreUnavailable: no answer; the rest is left to the next time.
        """
        done = 0
        for account in await accounts(self._store):
            keys, left = AccountKeys(account), 0
            while ids := await self._store.command("ZRANGE", keys.uncounted, left, left + _AT_ONCE - 1):
                raws = await self._store.command("MGET", *(keys.outcome(raw.decode()) for raw in ids))
                for raw_id, raw in zip(ids, raws, strict=True):
                    counted = await self._try_to_count(account, raw_id, raw)
                    done += bool(counted)
                    left += counted is None
        return done

    async def _try_to_count(self, account: str, raw_id: bytes, raw: bytes | None) -> bool | None:
        """`None` where it stays uncounted: it must not stand in the way of those behind it."""
        if raw is None:  # no longer kept
            await self._store.command("ZREM", AccountKeys(account).uncounted, raw_id)
            return False
        try:
            await self._count(account, decode_outcome(raw))
        except (StoreRefused, ValueError) as error:
            _log.error("the outcome of %s cannot be counted: %s", raw_id.decode(errors="replace"), error)
            return None
        return True

    async def missing(self, route: str, *, since_ms: int = 0, until_ms: int | None = None) -> int:
        """How many audits of a route, decided in this time, have no score: the watch does not see those."""
        names, last = await accounts(self._store), "+inf" if until_ms is None else until_ms
        asked = [("ZCOUNT", AccountKeys(name).unscored(route), since_ms, last) for name in names]
        return sum(await self._store.commands(*asked))

    async def _count(self, account: str, record: OutcomeRecord) -> Counted:
        counted = await self._counted(record)
        await self._store.command("ZREM", AccountKeys(account).uncounted, record.id)
        return counted

    async def _counted(self, record: OutcomeRecord) -> Counted:
        threshold, counting = await self._thresholds.current(record.route), record.counting
        certificate = threshold.certificate if threshold else None
        if (
            threshold is None
            or certificate is None
            or counting is None
            or (threshold.version, certificate.id) != (record.threshold_version, record.certificate)
        ):
            return Counted.PAST
        z = _fell_short(Tier(record.tier), *counting, certificate)
        return await self.routes.count(
            Audit(record.route, threshold.version, record.id, z, certificate.id, certificate.floor)
        )


def _fell_short(tier: Tier, judged_by: JudgedBy, scores: Scores, certificate: CertificateInForce) -> float:
    """z, -1 to 1; by a judge whose scores the certificate corrects, corrected by as much on average.

    Else a judge that is harder on small answers than people are would withdraw what people vouched for, and
    one that is softer would never withdraw it.
    """
    assert scores.small is not None
    assert scores.large is not None
    z = excess(tier, scores.small, scores.large, certificate.floor)
    if judged_by not in certificate.judged_by:
        return z
    return min(1.0, max(-1.0, z + certificate.correction))
