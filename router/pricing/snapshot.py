"""Books as they were: each version's prices as JSON, never edited. Its name is the hash of what it says."""

import json
from importlib.resources import files
from typing import Any, Final

import msgspec

from router.pricing.book import BookEntry, ModelFacts, PriceBook
from router.pricing.errors import PriceError
from router.pricing.price import Price

_FOLDER: Final = "snapshots"


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    book: list[tuple[str, str, list[str], Price]]
    config: dict[str, Price]


def written(book: PriceBook) -> str:
    """A book as its snapshot is kept: the same JSON with a line for each model, for who compares files."""
    content = json.loads(book.content)
    lines = ",\n".join(json.dumps(entry, sort_keys=True) for entry in content["book"])
    stated = json.dumps(content["config"], sort_keys=True)
    return f'{{"book": [\n{lines}\n],\n"config": {stated}}}\n'


def read_snapshot(raw: str | bytes, version: str) -> PriceBook:
    """The book that a snapshot holds, without the facts of its models, which have no part in a price.

    Raises:
        PriceError: it is no snapshot, or not the one of this version: somebody edited it.
    """
    try:
        found = msgspec.json.decode(raw, type=_Content)
    except (ValueError, PriceError) as error:
        raise PriceError(f"the price book {version} cannot be read: {error}") from error
    entries = [
        BookEntry(provider, model, ModelFacts(), price, tuple(aliases))
        for provider, model, aliases, price in found.book
    ]
    book = PriceBook(entries, found.config)
    if book.version != version:
        raise PriceError(
            f"the price book {version} is not what it was: its content is that of {book.version}; "
            "a book is never edited, a change makes another version"
        )
    return book


def packaged_versions() -> list[str]:
    """The versions that this release and those before it shipped, oldest first."""
    folder = files("router.pricing") / _FOLDER
    return sorted(page.name.removesuffix(".json") for page in folder.iterdir() if page.name.endswith(".json"))


def packaged(version: str) -> PriceBook | None:
    """A book that was shipped; `None` if none of this version was.

    Raises:
        PriceError: the file was edited.
    """
    if version not in packaged_versions():
        return None
    page: Any = files("router.pricing") / _FOLDER / f"{version}.json"
    return read_snapshot(page.read_text(encoding="utf-8"), version)
