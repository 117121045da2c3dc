"""What a failover loses, what workers put back, and for how long an account waits.

    python benchmarks/failover.py              writes benchmarks/results/failover.txt
    python benchmarks/failover.py --rounds 2   a quick look

A Cluster of three primaries and three replicas, and a primary with a replica and three Sentinels, all on
loopback. Three accounts are settled on at full speed while the primary of one is killed (SIGKILL): first with
a replica that follows it, then with one that has been cut off for a second.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.machine import machine
from router.errors import StoreUnavailable
from router.ledger.failover import Failover
from router.ledger.ledger import Ledger, Terms
from router.ledger.recent import Recent
from router.ledger.verify import verify
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import HELD_NANO, a_decision, a_hold, an_entry
from tests.store.several import KINDS_OF_SEVERAL, NODE_TIMEOUT_MS, Several

ACCOUNTS = ("acme", "hooli", "zeta")
CALLERS = 8
CUT_OFF_S = 1.0
LOAD_S = 1.0
RESULTS = Path(__file__).parent / "results" / "failover.txt"


@dataclass
class Round:
    """One failover.

    Attributes:
        acknowledged: settles, over all accounts.
        lost: of them, not with the new primary.
        left_out: of them, still missing after they were told again.
        holds_lost: reserves that were acknowledged and are not held.
        waited_s: from the kill until the account took a write again.
        told_s: how long telling took.
    """

    acknowledged: int = 0
    lost: int = 0
    left_out: int = 0
    holds_lost: int = 0
    waited_s: float = 0.0
    told_s: float = 0.0


@dataclass
class Load:
    """Calls at full speed."""

    ledger: Ledger
    settled: dict[str, set[str]] = field(default_factory=lambda: {account: set() for account in ACCOUNTS})
    held: dict[str, set[str]] = field(default_factory=lambda: {account: set() for account in ACCOUNTS})
    stopped: bool = False

    async def run(self, account: str, caller: int) -> None:
        number = 0
        while not self.stopped:
            number += 1
            name = f"dec_{caller}_{number}"
            with contextlib.suppress(StoreUnavailable):  # a service spools it; here it is not counted
                reserved = await self.ledger.reserve(account, a_hold(name), version="")
                self.held[account].add(f"{name}-1")
                await self.ledger.settle(account, an_entry(name, at_ms=reserved.at_ms), a_decision(name))
                self.settled[account].add(f"{name}-1")
                self.held[account].discard(f"{name}-1")
                continue
            await asyncio.sleep(0.01)


async def one_round(several: Several, *, cut_off: bool) -> Round:
    key = AccountKeys("acme").holds
    store = Store.at_url(several.url)
    await store.everywhere("FLUSHALL")
    recent = Recent()
    ledger = Ledger(store, Terms(), recent)
    failover, load, found = Failover(store, ledger, recent), Load(ledger), Round()
    await failover.look()
    callers = [asyncio.create_task(load.run(account, n)) for account in ACCOUNTS for n in range(CALLERS)]
    await asyncio.sleep(LOAD_S)
    await failover.look()
    primary, replica = several.primary_of(key), several.replica_of(key)
    if cut_off:
        replica.freeze()
        primary.ask("CLIENT", "KILL", "TYPE", "REPLICA")
        await asyncio.sleep(CUT_OFF_S)
    primary.kill()
    killed_s = time.monotonic()
    load.stopped = True
    replica.thaw()
    await asyncio.gather(*callers)
    while True:
        with contextlib.suppress(StoreUnavailable):
            await ledger.extend("acme", ["none"])
            break
        await asyncio.sleep(0.01)
    found.waited_s = time.monotonic() - killed_s
    found.acknowledged = sum(map(len, load.settled.values()))
    found.lost = await missing(store, load)
    found.holds_lost = sum([len(await ledger.extend(one, held)) for one, held in load.held.items() if held])
    began_s = time.monotonic()
    await failover.look()
    found.told_s = time.monotonic() - began_s
    found.left_out = await missing(store, load)
    for account in ACCOUNTS:
        assert (await verify(store, account)).clean, account
    await store.aclose()
    several.whole()
    return found


async def missing(store: Store, load: Load) -> int:
    """Acknowledged settles whose attempt the store does not know as settled."""
    lost = 0
    for account, names in load.settled.items():
        states = [("HGET", AccountKeys(account).attempt(name), "state") for name in names]
        for start in range(0, len(states), 1_000):
            lost += sum(state != b"settled" for state in await store.commands(*states[start : start + 1_000]))
    return lost


_COLUMNS = (
    ("acknowledged", "settles", 16),
    ("lost", "with primary", 14),
    ("missing after", "telling", 15),
    ("holds lost", "", 12),
    ("of dollars held,", "at most lost", 18),
    ("account", "away", 10),
    ("telling", "took", 9),
)
HEAD = "\n".join(" " * 34 + "".join(f"{words[row]:>{words[2]}}" for words in _COLUMNS) for row in (0, 1))


def line(name: str, rounds: list[Round]) -> str:
    def span(values: list[int]) -> str:
        return f"{min(values)}-{max(values)}"

    holds = [found.holds_lost for found in rounds]
    share = max(holds) / (len(ACCOUNTS) * CALLERS)
    return (
        f"{name:<34}{span([found.acknowledged for found in rounds]):>16}"
        f"{span([found.lost for found in rounds]):>14}{max(found.left_out for found in rounds):>15}"
        f"{span(holds):>12}{share:>18.0%}"
        f"{statistics.median(found.waited_s for found in rounds):>8.2f} s"
        f"{max(found.told_s for found in rounds):>7.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    setting = (
        f"{machine()}; node timeout {NODE_TIMEOUT_MS} ms; {rounds} rounds each; "
        f"{len(ACCOUNTS)} accounts, {CALLERS} callers each, {HELD_NANO} nano-dollars a hold"
    )
    lines = [setting, HEAD]
    print(HEAD)
    for kind, servers in KINDS_OF_SEVERAL.items():
        several = servers("valkey")
        try:
            several.start()
            for cut_off in (False, True):
                found = [asyncio.run(one_round(several, cut_off=cut_off)) for _ in range(rounds)]
                name = f"{kind}, replica {'cut off for 1 s' if cut_off else 'follows'}"
                lines.append(line(name, found))
                print(lines[-1])
        finally:
            several.stop()
    if rounds >= 10:
        RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
