"""Reading the hourly counters of an account."""

from collections.abc import AsyncIterator, Mapping, Sequence

from router.store.connection import Store
from router.store.keys import AccountKeys

_HOURS_A_READ = 2  # a few at a time, so that a long read does not hold up the calls a worker answers


async def hours_counted(
    store: Store, keys: AccountKeys, *, first_hour: int | None = None, end_hour: int | None = None
) -> list[int]:
    """The Unix hours that have counters, in order.

    Args:
        store: where the ledger is.
        keys: of the account.
        first_hour: `None` from the beginning.
        end_hour: exclusive; `None` to the newest.

    Raises:
        StoreUnavailable: no answer.
    """
    lowest = "-inf" if first_hour is None else first_hour
    highest = "+inf" if end_hour is None else f"({end_hour}"
    return [int(hour) for hour in await store.command("ZRANGEBYSCORE", keys.hours, lowest, highest)]


async def counters_of(
    store: Store, keys: AccountKeys, hours: Sequence[int]
) -> AsyncIterator[tuple[int, Mapping[bytes, bytes]]]:
    """Each of these hours with its counters, each read at one moment.

    Raises:
        StoreUnavailable: no answer.
    """
    for at in range(0, len(hours), _HOURS_A_READ):
        wanted = hours[at : at + _HOURS_A_READ]
        found = await store.commands(*(("HGETALL", keys.counters(hour)) for hour in wanted))
        for hour, counters in zip(wanted, found, strict=True):
            yield hour, counters
