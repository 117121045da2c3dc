"""Everything that is in a store, for tests of what is kept and for how long."""

from router.store.connection import Store


async def names_in(store: Store) -> list[str]:
    """The name of every key."""
    return sorted(raw.decode() for names in await store.everywhere("KEYS", "*") for raw in names)


async def dumps_of(store: Store) -> dict[str, bytes]:
    """Every key's value as the server would write it to disk; TTLs left out."""
    return {name: await store.command("DUMP", name) for name in await names_in(store)}
