"""How long answers are kept, how large they may be, and who may be given them."""

from dataclasses import dataclass
from enum import StrEnum


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


class Shared(StrEnum):
    """Who may be given an answer that is in a route's cache."""

    KEY = "key"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class CacheTerms:
    """How a route caches its answers.

    Attributes:
        ttl_s: seconds an answer is given again.
        max_bytes: sealed bytes that the route's answers may take in each account.
        shared: the API key whose answer it was, or every key of its account.
    """

    ttl_s: int
    max_bytes: int
    shared: Shared = Shared.KEY
