"""The wide lane: providers that litellm translates for. The one file that imports it, on first use."""

from router.clock import World
from router.providers.answer import Answer
from router.providers.endpoint import Call
from router.providers.passage import Passage
from router.providers.stream import Stream


class WideLane:
    """Calls providers through litellm's SDK."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def whole(self, call: Call) -> Answer:
        """A whole answer."""
        raise NotImplementedError

    async def streamed(self, call: Call, passage: Passage) -> Stream:
        """A streamed answer whose first event is here."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Closes every connection."""
