"""The version of everything people change while the service runs: thresholds and keys."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from router.store.connection import Reply, Store, Word
from router.store.keys import ACCOUNTS, SETTINGS_VERSION, AccountKeys


async def accounts(store: Store) -> list[str]:
    """Every account there is; `main` always."""
    return _names(await store.command("SMEMBERS", ACCOUNTS))


async def changed(store: Store) -> None:
    """Tells every account that thresholds or keys changed: the next reserve of each is refused as stale.

    Whoever changed them counted `SETTINGS_VERSION` up in the same step, so that a change whose author
    died before this reaches every worker all the same, if only at its next look.
    """
    for account in await accounts(store):
        await store.command("INCR", AccountKeys(account).version)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read at once.

    Attributes:
        overall: counts every change of settings.
        versions: account → its own version, which a reserve carries.
        more: what the other commands answered; never older than the versions say.
    """

    overall: str
    versions: Mapping[str, str]
    more: Sequence[Reply]


async def look(store: Store, expected: Iterable[str] = (), *more: Sequence[Word]) -> Seen:
    """The versions, and behind them what `more` commands answer.

    One round trip, in a Cluster two, and as many again if there is an account that was not `expected`.

    Raises:
        StoreUnavailable: no answer.
        StoreRefused: a key of another type.
    """
    names = sorted({"main", *expected})
    while True:
        replies = await store.commands_in_turn(
            [("GET", AccountKeys(name).version) for name in names],
            [("GET", SETTINGS_VERSION), ("SMEMBERS", ACCOUNTS), *more],
        )
        found = dict(zip(names, replies, strict=False))
        overall, members, *rest = replies[len(names) :]
        names = _names(members)
        if found.keys() >= set(names):
            return Seen(_text(overall), {name: _text(found[name]) for name in names}, rest)


def _names(members: Iterable[bytes]) -> list[str]:
    return sorted({"main", *(raw.decode() for raw in members)})


def _text(raw: bytes | None) -> str:
    return raw.decode() if raw is not None else "0"
