"""A store whose clock the test sets: the scripts as they are, but for where they read the time."""

from dataclasses import replace
from datetime import datetime

import pytest

from router.ledger import ledger
from router.store.connection import Store
from router.store.keys import AccountKeys
from tests.ledger.examples import ACCOUNT

_READ = "redis.call('TIME')"
_NOW = "redis.call('GET', string.match(KEYS[1], '^.-}') .. ':clock')"  # a key on the slot of the others
_SET = f"{{ math.floor({_NOW} / 1000), {_NOW} % 1000 * 1000 }}"


def own_clock(patching: pytest.MonkeyPatch) -> None:
    """From here on reserves and reaps go by the clock that `set_clock` sets."""
    for name in ("RESERVE", "REAP", "EXTEND"):
        script = getattr(ledger, name)
        assert _READ in script.source
        patching.setattr(ledger, name, replace(script, source=script.source.replace(_READ, _SET)))


async def set_clock(store: Store, now: datetime | int, account: str = ACCOUNT) -> None:
    """Sets the store's clock for an account: a moment, or Unix milliseconds. Keys still expire by its real one."""
    now_ms = now if isinstance(now, int) else round(now.timestamp() * 1000)
    await store.command("SET", f"{AccountKeys(account).prefix}clock", now_ms)
