"""Requests with an `Idempotency-Key`: answered once, and given the same answer every other time.

The first one is answered in a task of its own, which goes on when its caller leaves: who comes again with the
same key gets what came of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from router.answers.claims import Claim
from router.answers.idempotency import Idempotency, Keyed
from router.answers.kept import KeptAnswer
from router.errors import InternalError
from router.http.failure import Headers
from router.http.request import Message, Send

_REPLAYED: Final = (b"idempotency-replayed", b"true")
_NO_RETRY: Final = (b"x-should-retry", b"false")

Produce = Callable[[str, Send], Awaitable[Exception | None]]
"""Answers under a decision id, whatever happens; answers also what failed."""


class Recording:
    """ASGI's send that keeps what it is given; the caller follows it at a pace of its own.

    The last piece is given to the caller once the answer is kept: who has read an answer to its end is given
    the same one again.
    """

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._news = asyncio.Event()
        self._ended = False

    async def __call__(self, message: Message) -> None:
        """Keeps one message."""
        self._messages.append(message)
        self._news.set()

    def end(self) -> None:
        """Nothing more comes."""
        self._ended = True
        self._news.set()

    @property
    def answer(self) -> KeptAnswer:
        """All that was said."""
        start = self._messages[0]
        bodies = (message.get("body", b"") for message in self._messages[1:])
        return KeptAnswer(start["status"], list(start["headers"]), b"".join(bodies))

    @property
    def _whole(self) -> bool:
        """Whether the last message came."""
        return len(self._messages) > 1 and not self._messages[-1].get("more_body", False)

    async def follow(self, send: Send, more: Headers) -> None:
        """Sends what came and what comes, with the headers every answer carries.

        Raises:
            InternalError: it was cut short.
        """
        given = 0
        while True:
            self._news.clear()
            ended = self._ended
            ready = len(self._messages) - (1 if self._whole and not ended else 0)
            while given < ready:
                message = self._messages[given]
                if given == 0:
                    message = {**message, "headers": [*message["headers"], *more]}
                await send(message)
                given += 1
            if ended:
                break
            await self._news.wait()
        if not self._whole:
            raise InternalError("the service stopped before the answer was whole; send the request again")


class Once:
    """Answers requests that have an `Idempotency-Key`."""

    def __init__(self, idempotency: Idempotency) -> None:
        self._idempotency = idempotency

    async def answer(self, keyed: Keyed, produce: Produce, send: Send, more: Headers) -> bool:
        """Answers a request, by a call or by the answer that one before it got; whether it was the latter.

        Raises:
            PennyrouteError: as `Idempotency.claim` does.
        """
        claim = await self._idempotency.claim(keyed)
        if isinstance(claim, KeptAnswer):
            await _replay(claim, send, more)
            return True
        recording = Recording()
        self._idempotency.run(self._answer(claim, partial(produce, claim.decision_id, recording), recording))
        await recording.follow(send, more)
        return False

    async def _answer(
        self, claim: Claim, produce: Callable[[], Awaitable[Exception | None]], recording: Recording
    ) -> None:
        try:
            failed = await produce()
            await self._idempotency.finish(claim, recording.answer, failed)
        finally:
            self._idempotency.abandon(claim)
            recording.end()


async def _replay(answer: KeptAnswer, send: Send, more: Headers) -> None:
    headers = [*answer.headers, _REPLAYED, *more]
    if answer.status >= 400:  # it would get the same again
        headers = [*(header for header in headers if header[0] != _NO_RETRY[0]), _NO_RETRY]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
