"""What another threshold would have made of a route's recorded decisions: a dry run, nothing changes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from policies import Reason, Tier
from router.catalog import Model, Route
from router.errors import InvalidRequest
from router.ledger.entry import Entry, decode
from router.pricing.money import total, usd
from router.pricing.price import cost_nano
from router.store.connection import Store
from router.store.keys import AccountKeys

MOST_DECISIONS = 100_000
ASSUMES = (
    "a decision that changes tier costs the other model's price at the same tokens, today's and standard: "
    "an assumption, for the other model would answer in other words"
)
_MOST_READ = 500_000  # entries; a route that is hardly used must not make a dry run read the whole ledger
_MOVABLE = (Reason.BELOW_THRESHOLD, Reason.AT_OR_ABOVE_THRESHOLD)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The last decisions of a route as they were, and as they would be at another threshold.

    Attributes:
        decisions: how many it rests on.
        wanted: how many were asked for.
        entries_read: how much of the ledger was looked at.
        to_large_now: how many the large tier answered.
        to_large_then: how many it would have.
        moved_to_large: small now, large then.
        moved_to_small: large now, small then.
        unmovable: reason → decisions that no threshold changes.
        cost_now_nano: what they cost, over those of which both costs are known.
        cost_then_nano: what they would have cost, over the same.
        unknown_cost: decisions left out of both, for a price or a usage is not known.
        classifiers: whose difficulties they were decided by.
    """

    route: str
    threshold: float
    wanted: int
    entries_read: int
    decisions: int = 0
    to_large_now: int = 0
    to_large_then: int = 0
    moved_to_large: int = 0
    moved_to_small: int = 0
    unmovable: Mapping[str, int] = field(default_factory=dict)
    cost_now_nano: int = 0
    cost_then_nano: int = 0
    unknown_cost: int = 0
    classifiers: tuple[str, ...] = ()

    @property
    def savings_nano(self) -> int:
        """What the change would have saved; negative when it would have cost more."""
        return self.cost_now_nano - self.cost_then_nano

    @property
    def share_to_large_now(self) -> float | None:
        """0-1; `None` without decisions."""
        return _ratio(self.to_large_now, self.decisions)

    @property
    def share_to_large_then(self) -> float | None:
        """0-1; `None` without decisions."""
        return _ratio(self.to_large_then, self.decisions)

    def as_json(self) -> dict[str, Any]:
        """The wire form; money is `None` when no decision's cost is known on both sides."""
        known = self.decisions > self.unknown_cost
        return {
            "route": self.route,
            "threshold": self.threshold,
            "decisions": self.decisions,
            "wanted": self.wanted,
            "entries_read": self.entries_read,
            "share_to_large_now": self.share_to_large_now,
            "share_to_large_then": self.share_to_large_then,
            "moved_to_large": self.moved_to_large,
            "moved_to_small": self.moved_to_small,
            "unmovable": dict(self.unmovable),
            "cost_now_usd": usd(self.cost_now_nano) if known else None,
            "cost_then_usd": usd(self.cost_then_nano) if known else None,
            "savings_usd": usd(self.savings_nano) if known else None,
            "unknown_cost": self.unknown_cost,
            "classifiers": list(self.classifiers),
            "assumes": ASSUMES,
        }


async def what_if(store: Store, account: str, route: Route, threshold: float, *, last: int = 1000) -> WhatIf:
    """Decides the last recorded decisions of a route again, at another threshold.

    Only those that the threshold decided can change; what was forced, did not fit the small model or fell
    back stays as it was, with its cost.

    Args:
        store: where the ledger is.
        account: the tenant.
        route: as it is configured now; its two prices are what a changed decision costs.
        threshold: 0-1.
        last: decisions to look at, newest first; fewer if there are not as many.

    Raises:
        InvalidRequest: a threshold or a number out of range.
        StoreUnavailable: no answer.
    """
    if not 0.0 <= threshold <= 1.0:  # also refuses NaN
        raise InvalidRequest(f"a threshold is a number from 0 to 1, not {threshold}", param="threshold")
    if not 1 <= last <= MOST_DECISIONS:
        raise InvalidRequest(f"a dry run looks at 1 to {MOST_DECISIONS} decisions, not {last}", param="last")
    read, decisions = await _last_decisions(store, AccountKeys(account).entries, route.name, last)
    tally = _Tally(route, threshold)
    for attempts in decisions:
        tally.add(attempts)
    return tally.result(last, read)


async def _last_decisions(store: Store, key: str, route: str, last: int) -> tuple[int, list[list[Entry]]]:
    """How many entries were read, and the attempts of each whole decision; of an attempt its newest entry.

    An attempt that was assumed and then known has two entries, of which the newer says what is true. A
    decision that is still going on, or whose first attempt lies beyond what was read, is left out.
    """
    decisions: dict[str, dict[int, Entry]] = {}
    whole: set[str] = set()
    read = 0
    async for _, fields in store.stream(key, newest_first=True):
        read += 1
        entry = decode(fields[b"e"])
        if entry.route == route and not entry.purpose:
            attempts = decisions.setdefault(entry.decision_id, {})
            attempts.setdefault(entry.number, entry)
            if _whole(attempts):
                whole.add(entry.decision_id)
            else:
                whole.discard(entry.decision_id)
        if read >= _MOST_READ or len(whole) >= last:
            break
    return read, [list(attempts.values()) for name, attempts in decisions.items() if name in whole]


def _whole(attempts: Mapping[int, Entry]) -> bool:
    """Whether the last attempt is there, and all before it."""
    return attempts[max(attempts)].final and len(attempts) == max(attempts)


@dataclass(slots=True)
class _Tally:
    route: Route
    threshold: float
    decisions: int = 0
    now: int = 0
    then: int = 0
    to_large: int = 0
    to_small: int = 0
    cost_now: int = 0
    cost_then: int = 0
    unknown: int = 0
    unmovable: Counter[str] = field(default_factory=Counter)
    classifiers: set[str] = field(default_factory=set)

    def add(self, attempts: list[Entry]) -> None:
        final = max(attempts, key=lambda entry: entry.number)
        was_large, is_large = final.tier == Tier.LARGE, self._large_then(final)
        self.decisions += 1
        self.now += was_large
        self.then += is_large
        self.to_large += is_large and not was_large
        self.to_small += was_large and not is_large
        if final.classifier:
            self.classifiers.add(final.classifier)
        cost_now = total(entry.cost_nano for entry in attempts)
        cost_then = cost_now
        if was_large != is_large:
            other = self.route.large if is_large else self.route.small
            cost_then = total(_cost_at(other, entry) for entry in attempts)
        if cost_now is None or cost_then is None:
            self.unknown += 1
        else:
            self.cost_now += cost_now
            self.cost_then += cost_then

    def _large_then(self, final: Entry) -> bool:
        if final.reason not in _MOVABLE or final.difficulty is None:
            self.unmovable[final.reason] += 1
            return final.tier == Tier.LARGE
        return final.difficulty >= self.threshold

    def result(self, wanted: int, read: int) -> WhatIf:
        return WhatIf(
            route=self.route.name,
            threshold=self.threshold,
            wanted=wanted,
            entries_read=read,
            decisions=self.decisions,
            to_large_now=self.now,
            to_large_then=self.then,
            moved_to_large=self.to_large,
            moved_to_small=self.to_small,
            unmovable=dict(self.unmovable.most_common()),
            cost_now_nano=self.cost_now,
            cost_then_nano=self.cost_then,
            unknown_cost=self.unknown,
            classifiers=tuple(sorted(self.classifiers)),
        )


def _cost_at(model: Model, entry: Entry) -> int | None:
    """What the attempt would have cost at another model; one that nobody charged for stays free."""
    if entry.tokens is None:
        return 0 if entry.cost_nano == 0 else None
    return None if model.price is None else cost_nano(entry.tokens.usage, model.price)


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
