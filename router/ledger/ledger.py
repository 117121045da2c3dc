"""Reserve, settle, extend, reap: the life of an attempt's money. The rules are in docs/ledger.md."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from router.budgets.budget import Claim, Unit
from router.budgets.clock import StoreClock
from router.budgets.exceeded import Refusal, exceeded
from router.budgets.held import Held, held_lines, read_held
from router.budgets.standing import Standing
from router.budgets.window import Window, window_of
from router.errors import StoreUnavailable
from router.ledger.entry import Entry, Kind, decode, encode, increments
from router.ledger.recent import Recent
from router.store.connection import Reply, Store, StoreRefused
from router.store.keys import AccountKeys
from router.store.scripts import Script, read_script

_log = logging.getLogger(__name__)
_PACKAGE = "router.ledger"
RESERVE = read_script(_PACKAGE, "reserve", repeatable=True)
SETTLE = read_script(_PACKAGE, "settle", "record", may_fill=True, repeatable=True)
REAP = read_script(_PACKAGE, "reap", "record", may_fill=True, repeatable=True)
ADJUST = read_script(_PACKAGE, "adjust", "record", may_fill=True, repeatable=True)
REPRICE = read_script(_PACKAGE, "reprice", "record", may_fill=True, repeatable=True)
EXTEND = read_script(_PACKAGE, "extend", may_fill=True, repeatable=True)

_TRIES_AT_THE_RIGHT_WINDOW = 5
_STATES = {Kind.SETTLE: "settled", Kind.VOID: "void", Kind.ASSUME: "assumed", Kind.ADJUST: "settled"}


class StaleSettings(Exception):  # noqa: N818 - not an error: decide again
    """Thresholds, keys or budgets changed since the decision was made."""


class Recorded(StrEnum):
    """What became of a settle."""

    RECORDED = "recorded"
    ADJUSTED = "adjusted"
    ALREADY = "already"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things are kept, and how finely they are counted.

    Attributes:
        hold_expiry_s: a hold that nobody extended for this long is settled as assumed.
        attempt_memory_s: how long a second settle of the same attempt is recognised.
        decision_retention_s: how long a decision can be looked up.
        groups_an_hour: so many groups of an account are counted under labels of their own in one hour.
    """

    hold_expiry_s: float = 120.0
    attempt_memory_s: int = 7 * 86_400
    decision_retention_s: int = 30 * 86_400
    groups_an_hour: int = 2_000


@dataclass(frozen=True, slots=True)
class Hold:
    """What a reserve needs: the worst case, ready to be written if the worker dies.

    Attributes:
        worst: the entry of kind `assume`, whose `cost_nano` is what is held (0 when the price is unknown).
        decision: the decision as JSON, for the same case.
        claims: the budgets it counts in.
    """

    worst: Entry
    decision: bytes
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a reserve answered.

    Attributes:
        at_ms: milliseconds of the store's time: the moment whose hour the attempt counts in.
        budgets: what is held of budgets.
    """

    at_ms: int
    budgets: tuple[Held, ...]


class Ledger:
    """The ledger of every account in one store.

    Attributes:
        standing: what is left of budgets, as its reserves said.
    """

    def __init__(self, store: Store, terms: Terms, recent: Recent | None = None) -> None:
        """`recent`: remembers what was acknowledged, for a primary that may not have heard of it."""
        self._store = store
        self._terms = terms
        self._recent = recent
        self._unreadable: set[tuple[str, bytes]] = set()
        self._clock = StoreClock(store)
        self.standing = Standing(store, self._clock)

    async def reserve(self, account: str, hold: Hold, *, version: str) -> Reserved:
        """Holds an attempt's worst case, in the ledger and in every budget it counts in.

        Args:
            account: the tenant.
            hold: the worst case.
            version: the account's settings version the decision was made with; '' accepts any.

        Raises:
            StaleSettings: decide again with newer settings; nothing is held.
            BudgetExceeded: a hard budget has less left than the worst case; nothing is held.
            StoreUnavailable: whether it is held is not known; if so, it is reaped.
            StoreRefused: the attempt was over before, or the store holds something else under its names.
        """
        for _ in range(_TRIES_AT_THE_RIGHT_WINDOW):
            now_ms = await self._clock.now_ms() if hold.claims else 0
            windows = [window_of(claim, now_ms) for claim in hold.claims]
            reply = await self._reserve(account, hold, windows, version)
            if reply[0] != b"when":
                return self._reserved(account, hold, windows, reply)
            self._clock.heard(int(reply[1]))
        raise StoreUnavailable("the store's clock and this worker's do not agree on the windows of budgets")

    async def _reserve(self, account: str, hold: Hold, windows: Sequence[Window], version: str) -> Reply:
        keys, worst = AccountKeys(account), hold.worst
        words = [
            word
            for claim, window in zip(hold.claims, windows, strict=True)
            for word in _asked(claim, window, worst)
        ]
        return await self._store.run(
            RESERVE,
            (
                keys.attempt(worst.attempt_id),
                keys.holds,
                keys.version,
                keys.windows,
                keys.held,
                *(keys.window(window.name) for window in windows),
            ),
            (
                worst.attempt_id,
                version,
                int(self._terms.hold_expiry_s * 1000),
                encode(worst),
                hold.decision,
                len(windows),
                *words,
            ),
        )

    def _reserved(self, account: str, hold: Hold, windows: Sequence[Window], reply: Reply) -> Reserved:
        kind = reply[0]
        if kind == b"stale":
            raise StaleSettings
        if kind == b"exists":
            if reply[1] != b"held":  # held: our own request, sent again
                raise StoreRefused(f"attempt {hold.worst.attempt_id} is already {reply[1].decode()}")
            return Reserved(int(reply[2]), read_held(reply[3]))
        self._clock.heard(int(reply[1]))
        if kind == b"refused":
            raise exceeded(_refusals(hold, reply[2:]), int(reply[1]))
        for claim, window, left in zip(hold.claims, windows, reply[3:], strict=True):
            self.standing.heard(account, window.name, left, claim.budget.limit)
        return Reserved(int(reply[1]), read_held(reply[2]))

    async def settle(self, account: str, entry: Entry, decision: bytes) -> Recorded:
        """Writes what an attempt really used in place of its hold; a second settle changes nothing.

        Args:
            account: the tenant.
            entry: of kind `settle` or `void`. It counts at the moment its hold was made; its own `at_ms`
                decides only where no hold is found.
            decision: the decision as JSON as it stands now.

        Raises:
            StoreUnavailable: whether it is written is not known; settle again.
            StoreRefused: it cannot be written as things are; nothing was.
        """
        recorded, entry = await self._settle(account, entry, decision)
        if self._recent is not None:
            self._recent.add(account, entry, decision)
        return recorded

    async def settle_again(self, account: str, entry: Entry, decision: bytes) -> Recorded:
        """As `settle`, of what was acknowledged before and is remembered already."""
        return (await self._settle(account, entry, decision))[0]

    async def _settle(self, account: str, entry: Entry, decision: bytes) -> tuple[Recorded, Entry]:
        """What became of it, and the entry at the moment it counts at."""
        reply = await self._record(SETTLE, account, entry, decision)
        if reply[0] == b"at":
            # A hold that is lost, as after a failover, is charged in the same budgets as one of nothing.
            lost = tuple(replace(held, amount=0) for held in entry.budgets)
            entry = replace(entry, at_ms=int(reply[1]), budgets=_held(reply[2]) or lost)
            reply = await self._record(SETTLE, account, entry, decision, held=reply[2])
        if reply[0] == b"assumed":
            reply = await self._record(ADJUST, account, _truth(entry, _assumed(reply[1])), decision)
            return (Recorded.ADJUSTED if reply[0] == b"recorded" else Recorded.ALREADY), entry
        return (Recorded.RECORDED if reply[0] == b"recorded" else Recorded.ALREADY), entry

    async def reprice(self, account: str, entry: Entry, group: str) -> bool:
        """Appends what an attempt costs at other prices; a second one of the same revision changes nothing.

        Args:
            account: the tenant.
            entry: of kind `adjust`, with what it replaces and its revision.
            group: the group that the replaced entry is counted under.

        Returns:
            Whether it was appended.

        Raises:
            StoreUnavailable: whether it is written is not known; do it again.
            StoreRefused: it cannot be written as things are; nothing was.
        """
        revision = str(entry.revision).encode()
        reply = await self._record(REPRICE, account, entry, group.encode(), held=revision)
        return bool(reply[0] == b"recorded")

    async def extend(self, account: str, attempt_ids: Iterable[str]) -> list[str]:
        """Keeps holds alive; answers those that are held no more."""
        keys = AccountKeys(account)
        expiry_ms = int(self._terms.hold_expiry_s * 1000)
        gone = await self._store.run(EXTEND, (keys.holds,), (expiry_ms, *attempt_ids))
        return [raw.decode() for raw in gone]

    async def reap(self, account: str) -> int:
        """Settles as assumed what nobody extended; answers how many.

        Raises:
            StoreUnavailable: no answer; the rest is left to the next time.
        """
        keys, reaped, left = AccountKeys(account), 0, 0
        now_ms = await self._store.now_ms(keys.holds)
        while True:
            due = await self._store.command("ZRANGEBYSCORE", keys.holds, "-inf", now_ms, "LIMIT", left, 100)
            if not due:
                return reaped
            for raw_id in due:
                done = await self._try_to_reap(account, raw_id)
                reaped += bool(done)
                left += done is None

    async def _try_to_reap(self, account: str, raw_id: bytes) -> bool | None:
        """`None` when an overdue hold stays: it must not stand in the way of those behind it."""
        if (account, raw_id) in self._unreadable:  # what is held never changes, so neither does this
            return None
        try:
            return await self._reap_one(account, raw_id.decode())
        except (StoreRefused, ValueError) as error:
            if not isinstance(error, StoreRefused):
                self._unreadable.add((account, raw_id))
            _log.error("attempt %s cannot be reaped: %s", raw_id.decode(errors="replace"), error)
            return None

    async def _reap_one(self, account: str, attempt_id: str) -> bool:
        """Whether it was charged as assumed just now.

        Raises:
            StoreRefused: it cannot be written as things are.
            ValueError: this version cannot read what is held.
        """
        keys = AccountKeys(account)
        (state, at_ms, raw_entry, decision), held = await self._store.commands(
            ("HMGET", keys.attempt(attempt_id), "state", "at", "entry", "decision"),
            ("HGET", keys.held, attempt_id),
        )
        if state != b"held":  # settled since it was listed, or its hash is lost
            if state is None:
                _log.error("attempt %s was held, but what was held is lost from the store", attempt_id)
            await self._store.command("ZREM", keys.holds, attempt_id)
            return False
        entry = replace(decode(raw_entry or b""), at_ms=int(at_ms or b""), budgets=read_held(held or b""))
        reply = await self._record(REAP, account, entry, decision or b"")
        return bool(reply[0] == b"recorded")

    async def now_ms(self) -> int:
        """The moment a hold made now would count at: the store's time, Unix milliseconds."""
        return await self._store.now_ms()

    @property
    def terms(self) -> Terms:
        """How long things are kept, and how finely they are counted."""
        return self._terms

    async def _record(
        self, script: Script, account: str, entry: Entry, decision: bytes, *, held: bytes | None = None
    ) -> Reply:
        keys = AccountKeys(account)
        lines = "".join(f"{metric} {amount}\n" for metric, amount in increments(entry).items())
        back = _given_back(entry)
        return await self._store.run(
            script,
            (
                keys.attempt(entry.attempt_id),
                keys.holds,
                keys.entries,
                keys.counters(entry.hour),
                keys.hours,
                keys.decision(entry.decision_id),
                keys.groups(entry.hour),
                keys.held,
                *(keys.window(one.window) for one, _ in back),
            ),
            (
                entry.attempt_id,
                entry.hour,
                _STATES[entry.kind],
                self._terms.attempt_memory_s,
                self._terms.decision_retention_s,
                encode(entry),
                entry.group,
                lines,
                decision,
                f"a{entry.number}",
                entry.at_ms,
                entry.group_of_others,
                self._terms.groups_an_hour,
                "".join(f"{one.bucket} {amount}\n" for one, amount in back),
                held_lines(entry.budgets) if held is None else held,
            ),
        )


def _asked(claim: Claim, window: Window, worst: Entry) -> tuple[str | int | bytes, ...]:
    """What `reserve.lua` is told of one budget."""
    budget = claim.budget
    return (
        window.name,
        budget.unit,
        window.start_ms,
        window.end_ms,
        window.step_ms,
        budget.limit,
        _worst_of(worst, budget.unit),
        "1" if budget.hard else "",
        msgspec.json.encode(claim.values),
        window.kept_ms,
    )


def _worst_of(worst: Entry, unit: Unit) -> int:
    """What an attempt takes of a budget at worst; 0 dollars where its price is not known."""
    if unit is Unit.USD:
        return worst.cost_nano or 0
    return 0 if worst.tokens is None else worst.tokens.input + worst.tokens.output


def _refusals(hold: Hold, said: Sequence[bytes]) -> list[Refusal]:
    found = []
    for number, left, more_ms in zip(said[::3], said[1::3], said[2::3], strict=True):
        budget = hold.claims[int(number) - 1].budget
        found.append(Refusal(budget, _worst_of(hold.worst, budget.unit), int(left), int(more_ms)))
    return found


def _given_back(entry: Entry) -> list[tuple[Held, int]]:
    """What an entry gives back of budgets; less than 0 where it costs more than was held, or assumed."""
    found = []
    for held in entry.budgets:
        before = held.amount if entry.replaces is None else entry.replaces.charged(held)
        back = before - entry.charged(held)
        if back:
            found.append((held, back))
    return found


def _held(raw: bytes) -> tuple[Held, ...]:
    try:
        return read_held(raw)
    except ValueError as error:
        raise StoreRefused(f"this version cannot read what the attempt holds of budgets: {error}") from error


def _assumed(raw: bytes) -> Entry:
    try:
        return decode(raw)
    except ValueError as error:
        raise StoreRefused(f"this version cannot read what was assumed of the attempt: {error}") from error


def _truth(entry: Entry, assumed: Entry) -> Entry:
    """The adjustment: counted at the moment and in the group that the assumed entry was counted in."""
    return replace(
        entry,
        kind=Kind.ADJUST,
        replaces=assumed,
        at_ms=assumed.at_ms,
        route=assumed.route,
        tier=assumed.tier,
        model=assumed.model,
        provider=assumed.provider,
        labels=assumed.labels,
        budgets=assumed.budgets,
    )
