"""What is known of the money of a decision whose answer is not."""

from dataclasses import dataclass

from router.decisions import find_ended
from router.ledger.entry import attempt_id, decode
from router.pricing.money import total, usd
from router.record import OPEN
from router.store.connection import Store
from router.store.keys import AccountKeys


@dataclass(frozen=True, slots=True)
class Charged:
    """The money of a decision, so far.

    Attributes:
        attempts: calls that are booked.
        cost_nano: of those, nano-dollars; `None` where it is not known.
        held_nano: the worst case of the call that is open, nano-dollars; `None` where none is.
    """

    attempts: int
    cost_nano: int | None
    held_nano: int | None

    @property
    def nothing(self) -> bool:
        """Whether it is over and was certainly charged nothing."""
        return self.attempts > 0 and self.cost_nano == 0 and self.held_nano is None

    @property
    def sentence(self) -> str:
        """In words."""
        if not self.attempts and self.held_nano is None:
            return "nothing is recorded of it"
        cost = "an unknown amount" if self.cost_nano is None else f"{usd(self.cost_nano)} USD"
        if self.held_nano is None:
            return f"{cost} is charged for it"
        held = f"{usd(self.held_nano)} USD is held for a call whose end is not known"
        return f"{cost} is charged for it, and {held}"


async def charged_so_far(store: Store, account: str, decision_id: str) -> Charged:
    """What the ledger has.

    Raises:
        StoreUnavailable: no answer.
    """
    ended = await find_ended(store, account, decision_id)
    attempts = [] if ended is None else ended.attempts
    held = None
    if ended is None or ended.record.status == OPEN:
        held = await _held(store, account, attempt_id(decision_id, len(attempts) + 1))
    return Charged(len(attempts), total(entry.cost_nano for entry in attempts), held)


async def _held(store: Store, account: str, attempt: str) -> int | None:
    state, entry = await store.command("HMGET", AccountKeys(account).attempt(attempt), "state", "entry")
    return decode(entry).held_nano if state == b"held" and entry else None
