"""Token counts in one normal form, whatever the provider's wire calls them."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from router.pricing.errors import UsageError

MAX_TOKENS: Final = 10**12
"""More than this in one call is nonsense, whoever says so."""


class UsageSource(StrEnum):
    """Where a usage came from, best first."""

    PROVIDER_COST = "provider_cost"
    PROVIDER = "provider"
    COUNTED = "counted"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one attempt, in inclusive buckets.

    The two wholes contain their parts, and the parts of one whole are disjoint: a cached token of audio is
    counted as cached only. Counts that exclude or overlap are brought to this form where the wire is read.

    Attributes:
        input_tokens: all that was sent, with what was cached, written to a cache, audio and images.
        output_tokens: all that was generated, with reasoning and audio.
        cached_input_tokens: the part read from a cache.
        cache_write_5m_tokens: the part written to a cache of 5 minutes, or of the provider's only lifetime.
        cache_write_1h_tokens: the part written to a cache of one hour.
        reasoning_tokens: the part of the output that was thought, not shown.
        audio_input_tokens: the part that was sound.
        audio_output_tokens: the part of the output that was sound.
        image_input_tokens: the part that was pictures.

    Raises:
        UsageError: a count that is no whole number in 0 … 10¹², or parts that exceed their whole.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    image_input_tokens: int = 0

    def __post_init__(self) -> None:
        for name in _COUNTS:
            count = getattr(self, name)
            if type(count) is not int or not 0 <= count <= MAX_TOKENS:
                raise UsageError(
                    f"{name} is {count!r}; it must be a whole number from 0 to {MAX_TOKENS}", param=name
                )
        if self.plain_input_tokens < 0:
            raise UsageError(
                f"the parts of input_tokens exceed its {self.input_tokens} by {-self.plain_input_tokens}: "
                f"cached {self.cached_input_tokens}, cache writes "
                f"{self.cache_write_5m_tokens} + {self.cache_write_1h_tokens}, "
                f"audio {self.audio_input_tokens}, images {self.image_input_tokens}",
                param="input_tokens",
            )
        if self.plain_output_tokens < 0:
            raise UsageError(
                f"the parts of output_tokens exceed its {self.output_tokens} by {-self.plain_output_tokens}: "
                f"reasoning {self.reasoning_tokens}, audio {self.audio_output_tokens}",
                param="output_tokens",
            )

    @property
    def plain_input_tokens(self) -> int:
        """Input tokens that are in none of the parts."""
        return (
            self.input_tokens
            - self.cached_input_tokens
            - self.cache_write_5m_tokens
            - self.cache_write_1h_tokens
            - self.audio_input_tokens
            - self.image_input_tokens
        )

    @property
    def plain_output_tokens(self) -> int:
        """Output tokens that are in none of the parts."""
        return self.output_tokens - self.reasoning_tokens - self.audio_output_tokens


_COUNTS: Final = tuple(field.name for field in fields(Usage))
