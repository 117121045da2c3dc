"""Claims on idempotency keys: one request has a key, keeps it while it runs, and leaves its answer there."""

import asyncio
import logging
import math
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from router.answers.terms import IdempotencyTerms
from router.errors import PennyrouteError, StoreUnavailable
from router.store.connection import Store, Word
from router.store.keys import AccountKeys
from router.store.scripts import read_script

_log = logging.getLogger(__name__)
_PACKAGE: Final = "router.answers"
CLAIM: Final = read_script(_PACKAGE, "claim", repeatable=True)
FINISH: Final = read_script(_PACKAGE, "finish", repeatable=True)
FINISH_WITHOUT: Final = read_script(_PACKAGE, "finish", may_fill=True, repeatable=True)
RELEASE: Final = read_script(_PACKAGE, "release", may_fill=True, repeatable=True)
PROLONG: Final = read_script(_PACKAGE, "prolong", may_fill=True, repeatable=True)
ALLOW: Final = "allow"
_EXTENSIONS_A_LEASE: Final = 3
_CLAIMS_A_CALL: Final = 500


class State(StrEnum):
    """What became of a request that has a key."""

    OURS = "ours"  # nobody had it: this request does now
    OTHER = "other"  # another body was sent under it
    BUSY = "busy"  # a live worker is at it
    DEAD = "dead"  # its worker died, and nobody knows whether the model answered
    ANSWERED = "answered"
    FAILED = "failed"  # it failed and was charged
    UNKEPT = "unkept"  # it was answered, and the answer could not be kept


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that has a key.

    Attributes:
        key: the store's name of the claim.
        token: which request it is.
    """

    account: str
    key: str
    token: str
    decision_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a claim came to.

    Attributes:
        decision_id: of the request that has the key; our own where `state` is `OURS`.
        sealed: its answer, where one is kept.
    """

    state: State
    decision_id: str
    sealed: bytes = b""


class Claims:
    """The claims of one worker."""

    def __init__(self, store: Store, terms: IdempotencyTerms) -> None:
        self._store = store
        self._terms = terms
        self._claimed_s = max(terms.keep_s, math.ceil(terms.lease_s))
        self._open: dict[Claim, None] = {}

    def new(self, account: str, name: str, decision_id: str) -> Claim:
        """A claim that is not made yet."""
        return Claim(account, AccountKeys(account).claim(name), secrets.token_hex(16), decision_id)

    async def make(self, claim: Claim, fingerprint: str, *, replacing: str = "") -> Found:
        """Takes the key if nobody has it.

        Args:
            claim: a new one.
            fingerprint: of what is asked.
            replacing: `ALLOW` takes it also from a request that left no answer; a decision id from that one.

        Raises:
            StoreUnavailable: no answer; if the key was taken, the lease on it runs out.
        """
        lease_ms = int(self._terms.lease_s * 1000)
        words = (claim.token, fingerprint, claim.decision_id, lease_ms, self._claimed_s, replacing)
        reply = await self._store.run(CLAIM, (claim.key,), words)
        state = State(reply[0].decode())
        if state is State.OURS:
            self._open[claim] = None
            return Found(state, claim.decision_id)
        if state in (State.OTHER, State.BUSY):
            return Found(state, reply[1].decode())
        return Found(state, reply[1].decode(), reply[2])

    async def finish(self, claim: Claim, state: State, sealed: bytes) -> None:
        """Leaves the answer; where the store is too full for it, that there was one.

        Raises:
            StoreUnavailable: no answer; if nothing was written, the lease runs out.
        """
        keys, keep_s = (claim.key,), self._terms.keep_s
        try:
            if sealed:
                try:
                    await self._store.run(FINISH, keys, (claim.token, state, sealed, keep_s))
                except StoreUnavailable as error:
                    _log.warning("the answer of %s could not be kept: %s", claim.decision_id, error)
                else:
                    return
            await self._store.run(FINISH_WITHOUT, keys, (claim.token, State.UNKEPT, b"", keep_s))
        finally:
            self._open.pop(claim, None)

    async def release(self, claim: Claim) -> None:
        """Gives the key back.

        Raises:
            StoreUnavailable: no answer; the lease runs out.
        """
        try:
            await self._store.run(RELEASE, (claim.key,), (claim.token,))
        finally:
            self._open.pop(claim, None)

    def abandon(self, claim: Claim) -> None:
        """Extends it no more: whoever comes after the lease is told that its outcome is not known."""
        self._open.pop(claim, None)

    async def prolong(self) -> None:
        """Keeps this worker's claims.

        Raises:
            StoreUnavailable: no answer.
        """
        of_account: dict[str, list[Claim]] = {}
        for claim in self._open:
            of_account.setdefault(claim.account, []).append(claim)
        lease_ms = int(self._terms.lease_s * 1000)
        for claims in of_account.values():
            for at in range(0, len(claims), _CLAIMS_A_CALL):
                some = claims[at : at + _CLAIMS_A_CALL]
                words: list[Word] = [lease_ms, self._claimed_s, *(claim.token for claim in some)]
                await self._store.run(PROLONG, [claim.key for claim in some], words)

    async def keep_prolonging(self) -> None:
        """Runs for as long as the worker does."""
        while True:
            await asyncio.sleep(self._terms.lease_s / _EXTENSIONS_A_LEASE)
            try:
                await self.prolong()
            except PennyrouteError as error:  # the upkeep tells of an outage; what is lost is told to retries
                _log.info("claims on idempotency keys are not extended: %s", error)
