"""What commands work with: the configuration, and the store it names, running already or started for them."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from router.names import CONFIG_FILE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from router.settings import Settings
    from router.setup import SetUp
    from router.store.connection import Store

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Where:
    """What `--config` and `--data-dir` say."""

    config: Path | None
    data_dir: Path

    def file(self) -> Path | None:
        """The configuration file: the one named, else the usual one if it is there."""
        if self.config is not None:
            return self.config
        return CONFIG_FILE if CONFIG_FILE.is_file() else None

    def settings(self) -> "Settings":
        """The settings alone, without looking for local servers; the models' keys need not be set.

        Raises:
            ConfigError: with every problem of the file.
        """
        from router.settings import load_settings

        return load_settings(self.file(), self.environ())

    def environ(self) -> "Mapping[str, str]":
        """The environment for what calls no model, and so has no use for the models' keys."""
        from router.settings.checked import without_model_keys

        return without_model_keys(self.file(), os.environ)


def with_store(where: Where, work: "Callable[[Store], Awaitable[_Found]]") -> _Found:
    """Does some work with the store, for commands that need no models and routes.

    Raises:
        PennyrouteError: the configuration or the store cannot be used.
    """
    settings = where.settings()

    async def attached() -> _Found:
        from router.setup import open_store

        async with open_store(settings, where.data_dir) as store:
            return await work(store)

    return asyncio.run(attached())


def with_set_up(where: Where, work: "Callable[[SetUp, Store], Awaitable[_Found]]") -> _Found:
    """The same with everything the configuration comes to."""
    from router.setup import open_store, set_up

    ready = set_up(where.config, where.environ())

    async def attached() -> _Found:
        async with open_store(ready.settings, where.data_dir) as store:
            return await work(ready, store)

    return asyncio.run(attached())
