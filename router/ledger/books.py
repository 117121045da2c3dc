"""The price books that entries were priced by: those shipped, and this installation's, kept in its store."""

from difflib import get_close_matches

from router.errors import NotFound
from router.pricing.book import PriceBook
from router.pricing.snapshot import packaged, packaged_versions, read_snapshot, written
from router.store.connection import Store
from router.store.keys import PRICE_BOOKS

CURRENT = "current"


async def keep(store: Store, book: PriceBook) -> None:
    """Writes a book's snapshot down for good, unless it was shipped; one that is there stays as it is.

    Raises:
        StoreUnavailable: no answer.
    """
    if book.version not in packaged_versions():
        await store.command("HSETNX", PRICE_BOOKS, book.version, written(book))


async def kept_versions(store: Store) -> list[str]:
    """The versions kept in the store, oldest first.

    Raises:
        StoreUnavailable: no answer.
    """
    return sorted(raw.decode() for raw in await store.command("HKEYS", PRICE_BOOKS))


async def find(store: Store, version: str, current: PriceBook) -> PriceBook:
    """The book of a version, or the one in force by the name `current`.

    Raises:
        NotFound: no such version was shipped or used here.
        PriceError: what is kept of it was edited.
        StoreUnavailable: no answer.
    """
    if version in (CURRENT, current.version):
        return current
    shipped = packaged(version)
    if shipped is not None:
        return shipped
    raw = await store.command("HGET", PRICE_BOOKS, version)
    if raw is None:
        known = [CURRENT, current.version, *packaged_versions(), *await kept_versions(store)]
        near = get_close_matches(version, known, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise NotFound(
            f"no price book {version!r} was shipped or used here{meant} See pennyroute prices books",
            param="book",
        )
    return read_snapshot(raw, version)
