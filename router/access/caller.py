"""Who is calling."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling.

    Attributes:
        key_id: '' for anybody on loopback while no key exists.
        digest: SHA-256 of the key, to look it up again.
    """

    account: str
    key_id: str
    may_call: bool
    admin: bool
    digest: str = field(default="", repr=False, compare=False)


ANYBODY = Caller(account="main", key_id="", may_call=True, admin=True)
