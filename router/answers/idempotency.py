"""The first answer to each Idempotency-Key: claimed before the call, kept after it, given again."""

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from msgspec import DecodeError

from router.answers.charged import charged_so_far
from router.answers.claims import ALLOW, Claim, Claims, Found, State
from router.answers.errors import AnswerNotKept, KeyReused, OutcomeUnknown, StillRunning
from router.answers.kept import KeptAnswer, decode_kept, encode_kept
from router.answers.seal import Seal, SealBroken
from router.answers.terms import IdempotencyTerms
from router.clock import World
from router.errors import InvalidRequest, PennyrouteError, StoreUnavailable
from router.store.connection import Store

_log = logging.getLogger(__name__)
HEADER: Final = "Idempotency-Key"
RETRY_HEADER: Final = "Idempotency-Retry"
_LONGEST_KEY: Final = 255
_FIRST_LOOK_S: Final = 0.05
_LOOKS_APART_S: Final = 1.0
_ASK_AGAIN_S: Final = 5.0
_DRAIN_S: Final = 30.0
_OR_ALLOW: Final = f"`{RETRY_HEADER}: {ALLOW}` calls again, and is charged again"


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with an Idempotency-Key.

    Attributes:
        name: of the claim: a hash of the caller's API key and the Idempotency-Key.
        fingerprint: of what is asked, hashed under the Idempotency-Key, so that nobody can try guesses.
        allow: whether to call again where the first call left no answer.
    """

    account: str
    name: str = field(repr=False)
    fingerprint: str = field(repr=False)
    allow: bool


def keyed(account: str, api_key_id: str, key: bytes, asked: tuple[bytes, ...], retry: bytes | None) -> Keyed:
    """Reads the two headers.

    Args:
        account: the caller's.
        api_key_id: two API keys may use the same Idempotency-Key without knowing of each other.
        key: the header's value.
        asked: method, path, forced tier and body.
        retry: the value of `Idempotency-Retry`, where it was sent.

    Raises:
        InvalidRequest: not 1 to 255 printable ASCII characters, or another word than `allow`.
    """
    if not 1 <= len(key) <= _LONGEST_KEY or not all(0x20 <= byte < 0x7F for byte in key):
        raise InvalidRequest(
            f"{HEADER}: expected 1 to {_LONGEST_KEY} printable ASCII characters, such as a UUID", param=HEADER
        )
    if retry is not None and retry != ALLOW.encode():
        raise InvalidRequest(f"{RETRY_HEADER}: expected `{ALLOW}`, or no such header", param=RETRY_HEADER)
    name = hashlib.sha256(api_key_id.encode() + b"\0" + key).hexdigest()
    said = hmac.new(key, digestmod=hashlib.sha256)
    for part in asked:
        said.update(len(part).to_bytes(8, "big"))
        said.update(part)
    return Keyed(account, name, said.hexdigest(), retry is not None)


class Idempotency:
    """What one worker knows of requests with a key."""

    def __init__(
        self, store: Store, claims: Claims, seal: Seal, terms: IdempotencyTerms, world: World
    ) -> None:
        self._store = store
        self._claims = claims
        self._seal = seal
        self._terms = terms
        self._world = world
        self._tasks: set[asyncio.Task[object]] = set()

    async def claim(self, keyed: Keyed) -> Claim | KeptAnswer:
        """The claim of this request, which then must call; or the answer there is, after waiting for it.

        Raises:
            KeyReused: the key was sent with another request.
            StillRunning: the first request runs still.
            OutcomeUnknown: the first request's worker died.
            AnswerNotKept: the first request's answer is not there.
            StoreUnavailable: whether the key was sent before cannot be told; nobody was called.
        """
        claim = self._claims.new(keyed.account, keyed.name, self._world.new_id("dec"))
        replacing = ALLOW if keyed.allow else ""
        give_up_s = self._world.monotonic_s() + self._terms.wait_s
        wait_s = _FIRST_LOOK_S
        while True:
            found = await self._made(claim, keyed.fingerprint, replacing)
            if found.state is State.OURS:
                return claim
            if found.state is not State.BUSY:
                kept = await self._there(claim, found)
                if kept is not None:
                    return kept
                if not keyed.allow:
                    raise _known_as(AnswerNotKept(self._not_there(found)), found)
                replacing = found.decision_id
                continue
            if self._world.monotonic_s() >= give_up_s:
                raise _known_as(_still_running(found), found)
            await asyncio.sleep(wait_s)
            wait_s = min(_LOOKS_APART_S, wait_s * 1.5)

    async def _made(self, claim: Claim, fingerprint: str, replacing: str) -> Found:
        try:
            return await self._claims.make(claim, fingerprint, replacing=replacing)
        except (
            StoreUnavailable,
            asyncio.CancelledError,
        ):  # it may be made all the same, and nobody will call
            self.run(self._given_back(claim))
            raise

    async def _there(self, claim: Claim, found: Found) -> KeptAnswer | None:
        """The answer of the request that has the key; `None` where it is not there."""
        if found.state is State.OTHER:
            raise KeyReused(
                f"this {HEADER} was sent before with another request; take a new key for a new request",
                param=HEADER,
            )
        if found.state is State.DEAD:
            charged = await charged_so_far(self._store, claim.account, found.decision_id)
            raise _known_as(
                OutcomeUnknown(
                    f"the worker that had this request died, and nobody knows whether the model answered: "
                    f"{charged.sentence} (decision {found.decision_id}). {_OR_ALLOW}",
                    param=HEADER,
                ),
                found,
            )
        if found.state is State.UNKEPT:
            return None
        try:
            return decode_kept(self._seal.open(claim.key, found.sealed))
        except (SealBroken, DecodeError) as error:
            _log.error("the kept answer of %s cannot be read: %s", found.decision_id, error)
            return None

    def _not_there(self, found: Found) -> str:
        return (
            f"this request was answered before (decision {found.decision_id}), and the answer is not there "
            f"to be sent again: it was larger than {self._terms.max_answer_bytes} bytes "
            f"(idempotency.max_answer_bytes), did not fit the store, or cannot be opened. {_OR_ALLOW}"
        )

    async def finish(self, claim: Claim, answer: KeptAnswer, error: Exception | None) -> None:
        """Leaves the answer for whoever sends the same again; gives the key back where nothing was charged.

        Args:
            claim: ours.
            answer: what the caller gets.
            error: what it says, where it is one.
        """
        try:
            if error is not None and await self._was_free(claim, error):
                await self._claims.release(claim)
                return
            state = State.ANSWERED if error is None else State.FAILED
            fits = len(answer.body) <= self._terms.max_answer_bytes
            sealed = self._seal.seal(claim.key, encode_kept(answer)) if fits else b""
            await self._claims.finish(claim, state, sealed)
        except PennyrouteError as failure:
            _log.warning("the answer of %s is not kept: %s", claim.decision_id, failure)
        finally:
            self._claims.abandon(claim)

    async def _was_free(self, claim: Claim, error: Exception) -> bool:
        charged = await charged_so_far(self._store, claim.account, claim.decision_id)
        if charged.attempts or charged.held_nano is not None:
            return charged.nothing
        # Nothing is recorded: it was refused before anybody was called, or what it used waits in the spool.
        return (
            isinstance(error, PennyrouteError)
            and error.decision_id is None
            and error.code != "internal_error"
        )

    def abandon(self, claim: Claim) -> None:
        """Extends the claim no more."""
        self._claims.abandon(claim)

    async def _given_back(self, claim: Claim) -> None:
        with suppress(PennyrouteError):  # the lease runs out
            await self._claims.release(claim)

    def run(self, work: Coroutine[None, None, object]) -> None:
        """Runs work that outlives its request; `drain` waits for it."""
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[object]") -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("a request with an %s failed inside", HEADER, exc_info=error)

    async def drain(self) -> None:
        """Waits for requests that go on without their callers; cuts short what does not end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_S)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)


def _still_running(found: Found) -> StillRunning:
    return StillRunning(
        f"the request with this {HEADER} runs still (decision {found.decision_id}); "
        "send it again in a moment",
        param=HEADER,
        retry_after_s=_ASK_AGAIN_S,
    )


def _known_as(error: PennyrouteError, found: Found) -> PennyrouteError:
    error.decision_id = found.decision_id
    return error
