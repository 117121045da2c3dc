"""How long first answers are kept, how large they may be, and how long others wait for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IdempotencyTerms:
    """The terms of idempotency.

    Attributes:
        keep_s: seconds an answer is kept, and another body under its key is refused.
        max_answer_bytes: a larger answer is not kept; that it was given is.
        wait_s: seconds a request waits for the one before it that has its key.
        lease_s: seconds after which a claim that no worker extends is known to be a dead worker's.
    """

    keep_s: int = 86_400
    max_answer_bytes: int = 1024 * 1024
    wait_s: float = 30.0
    lease_s: float = 15.0
