"""Who is calling."""

from dataclasses import dataclass, field
from typing import Final

from router.access.tie import UNTIED, Tie

MAIN_ACCOUNT: Final = "main"
"""The account of whoever runs the service; a key belongs to it unless it is made for another."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling.

    Attributes:
        key_id: '' for anybody on loopback while no key exists.
        tie: what the key is tied to.
        digest: SHA-256 of the key, to look it up again.
    """

    account: str
    key_id: str
    may_call: bool
    admin: bool
    tie: Tie = UNTIED
    digest: str = field(default="", repr=False, compare=False)

    @property
    def operator(self) -> bool:
        """Whether they may see and change what belongs to the whole installation."""
        return self.admin and self.account == MAIN_ACCOUNT


ANYBODY = Caller(account=MAIN_ACCOUNT, key_id="", may_call=True, admin=True)
