"""One door to every provider: limits, circuits and the lane a model is reached by."""

from router.clock import World
from router.providers.answer import Answer, StreamAnswer
from router.providers.endpoint import Call
from router.providers.session import Session


class Upstreams:
    """Every upstream of one worker."""

    def __init__(self, session: Session, world: World) -> None:
        self._session = session
        self._world = world

    async def call(self, call: Call) -> Answer | StreamAnswer:
        """Makes one attempt; a stream is answered once its first event is here and is no error.

        Raises:
            AttemptFailed: it failed before any part of an answer was passed on.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Closes every connection."""
