"""What `pennyroute.yaml` may say of answers that are kept."""

from typing import Final

from pydantic import Field

from router.answers.terms import Shared
from router.settings.section import Section

MIB: Final = 1024 * 1024


class IdempotencySettings(Section):
    """How the first answer to an `Idempotency-Key` is kept, sealed, for whoever sends the same again."""

    keep_s: int = Field(
        86_400,
        ge=1,
        le=7 * 86_400,
        description="Seconds the answer is kept, from its end; for so long the key takes no other body.",
    )
    max_answer_bytes: int = Field(
        MIB,
        ge=1_024,
        le=64 * MIB,
        description="Largest answer that is kept, in bytes; sent again, the request of a larger one is "
        "answered 409 `answer_not_kept`.",
    )
    wait_s: float = Field(
        30.0,
        ge=0,
        le=600,
        allow_inf_nan=False,
        description="Seconds a request waits for the one before it with its key; then it is answered 409.",
    )
    lease_s: float = Field(
        15.0,
        ge=1,
        le=300,
        allow_inf_nan=False,
        description="Seconds after which a worker that no longer says it is at a request counts as dead.",
    )


class CacheSettings(Section):
    """Gives the same call of this route the same answer again; needs `PENNYROUTE_ANSWERS_KEY` to be set."""

    ttl_s: int = Field(
        ge=1, le=30 * 86_400, description="Seconds an answer is given again, from when it was made."
    )
    max_bytes: int = Field(
        64 * MIB,
        ge=1_024,
        le=1024 * 1024 * MIB,
        description="Bytes the route's answers may take in each account; then the oldest leave. One answer "
        "may have 1 MiB of them.",
    )
    shared: Shared = Field(
        Shared.KEY,
        strict=False,
        description="Who is given an answer: `key`, the API key that got it first; `account`, every key of "
        "its account.",
    )
