"""Whatever the order of calls, deaths, late truths, new limits and passing time: a plain model says the same."""

import asyncio
from collections import defaultdict
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from router.errors import BudgetExceeded
from router.ledger.entry import Labels, Tokens
from router.ledger.ledger import Reserved
from router.ledger.verify import verify
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.budgets.clock import own_clock, set_clock
from tests.budgets.examples import a_budget, hold, settle
from tests.ledger.examples import lasting
from tests.store.servers import StoreServer

_accounts = count()
START_MS = 2_000_000_000_000
STEP_MS = 2_000
amounts = st.integers(0, 9) | st.integers(0, 2**53 + 3)
users = st.sampled_from(["", "ann", "bob"])

Key = tuple[int, str]
"""Which budget, whose: the model's windows."""

Call = tuple[Reserved, str, int]
"""What is held of it, by whom, and how many nano-dollars."""


class Rules:
    """The model: for each budget what was taken when, in exact integers."""

    def __init__(self) -> None:
        self.limits = [0, 0, 0, 0]
        self.taken: dict[Key, dict[str, tuple[int, int]]] = defaultdict(dict)

    def keys(self, user: str) -> list[Key]:
        """All calls a minute, all calls rolling, each user rolling, and tokens of all calls."""
        return [(0, ""), (1, ""), *([(2, user)] if user else []), (3, "")]

    def left(self, key: Key, now_ms: int) -> int:
        taken = self.taken[key].values()
        if key[0] in (0, 3):
            used = sum(amount for at, amount in taken if at // 60_000 == now_ms // 60_000)
        else:
            used = sum(amount for at, amount in taken if at // STEP_MS > now_ms // STEP_MS - 60)
        return self.limits[key[0]] - used

    def amount(self, key: Key, nano: int, tokens: int) -> int:
        return tokens if key[0] == 3 else nano


class BudgetMachine(RuleBasedStateMachine):
    """One account of a real store whose clock is set here, and the model beside it."""

    server: StoreServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = Store.at_url(self.server.url)
        self.account = f"bud{next(_accounts)}"
        self.ledger = lasting(self.store)
        self.now_ms = START_MS
        self.model = Rules()
        self.open: dict[str, Call] = {}
        self.ended: dict[str, Call] = {}
        self.assumed: dict[str, Call] = {}
        self.names = count()
        self.run(set_clock(self.store, self.now_ms, self.account))
        for which in range(4):
            self.set_limit(which, 2**53)

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @rule(which=st.integers(0, 3), limit=st.integers(0, 30) | st.integers(2**53, 2**55))
    def set_limit(self, which: int, limit: int) -> None:
        kinds: list[dict[str, Any]] = [
            {"period": "minute", "limit_usd": _usd(limit)},
            {"period": "rolling", "window_s": 120, "limit_usd": _usd(limit)},
            {"period": "rolling", "window_s": 120, "limit_usd": _usd(limit), "scope": {"user": "*"}},
            {"period": "minute", "limit_tokens": min(limit, 10**15), "hard": False},
        ]
        self.run(a_budget(self.store, self.account, **kinds[which]))
        self.model.limits[which] = min(limit, 10**15) if which == 3 else limit

    @rule(ms=st.integers(1, 5_000) | st.integers(1, 200_000))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        self.run(set_clock(self.store, self.now_ms, self.account))

    @rule(nano=amounts, tokens=st.integers(0, 9), user=users)
    def call(self, nano: int, tokens: int, user: str) -> None:
        name = f"dec_{next(self.names)}"
        labels, used = Labels(user=user), Tokens(tokens, 0)
        keys = self.model.keys(user)
        fits = all(nano == 0 or self.model.left(key, self.now_ms) >= nano for key in keys if key[0] != 3)
        entry: dict[str, Any] = {"cost_nano": nano, "held_nano": nano, "tokens": used, "labels": labels}
        try:
            held = self.run(hold(self.ledger, self.store, name, self.account, **entry))
        except BudgetExceeded:
            assert not fits
            return
        assert fits
        self.open[name] = (held, user, nano)
        self._takes(name, user, nano, tokens)

    def _takes(self, name: str, user: str, nano: int, tokens: int, at_ms: int | None = None) -> None:
        for key in self.model.keys(user):
            at = self.now_ms if at_ms is None else at_ms
            self.model.taken[key][name] = (at, self.model.amount(key, nano, tokens))

    @precondition(lambda self: self.open)
    @rule(data=st.data(), nano=amounts, tokens=st.integers(0, 99))
    def settle(self, data: st.DataObject, nano: int, tokens: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.open)))
        self.ended[name] = self.open.pop(name)
        self._settle(name, nano, tokens)

    def _settle(self, name: str, nano: int, tokens: int) -> None:
        held, user, held_nano = self.ended[name]
        truth: dict[str, Any] = {"cost_nano": nano, "held_nano": held_nano, "tokens": Tokens(tokens, 0)}
        self.run(settle(self.ledger, name, held, self.account, **truth, labels=Labels(user=user)))
        self._takes(name, user, nano, tokens, held.at_ms)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), nano=amounts)
    def settle_again(self, data: st.DataObject, nano: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.ended)))
        held, user, _ = self.ended[name]
        truth: dict[str, Any] = {"cost_nano": nano, "held_nano": 0, "labels": Labels(user=user)}
        self.run(settle(self.ledger, name, held, self.account, **truth))

    @rule()
    def all_workers_die(self) -> None:
        """What is held is assumed; two minutes go by on the store's clock."""
        self.now_ms += 120_001
        self.run(set_clock(self.store, self.now_ms, self.account))
        for name in self.open:
            self.run(self.store.command("ZADD", AccountKeys(self.account).holds, 1, f"{name}-1"))
        assert self.run(self.ledger.reap(self.account)) == len(self.open)
        self.assumed |= self.open
        self.open = {}

    @precondition(lambda self: self.assumed)
    @rule(data=st.data(), nano=amounts, tokens=st.integers(0, 99))
    def the_truth_comes_late(self, data: st.DataObject, nano: int, tokens: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.assumed)))
        self.ended[name] = self.assumed.pop(name)
        self._settle(name, nano, tokens)

    @invariant()
    def the_ledger_says_so_too(self) -> None:
        found = self.run(verify(self.store, self.account))
        assert found.clean, found
        assert found.open_holds == len(self.open)

    def teardown(self) -> None:
        self.run(self.store.aclose())
        self.runner.close()


def _usd(nano: int) -> str:
    return f"{nano // 10**9}.{nano % 10**9:09d}"


def test_any_order_of_events_leaves_what_the_model_says(
    store_server: StoreServer, monkeypatch: pytest.MonkeyPatch
):
    own_clock(monkeypatch)
    machine = type("Machine", (BudgetMachine,), {"server": store_server})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
