"""What the ledger costs: reserve and settle beside plain SET, replays, memory, and what leaves the store.

An entry is a reserve and a settle, each one script in one round trip, of an attempt as the service writes
it, with its decision; making and encoding it counts. SET writes a value of an entry's length, one key a round
trip, as a client would; beside it the same SET as a one-line script, sent in batches as the ledger sends its
own. All goes to an embedded Valkey of the benchmark's, on the same cores. Rounds alternate, and ratios are
taken round by round, so that a machine whose speed drifts compares fairly.

Usage: python benchmarks/ledger.py [--rounds N] [--seconds S] [--concurrency 1 32 500] [--fsync always]
       python benchmarks/ledger.py --replays 1000000      settles again and again: how many were counted twice
       python benchmarks/ledger.py --memory [--entries N] what entries take, in the store and as Parquet
       Each with [--out FILE].
"""

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from msgspec.structs import replace

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import machine  # noqa: E402 - the root is on the path only now
from benchmarks.replay_speed import record_of  # noqa: E402
from router.access.caller import MAIN_ACCOUNT  # noqa: E402
from router.archive.export import DAY_MS, Wanted, export  # noqa: E402
from router.ledger.entry import Entry, Kind, Labels, Tokens, encode  # noqa: E402
from router.ledger.ledger import Hold, Ledger, Recorded, Terms  # noqa: E402
from router.ledger.verify import verify  # noqa: E402
from router.record import encode_record  # noqa: E402
from router.store.connection import Store  # noqa: E402
from router.store.embedded import EmbeddedStore  # noqa: E402
from router.store.keys import AccountKeys  # noqa: E402
from router.store.scripts import Script  # noqa: E402

ROUTES = ("support", "legal-triage", "default", "search")
TEAMS = ("", "care", "legal", "growth", "platform")
SET = Script("set", "return redis.call('SET', KEYS[1], ARGV[1])", repeatable=True)
KEYS = AccountKeys(MAIN_ACCOUNT)
MANY_KEYS = 100_000
AT_ONCE = 128
LONG_AGO_MS = 1_788_220_800_000  # 2026-09-01T00:00:00Z


def attempt(name: str, draw: random.Random) -> tuple[Hold, Entry, bytes]:
    """One attempt as the service writes it: what is held, what it came to, and its decision."""
    tier = draw.choice(("small", "small", "large"))
    rates = (2_000, 10_000) if tier == "large" else (100, 400)
    tokens = Tokens(draw.randrange(100, 4_000), draw.randrange(20, 900), cached_input=draw.choice((0, 64)))
    decision_id = f"dec_{name:0>26}"
    entry = Entry(
        kind=Kind.SETTLE,
        attempt_id=f"{decision_id}-1",
        decision_id=decision_id,
        at_ms=0,
        number=1,
        final=True,
        outcome="ok",
        route=draw.choice(ROUTES),
        tier=tier,
        model=f"{tier}-model",
        provider="openai-compatible",
        served_model=f"{tier}-model-2026-08-01",
        service_tier="default",
        key_id="key_01hzy3m6q8v7",
        labels=Labels(team=draw.choice(TEAMS), feature="chat", user=f"user-{draw.randrange(5_000)}"),
        reason="at_or_above_threshold" if tier == "large" else "below_threshold",
        difficulty=round(draw.random() * 0.3, 6),
        threshold=0.12,
        threshold_version=3,
        classifier="default-1f0a3c55",
        tokens=tokens,
        cost_nano=tokens.input * rates[0] + tokens.output * rates[1],
        baseline_nano=tokens.input * 2_000 + tokens.output * 10_000,
        usage_source="provider",
        price_book="2026-11-01",
        price_basis="served",
        held_nano=4_000 * rates[0] + 16_384 * rates[1],
        latency_ms=draw.randrange(200, 4_000),
        first_byte_ms=draw.randrange(100, 900),
        decision_ms=draw.randrange(200, 4_000),
    )
    worst = replace(
        entry,
        kind=Kind.ASSUME,
        outcome="worker_died",
        cost_nano=entry.held_nano,
        baseline_nano=0,
        usage_source="assumed",
        decision_ms=None,
    )
    decision = encode_record(record_of(entry, tokens.input))
    return Hold(worst, decision), entry, decision


@dataclass
class Side:
    """What one side of a round did.

    Attributes:
        steps: name → seconds each took.
        done: how many whole ones.
    """

    steps: dict[str, list[float]] = field(default_factory=dict)
    done: int = 0
    took_s: float = 0.0

    @property
    def rate(self) -> float:
        """Whole ones a second."""
        return self.done / self.took_s

    def took(self, step: str, began: float) -> float:
        """Notes a step; answers when it ended."""
        now = time.perf_counter()
        self.steps.setdefault(step, []).append(now - began)
        return now


Work = Callable[[Side, int], Awaitable[None]]


async def loaded(work: Work, concurrency: int, seconds: float) -> Side:
    """Does the work again and again, so many at once, for so long."""
    side, numbers = Side(), iter(range(10**12))
    began = time.perf_counter()

    async def one() -> None:
        while time.perf_counter() - began < seconds:
            await work(side, next(numbers))
            side.done += 1

    await asyncio.gather(*(one() for _ in range(concurrency)))
    side.took_s = time.perf_counter() - began
    return side


def sides(store: Store, draw: random.Random) -> dict[str, Work]:
    """The three that are compared, by name."""
    ledger = Ledger(store, Terms())
    value = encode(attempt("set", draw)[1])
    prepared = [attempt(str(number), draw) for number in range(2_000)]
    unique = draw.getrandbits(40)

    async def plain(side: Side, number: int) -> None:
        began = time.perf_counter()
        await store.command("SET", f"{KEYS.prefix}bench:{number % MANY_KEYS}", value)
        side.took("SET", began)

    async def batched(side: Side, number: int) -> None:
        began = time.perf_counter()
        await store.run(SET, (f"{KEYS.prefix}bench:{number % MANY_KEYS}",), (value,))
        side.took("SET", began)

    rounds = iter(range(10**12))

    async def booked(side: Side, number: int) -> None:
        hold, entry, decision = prepared[number % len(prepared)]
        name = f"dec_{unique:012x}{next(rounds):014}"
        names = {"attempt_id": f"{name}-1", "decision_id": name}
        hold, entry = replace_hold(hold, names), replace(entry, **names)
        began = time.perf_counter()
        held = await ledger.reserve(MAIN_ACCOUNT, hold, version="")
        began = side.took("reserve", began)
        await ledger.settle(MAIN_ACCOUNT, replace(entry, at_ms=held.at_ms), decision)
        side.took("settle", began)

    return {"SET": plain, "SET in a script": batched, "ledger": booked}


def replace_hold(hold: Hold, names: dict[str, str]) -> Hold:
    """The same of another attempt."""
    return Hold(replace(hold.worst, **names), hold.decision)


async def compare(store: Store, options: argparse.Namespace) -> AsyncIterator[str]:
    """The lines of each concurrency."""
    works = sides(store, random.Random(1))
    for concurrency in options.concurrency:
        rounds: list[dict[str, Side]] = []
        for number in range(options.rounds + 1):
            seconds = options.seconds if number else min(1.0, options.seconds)
            found = {name: await loaded(work, concurrency, seconds) for name, work in works.items()}
            if number:  # the first warms up
                rounds.append(found)
        yield f"concurrency {concurrency}"
        for name in works:
            yield f"  {name + ':':17} {described([found[name] for found in rounds])}"
        for name in ("SET", "SET in a script"):
            ratios = sorted(found["ledger"].rate / found[name].rate for found in rounds)
            yield (
                f"  entries a second to a {name}: {statistics.median(ratios):.2f} "
                f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
            )


def described(found: Sequence[Side]) -> str:
    """Rates and times of one side over all rounds."""
    said = [f"{statistics.median(side.rate for side in found):8,.0f}/s"]
    for step in found[0].steps:
        times = sorted(took for side in found for took in side.steps[step])
        p50, p99 = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
        said.append(f"{step} p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms")
    return "; ".join(said)


async def replay(store: Store, options: argparse.Namespace) -> AsyncIterator[str]:
    """Settles attempts again and again, many at once; answers how often that changed anything."""
    draw, ledger, hasty = random.Random(2), Ledger(store, Terms()), Ledger(store, Terms(hold_expiry_s=0))
    known: list[tuple[Entry, bytes]] = []
    for number in range(min(options.attempts, options.replays)):
        hold, entry, decision = attempt(str(number), draw)
        held = await (hasty if number % 10 == 0 else ledger).reserve(MAIN_ACCOUNT, hold, version="")
        known.append((replace(entry, at_ms=held.at_ms), decision))
    assumed = await ledger.reap(MAIN_ACCOUNT)  # every tenth: its settle is an adjustment
    for entry, decision in known:
        await ledger.settle(MAIN_ACCOUNT, entry, decision)
    before = await verify(store, MAIN_ACCOUNT)
    left, changed = iter(range(options.replays)), 0

    async def again() -> None:
        nonlocal changed
        for number in left:
            entry, decision = known[number % len(known)]
            changed += await ledger.settle(MAIN_ACCOUNT, entry, decision) is not Recorded.ALREADY

    began = time.perf_counter()
    await asyncio.gather(*(again() for _ in range(AT_ONCE)))
    took_s = time.perf_counter() - began
    after = await verify(store, MAIN_ACCOUNT)
    same = (before.entries, before.cost_nano) == (after.entries, after.cost_nano) and after.clean
    yield (
        f"{options.replays:,} replayed settles of {len(known):,} attempts ({assumed:,} of them assumed and "
        f"adjusted), {AT_ONCE} at once: {changed} duplicates; {options.replays / took_s:,.0f} a second"
    )
    yield (
        f"entries before and after: {before.entries:,} and {after.entries:,}; nano-dollars "
        f"{before.cost_nano:,} and {after.cost_nano:,}; verify {'clean' if after.clean else 'NOT clean'}"
    )
    if changed or not same:
        raise SystemExit("a replay changed the ledger")


async def memory(store: Store, options: argparse.Namespace) -> AsyncIterator[str]:
    """What each kind of key takes, by deleting one kind after the other."""
    draw, ledger = random.Random(3), Ledger(store, Terms())
    empty = await used(store)
    waiting = iter(range(options.entries))

    async def book() -> None:
        for number in waiting:
            hold, entry, decision = attempt(str(number), draw)
            held = await ledger.reserve(MAIN_ACCOUNT, hold, version="")
            await ledger.settle(MAIN_ACCOUNT, replace(entry, at_ms=held.at_ms), decision)

    await asyncio.gather(*(book() for _ in range(AT_ONCE)))
    full = await used(store)
    counted = [await store.command("HLEN", KEYS.counters(int(h))) for h in await hours(store)]
    yield f"{options.entries:,} entries booked: {mib(full - empty)} of used_memory, kind by kind as deleted:"
    named = (
        ("decisions", KEYS.decision("*"), "30 days"),
        ("attempts", KEYS.attempt("*"), "7 days"),
    )
    for what, pattern, how_long in named:
        before = await used(store)
        await delete(store, pattern)
        took = before - await used(store)
        yield (
            f"  {what}: {took / options.entries:,.0f} bytes each, {mib(took * 1_000_000 // options.entries)} "
            f"a million; kept {how_long}"
        )
    before = await used(store)
    for hour in await hours(store):
        await store.command("DEL", KEYS.counters(int(hour)))
    took = before - await used(store)
    yield (
        f"  counters: {mib(took)} for {len(counted)} hours of {max(counted):,} counters at most; "
        "they grow with hours and groups, not with entries"
    )
    stream = await used(store)
    async for line in archived(store, options.entries):
        yield line
    await store.command("DEL", KEYS.entries)
    took = stream - await used(store)
    yield (
        f"  entries: {took / options.entries:,.0f} bytes each, {mib(took * 1_000_000 // options.entries)} a "
        "million; kept until trimmed"
    )


async def archived(store: Store, count: int) -> AsyncIterator[str]:
    """What the same entries take as Parquet, and how long that takes: copied to days of another account."""
    account, commands = "bench", list[tuple[str | bytes, ...]]()
    number = 0
    async for _, fields in store.stream(KEYS.entries):
        at_ms = LONG_AGO_MS + number * 4 * DAY_MS // count
        commands.append(("XADD", AccountKeys(account).entries, f"{at_ms}-{number}", "e", fields[b"e"]))
        number += 1
        if len(commands) >= 1_000:
            await store.commands(*commands)
            commands = []
    await store.commands(*commands) if commands else None
    with tempfile.TemporaryDirectory(prefix="pr-") as place:
        began = time.perf_counter()
        await export(store, Path(place), account, Wanted(), lambda _step, _share: None)
        took_s = time.perf_counter() - began
        size = size_of(Path(place))
    await store.command("DEL", AccountKeys(account).entries)
    yield (
        f"  as Parquet: {size / count:,.0f} bytes each, {mib(size * 1_000_000 // count)} a million; "
        f"{count / took_s:,.0f} entries exported and read back a second"
    )


def size_of(folder: Path) -> int:
    """Bytes of its Parquet files."""
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


async def hours(store: Store) -> list[bytes]:
    """The hours that have counters."""
    found: list[bytes] = await store.command("ZRANGE", KEYS.hours, 0, -1)
    return found


async def used(store: Store) -> int:
    """The store's `used_memory`, once it has given back what it frees on the side."""
    await asyncio.sleep(0.5)
    return int((await store.server())["used_memory"])


async def delete(store: Store, pattern: str) -> None:
    """Deletes every key of a pattern."""
    cursor = b"0"
    while True:
        cursor, found = await store.command("SCAN", cursor, "MATCH", pattern, "COUNT", 1_000)
        if found:
            await store.command("DEL", *found)
        if int(cursor) == 0:
            return


def mib(count: int) -> str:
    """Bytes for people."""
    return f"{count / 2**20:,.1f} MiB"


async def measured(url: str, options: argparse.Namespace, tell: Callable[[str], None]) -> None:
    """Runs what was asked for on a store of its own."""
    async with contextlib.aclosing(Store.at_url(url, timeout_s=60)) as store:
        await store.command("CONFIG", "SET", "appendfsync", options.fsync)
        server = await store.server()
        name = "Valkey" if "valkey_version" in server else "Redis"
        version = server.get("valkey_version", server["redis_version"])
        tell(f"store: {name} {version}, unix socket, AOF with appendfsync {options.fsync}")
        lines = replay if options.replays else memory if options.memory else compare
        async for line in lines(store, options):
            tell(line)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32, 500])
    parser.add_argument("--fsync", choices=("everysec", "always"), default="everysec")
    parser.add_argument("--replays", type=int, default=0, metavar="N")
    parser.add_argument("--attempts", type=int, default=10_000, help="that are replayed")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--entries", type=int, default=200_000, help="that memory is measured with")
    parser.add_argument("--out", type=Path, help="also written there, after what it holds")
    options = parser.parse_args()
    said: list[str] = []

    def tell(line: str) -> None:
        said.append(line)
        print(line, flush=True)

    words = [word for word in sys.argv[1:] if word not in ("--out", str(options.out))]
    tell(f"command: {' '.join(['python benchmarks/ledger.py', *words])}")
    tell(f"machine: {machine()}; {os.getloadavg()[0]:.1f} processes wanted the cores before it began")
    with tempfile.TemporaryDirectory(prefix="pr-") as folder:
        embedded = EmbeddedStore(Path(folder) / "data")
        embedded.acquire()
        try:
            uvloop.run(measured(embedded.url, options, tell))
        finally:
            embedded.release()
    if options.out:
        with options.out.open("a", encoding="utf-8") as file:
            file.write("\n".join([*said, "", ""]))


if __name__ == "__main__":
    os.environ.pop("REDIS_URL", None)
    main()
