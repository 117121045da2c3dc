"""Books as they were: every version readable as long as it says what its name is the hash of."""

import re

import pytest

from router.errors import NotFound
from router.ledger.books import find, keep, kept_versions
from router.pricing.book import PriceBook, load_book
from router.pricing.difference import Change, changes
from router.pricing.errors import PriceError
from router.pricing.snapshot import packaged, packaged_versions, read_snapshot, written
from router.pricing.stated import price_from
from router.store.connection import Store
from router.store.keys import PRICE_BOOKS


def configured(**dollars: float) -> PriceBook:
    """The packaged book with a price of a configuration, which has every part a price can have."""
    stated = {
        "input": 1,
        "output": 4,
        "steps": [{"above_input_tokens": 1000, "input": 2, "output": 8}],
        "tiers": {"flex": {"input": 0.5, "output": 2}},
        "off_peak": {
            "input": 0.25,
            "output": 1,
            "windows": [{"weekdays": [6, 7], "hours_utc": ["01:00-24:00"]}],
        },
        "per_request_usd": 0.001,
    }
    return load_book({"mine": price_from("openai-compatible", "llama", stated | dollars)})


def test_the_book_of_this_release_has_its_snapshot() -> None:
    """A change of a price is a new version: write `written(load_book())` beside those that are there."""
    assert load_book().version in packaged_versions()


@pytest.mark.parametrize("version", packaged_versions())
def test_every_snapshot_that_was_shipped_is_what_it_was(version: str) -> None:
    book = packaged(version)
    assert book is not None
    assert book.version == version


@pytest.mark.parametrize("book", [load_book(), configured()], ids=["packaged", "configured"])
def test_a_book_is_read_back_whole(book: PriceBook) -> None:
    again = read_snapshot(written(book), book.version)
    assert again.version == book.version
    assert again.overrides() == book.overrides()
    assert changes(book, again) == []
    for entry in book.entries():
        assert again.price(entry.provider, entry.model) == entry.price


def test_a_book_that_was_edited_is_refused() -> None:
    book = load_book()
    edited = re.sub(r'"input": \d+', '"input": 1', written(book), count=1)
    with pytest.raises(PriceError, match="is not what it was"):
        read_snapshot(edited, book.version)
    with pytest.raises(PriceError, match="cannot be read"):
        read_snapshot(written(book)[:-9], book.version)


def test_what_changed_is_named_rate_by_rate() -> None:
    assert changes(configured(), configured(input=1.5)) == [
        Change("openai-compatible", "mine (configured)", name, "1", "1.5")
        for name in (
            "input",
            "cached_input",
            "cache_write_5m",
            "cache_write_1h",
            "audio_input",
            "image_input",
        )
    ]
    came = changes(load_book(), configured())
    assert {(one.model, one.before) for one in came} == {("mine (configured)", None)}
    assert {one.what for one in came} >= {
        "output",
        "flex output",
        "above 1,000 output",
        "off-peak input",
        "hours",
    }


async def test_a_book_of_a_configuration_is_kept_once_and_found_after_the_configuration_changed(
    store: Store,
) -> None:
    old, new = configured(), configured(output=5)
    await keep(store, old)
    await keep(store, new)
    raw = await store.command("HGET", PRICE_BOOKS, old.version)
    await keep(store, old)
    assert await store.command("HGET", PRICE_BOOKS, old.version) == raw
    assert await kept_versions(store) == sorted([old.version, new.version])
    assert (await find(store, old.version, new)).overrides() == old.overrides()
    assert await find(store, "current", new) is new


async def test_a_shipped_book_is_not_kept_twice_and_an_unknown_one_is_not_found(store: Store) -> None:
    shipped = load_book()
    await keep(store, shipped)
    assert await kept_versions(store) == []
    assert (await find(store, shipped.version, configured())).version == shipped.version
    with pytest.raises(NotFound, match=f"did you mean {shipped.version}"):
        await find(store, shipped.version[:-1] + "x", configured())


async def test_a_kept_book_that_was_edited_is_refused(store: Store) -> None:
    book = configured()
    await store.command("HSET", PRICE_BOOKS, book.version, written(configured(input=9)))
    with pytest.raises(PriceError, match="is not what it was"):
        await find(store, book.version, load_book())
