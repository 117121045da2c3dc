"""What a caller asks, converted once at the edge: inside, only this travels."""

from collections.abc import Mapping

import msgspec

from classifiers import QueryFacts
from policies import Tier
from router.access.caller import Caller
from router.ledger.entry import Labels


class Turn(msgspec.Struct, frozen=True):
    """One message, as far as deciding and trimming need to know it.

    Attributes:
        text: its text parts, joined.
    """

    role: str
    text: str
    images: int


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One call of `/complete` or `/v1/chat/completions`.

    Attributes:
        target: a route's name, or a configured model's own.
        body: the OpenAI chat body, top-level values as the raw JSON they came as.
        turns: the messages.
        facts: what the classifier reads.
        input_bytes: UTF-8 bytes of everything the provider will count as input.
        output_asked: the caller's own output cap in tokens.
        answers: `n`, how many answers are wanted.
        needs_tools: tools or functions are offered.
        explained: the answer names what moved the difficulty.
        usage_wanted: the caller asked for the usage chunk of a stream.
        arrived_s: monotonic seconds.
    """

    caller: Caller
    target: str
    body: Mapping[str, msgspec.Raw]
    turns: tuple[Turn, ...]
    facts: QueryFacts
    input_bytes: int
    labels: Labels
    arrived_s: float
    output_asked: int | None = None
    answers: int = 1
    needs_tools: bool = False
    stream: bool = False
    usage_wanted: bool = False
    explained: bool = False
    forced: Tier | None = None
    dry_run: bool = False

    @property
    def images(self) -> int:
        """Image parts in all messages."""
        return sum(turn.images for turn in self.turns)
