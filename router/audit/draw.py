"""The lot: the secret salt of the store, and what decisions draw with it."""

import secrets
from hashlib import blake2b

from policies.sampling import drawn_number
from router.store.connection import Store
from router.store.keys import AUDIT_SALT

_SALT_BYTES = 32


class Lot:
    """Draws numbers for decisions. Holds the salt and shows it to nobody."""

    __slots__ = ("_salt",)

    def __init__(self, salt: bytes) -> None:
        if len(salt) != _SALT_BYTES:
            raise ValueError(f"the salt of the audits' draw must have {_SALT_BYTES} bytes")
        self._salt = salt

    def __repr__(self) -> str:
        return "Lot()"

    def number(self, decision_id: str) -> float:
        """What the decision draws, in [0, 1); always the same."""
        return drawn_number(self._salt, decision_id)

    def mark(self, decision_id: str) -> str:
        """A word nobody could have put into an answer beforehand: what fences an answer in for a judge."""
        return blake2b(decision_id.encode(), key=self._salt, digest_size=8).hexdigest()


async def lot_of(store: Store) -> Lot:
    """The lot of a store; whoever asks first makes its salt.

    Raises:
        StoreUnavailable: no answer.
    """
    await store.command("SET", AUDIT_SALT, secrets.token_bytes(_SALT_BYTES), "NX")
    salt: bytes = await store.command("GET", AUDIT_SALT)
    return Lot(salt)
