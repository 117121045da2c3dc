"""Who answers behind the wire, and the pieces an answer comes in."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from router.bundled.chat import Chat


@dataclass(frozen=True, slots=True)
class Delta:
    """What is new in one choice.

    Attributes:
        index: which choice, from 0.
        fields: of the message, as a chunk's `delta` has them.
        finish_reason: why the choice ended, in its last delta.
    """

    index: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """The tokens of all choices together; said last."""

    prompt_tokens: int
    completion_tokens: int

    def wire(self) -> dict[str, int]:
        """As `usage` has them."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }


class Speaker(Protocol):
    """Something that answers chats."""

    @property
    def names(self) -> Mapping[str, str]:
        """What a request may call a model → what that model is called."""

    def speak(self, chat: Chat) -> AsyncGenerator[Delta | Used]:
        """The answer in pieces, `Used` at the end; closing it ends the work.

        Raises:
            PennyrouteError: before the first piece, what is wrong with the request.
        """
