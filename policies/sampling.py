"""Which decisions are audited: a draw that can be repeated and that nobody without the salt can foretell."""

from hashlib import blake2b

_BITS = 53  # so that every number is a double exactly, and none is rounded up to 1


def drawn_number(salt: bytes, decision_id: str) -> float:
    """The number a decision draws, in [0, 1): the first 53 bits of BLAKE2b(salt ‖ decision id).

    Args:
        salt: secret and always as long, so that salt and id cannot be told apart in two ways.
        decision_id: made by the service; a caller who could choose it could choose the number.
    """
    digest = blake2b(salt + decision_id.encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> 64 - _BITS) / (1 << _BITS)


def is_drawn(number: float, share: float) -> bool:
    """Whether a drawn number falls into the share: never at 0, always at 1."""
    return number < share
