"""Recomputes what is left of every budget window from limits, entries and open holds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.budgets.budget import Budget, Claim, budgets_of
from router.budgets.held import read_held
from router.budgets.window import window_of
from router.ledger.entry import decode
from router.store.connection import Store
from router.store.keys import AccountKeys
from router.store.scripts import read_script

_MEND = read_script("router.budgets", "mend_window", may_fill=True)
_LEFT, _LIMIT = "left", "limit"

Used = dict[str, dict[int, int]]
"""Window → part of a rolling one, else 0 → nano-dollars or tokens."""


@dataclass(frozen=True, slots=True)
class WindowDifference:
    """One amount of a window that is not what limit, entries and holds come to.

    Attributes:
        window: its name, which begins with the budget's id.
        field: `left`, `limit`, or what was used in a part of a rolling window.
        stands: what stands there; `None` where that is no whole number, or lost.
    """

    window: str
    field: str
    stands: int | None
    should_be: int


@dataclass(slots=True)
class WindowCheck:
    """What was found of an account's windows.

    Attributes:
        checked: how many windows were recomputed.
        archived: how many began before entries that have left the store, and so were not.
    """

    checked: int = 0
    archived: int = 0
    differences: list[WindowDifference] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Everything at one moment.

    Attributes:
        windows: name → its fields; none where it is lost.
        gone_ms: when each window's key expires.
        held: what attempts in flight hold, a line for each window.
    """

    now_ms: int
    last: str
    budgets: Mapping[str, Budget]
    held: Sequence[bytes]
    windows: Mapping[str, Mapping[bytes, bytes]]
    gone_ms: Mapping[str, int]
    archived_ms: int


async def verify_windows(store: Store, account: str) -> WindowCheck:
    """Compares what is left of every window with what it must be, at one moment of a running ledger.

    Raises:
        StoreUnavailable: no answer.
        ValueError: another version wrote what is there.
    """
    return (await _check(store, account))[0]


async def mend_windows(store: Store, account: str) -> int:
    """Mends every window that is off, while calls go on; answers how many were.

    Raises:
        StoreUnavailable: no answer.
        ValueError: another version wrote what is there.
    """
    check, seen = await _check(store, account)
    by_window = defaultdict[str, list[WindowDifference]](list)
    for difference in check.differences:
        by_window[difference.window].append(difference)
    mended = 0
    for name, differences in by_window.items():
        fields = seen.windows[name]
        limit: str | int = next((one.should_be for one in differences if one.field == _LIMIT), "")
        words: list[str | int] = []
        for one in differences:
            if one.field != _LIMIT:
                words += (one.field, one.should_be - (one.stands or 0), one.should_be)
        if not fields:  # as if nothing had been used, before what was is taken
            words[1] = int(words[1]) - int(limit)
        reply = await store.run(
            _MEND,
            (AccountKeys(account).window(name),),
            (fields.get(b"mends", b"0"), limit, seen.gone_ms[name], *_parts(name, seen), *words),
        )
        mended += reply == b"mended"
    return mended


async def _check(store: Store, account: str) -> tuple[WindowCheck, _Seen]:
    seen = await _look(store, AccountKeys(account))
    check = WindowCheck()
    begun = {name: _begun_ms(fields) for name, fields in seen.windows.items()}
    complete = [name for name, at_ms in begun.items() if at_ms > seen.archived_ms]
    check.archived = len(begun) - len(complete)
    used = await _used(store, AccountKeys(account), seen, min((begun[name] for name in complete), default=0))
    for name in complete:
        if seen.windows[name] or _budget(name, seen) is not None:
            check.checked += 1
            check.differences += _compared(name, seen, used.get(name, {}))
    return check, seen


async def _look(store: Store, keys: AccountKeys) -> _Seen:
    now_ms = await store.now_ms()
    known = [name.decode() for name in await store.command("ZRANGEBYSCORE", keys.windows, now_ms, "+inf")]
    newest, gone, held, budgets, through, *hashes = await store.at_once(
        ("XREVRANGE", keys.entries, "+", "-", "COUNT", 1),
        ("ZRANGE", keys.windows, 0, -1, "WITHSCORES"),
        ("HGETALL", keys.held),
        ("HGETALL", keys.budgets),
        ("HGET", keys.archived, "through"),
        *(("HGETALL", keys.window(name)) for name in known),
    )
    gone_ms = _scores(gone)
    return _Seen(
        now_ms=now_ms,
        last=newest[0][0].decode() if newest else "",
        budgets={budget.id: budget for budget in budgets_of(budgets)},
        held=list(held.values()),
        windows={name: fields for name, fields in zip(known, hashes, strict=True) if name in gone_ms},
        gone_ms=gone_ms,
        archived_ms=int(through.partition(b"-")[0]) if through else -1,
    )


def _scores(found: Sequence[object]) -> dict[str, int]:
    """Both forms of a reply with scores: pairs, or one after the other."""
    flat = [word for item in found for word in (item if isinstance(item, list | tuple) else (item,))]
    names, scores = flat[::2], flat[1::2]
    return {
        name.decode(): int(float(score))
        for name, score in zip(names, scores, strict=True)
        if isinstance(name, bytes) and isinstance(score, bytes | float | int)
    }


def _begun_ms(fields: Mapping[bytes, bytes]) -> int:
    """The earliest moment of which something counts in a window; 0 where it does not say."""
    step_ms = int(fields.get(b"step", b"0"))
    if step_ms:
        return int(fields.get(b"from", b"0")) * step_ms
    return int(fields.get(b"start", b"0"))


async def _used(store: Store, keys: AccountKeys, seen: _Seen, since_ms: int) -> Used:
    used: Used = defaultdict(lambda: defaultdict(int))
    for raw in seen.held:
        for held in read_held(raw):
            used[held.window][held.bucket] += held.amount
    if since_ms > seen.now_ms:  # the clock went back: nothing can be said of when its entries came
        since_ms = 0
    if seen.last and seen.windows:
        async for _, fields in store.stream(keys.entries, first=f"{since_ms}-0", last=seen.last):
            entry = decode(fields[b"e"])
            for held in entry.budgets:
                before = entry.replaces.charged(held) if entry.replaces is not None else 0
                used[held.window][held.bucket] += entry.charged(held) - before
    return used


def _compared(name: str, seen: _Seen, used: Mapping[int, int]) -> list[WindowDifference]:
    fields, budget = seen.windows[name], _budget(name, seen)
    step_ms, oldest = _parts(name, seen)
    limit = _limit(_whole(fields.get(b"limit")), budget)
    parts = {part: amount for part, amount in used.items() if part >= oldest}
    expected = {_LEFT: limit - sum(parts.values()), _LIMIT: limit}
    if step_ms:
        stored = [int(name[1:]) for name in fields if name[:1] == b"b" and name[1:].isdigit()]
        expected |= {f"b{part}": parts.get(part, 0) for part in {*parts, *stored}}
    return [
        WindowDifference(name, word, stands, should_be)
        for word, should_be in expected.items()
        if (stands := _stands(word, fields)) != should_be
    ]


def _budget(window: str, seen: _Seen) -> Budget | None:
    return seen.budgets.get(window.partition(":")[0])


def _parts(window: str, seen: _Seen) -> tuple[int, int]:
    """How long a part of a rolling window is, ms, and the oldest that still counts; both 0 of any other."""
    fields, budget = seen.windows[window], _budget(window, seen)
    if b"step" in fields:
        return int(fields[b"step"]), int(fields.get(b"from", b"0"))
    if budget is None or not budget.window_s:
        return 0, 0
    lost = window_of(Claim(budget, ()), seen.now_ms)
    return lost.step_ms, lost.start_ms // lost.step_ms


def _limit(stated: int | None, budget: Budget | None) -> int:
    """The limit a window may count from: any that was set; it follows at the next call."""
    if budget is None or (stated is not None and stated in {limit.amount for limit in budget.limits}):
        return stated or 0
    return budget.limit


def _stands(word: str, fields: Mapping[bytes, bytes]) -> int | None:
    raw = fields.get(word.encode())
    return 0 if raw is None and word not in (_LEFT, _LIMIT) else _whole(raw)


def _whole(raw: bytes | None) -> int | None:
    try:
        return None if raw is None else int(raw)
    except ValueError:
        return None
