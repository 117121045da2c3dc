"""Whatever the order of reserve, settle, void, death, reap and late settle: every attempt is charged once."""

import asyncio
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from router.ledger.entry import Entry, Labels, Tokens
from router.ledger.ledger import Hold, Ledger, Recorded
from router.ledger.verify import verify
from router.store.connection import Store
from tests.ledger.examples import a_decision, a_hold, a_void, an_entry, fleeting, lasting
from tests.store.servers import StoreServer

_accounts = count()
costs = st.none() | st.integers(0, 9) | st.integers(2**53, 10**16)
teams = st.sampled_from(["", "legal", "sales"])


class LedgerMachine(RuleBasedStateMachine):
    """One account of a real store, and beside it what each attempt must have cost."""

    server: StoreServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = Store.at_url(self.server.url)
        self.account = f"acc{next(_accounts)}"
        self.living, self.dying = lasting(self.store), fleeting(self.store)
        self.holds: dict[str, Hold] = {}
        self.open: set[str] = set()
        self.assumed: set[str] = set()
        self.charged: dict[str, int | None] = {}
        self.dead: set[str] = set()

    attempts = Bundle("attempts")

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @rule(target=attempts, cost=costs, team=teams, number=st.integers(1, 3))
    def reserve(self, cost: int | None, team: str, number: int) -> str:
        name = f"dec_{len(self.holds)}"
        hold = a_hold(name, number, cost_nano=cost, held_nano=cost or 0, labels=Labels(team=team))
        self.run(self.living.reserve(self.account, hold, version=""))
        self.holds[hold.worst.attempt_id] = hold
        self.open.add(hold.worst.attempt_id)
        return hold.worst.attempt_id

    @rule(target=attempts, team=teams)
    def lose_a_reserve(self, team: str) -> str:
        """The store never saw it, and the call went on: the spool's case."""
        hold = a_hold(f"dec_{len(self.holds)}", labels=Labels(team=team))
        self.holds[hold.worst.attempt_id] = hold
        return hold.worst.attempt_id

    @rule(attempt=attempts)
    def reserve_again(self, attempt: str) -> None:
        """The client library sends it twice when a connection breaks."""
        if attempt in self.open:
            self.run(self.living.reserve(self.account, self.holds[attempt], version=""))

    @rule(attempt=attempts, cost=costs, off_ms=st.sampled_from([0, 1, -7_200_000]), final=st.booleans())
    def settle(self, attempt: str, cost: int | None, off_ms: int, final: bool) -> None:  # noqa: FBT001
        self._close(attempt, an_entry, cost_nano=cost, off_ms=off_ms, final=final, tokens=Tokens(7, 3))

    @rule(attempt=attempts)
    def void(self, attempt: str) -> None:
        self._close(attempt, a_void, cost_nano=0, off_ms=0)

    @rule(attempt=attempts)
    def die(self, attempt: str) -> None:
        """Nobody extends it any more: overdue at once."""
        gone = self.run(self.dying.extend(self.account, [attempt]))
        assert bool(gone) == (attempt not in self.open)
        if not gone:
            self.dead.add(attempt)

    @rule(attempt=attempts)
    def extend(self, attempt: str) -> None:
        self.run(self.living.extend(self.account, [attempt]))
        self.dead.discard(attempt)

    @rule(reapers=st.integers(1, 3))
    def reap(self, reapers: int) -> None:
        async def all_at_once() -> list[int]:
            return await asyncio.gather(*(self.living.reap(self.account) for _ in range(reapers)))

        assert sum(self.run(all_at_once())) == len(self.dead)
        for attempt in self.dead:
            self.charged[attempt] = self.holds[attempt].worst.cost_nano
        self.assumed |= self.dead
        self.open -= self.dead
        self.dead = set()

    def _close(self, attempt: str, make: Any, *, cost_nano: int | None, off_ms: int, **fields: Any) -> None:
        worst = self.holds[attempt].worst
        now_ms = self.run(self.store.now_ms())
        entry: Entry = make(
            worst.decision_id,
            worst.number,
            cost_nano=cost_nano,
            at_ms=now_ms + off_ms,
            labels=worst.labels,
            **fields,
        )
        answer = self.run(self.living.settle(self.account, entry, a_decision()))
        if attempt in self.assumed:
            assert answer is Recorded.ADJUSTED
        elif attempt in self.charged:
            assert answer is Recorded.ALREADY
            return
        else:
            assert answer is Recorded.RECORDED
        self.charged[attempt] = cost_nano
        self.assumed.discard(attempt)
        self.open.discard(attempt)
        self.dead.discard(attempt)

    @invariant()
    def every_attempt_is_charged_once_and_the_counters_say_so(self) -> None:
        found = self.run(verify(self.store, self.account))
        assert found.clean, found
        assert found.open_holds == len(self.open)
        assert found.cost_nano == sum(cost for cost in self.charged.values() if cost is not None)
        assert found.unknown_cost == sum(cost is None for cost in self.charged.values())

    def teardown(self) -> None:
        self.run(self.store.aclose())
        self.runner.close()


def test_any_interleaving_charges_every_attempt_once(store_server: StoreServer):
    machine = type("Machine", (LedgerMachine,), {"server": store_server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_crowd_that_does_everything_at_once_charges_every_attempt_once(store_server: StoreServer):
    """Truly concurrent, over several connections: settles, twice each, against reapers and extenders."""
    account = f"acc{next(_accounts)}"

    async def crowd() -> None:
        stores = [Store.at_url(store_server.url) for _ in range(4)]
        names = [f"dec_{number}" for number in range(120)]

        async def live(ledger: Ledger, name: str) -> None:
            at_ms = (await ledger.reserve(account, a_hold(name), version="")).at_ms
            entry = an_entry(name, at_ms=at_ms)
            await asyncio.gather(
                ledger.settle(account, entry, a_decision()),
                ledger.extend(account, [entry.attempt_id]),
                ledger.reap(account),
                ledger.settle(account, entry, a_decision()),
            )

        async def lives(at: int) -> None:
            ledger = fleeting(stores[at])
            await asyncio.gather(*(live(ledger, name) for name in names[at::4]))

        await asyncio.gather(*(lives(at) for at in range(4)))
        found = await verify(stores[0], account)
        assert (found.clean, found.open_holds) == (True, 0)
        assert found.cost_nano == 120 * 1_000
        await asyncio.gather(*(store.aclose() for store in stores))

    asyncio.run(crowd())
