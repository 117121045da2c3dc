"""The version of everything people change while the service runs: thresholds and keys."""

from router.store.connection import Store
from router.store.keys import ACCOUNTS, SETTINGS_VERSION, AccountKeys


async def accounts(store: Store) -> list[str]:
    """Every account there is; `main` always."""
    found = await store.command("SMEMBERS", ACCOUNTS)
    return sorted({"main", *(raw.decode() for raw in found)})


async def changed(store: Store) -> None:
    """Tells every account that thresholds or keys changed: the next reserve of each is refused as stale.

    Whoever changed them counted `SETTINGS_VERSION` up in the same step, so that a change whose author
    died before this reaches every worker all the same, if only at its next look.
    """
    for account in await accounts(store):
        await store.command("INCR", AccountKeys(account).version)


async def versions(store: Store) -> tuple[str, dict[str, str]]:
    """The overall version, and each account's own."""
    overall = await store.command("GET", SETTINGS_VERSION)
    names = await accounts(store)
    found = await store.commands(*(("GET", AccountKeys(name).version) for name in names))
    return _text(overall), {name: _text(raw) for name, raw in zip(names, found, strict=True)}


def _text(raw: bytes | None) -> str:
    return raw.decode() if raw is not None else "0"
