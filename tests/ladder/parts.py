"""What a router of a test's own needs beside what it tests: a cache no route uses, and no ladder to watch."""

from router.answers.cache import AnswerCache
from router.answers.keys import SealingKey
from router.answers.seal import Seal
from router.clock import World
from router.ledger.ledger import Ledger
from router.live import LiveSettings
from router.pressure.pressures import Pressures, PressureTerms
from router.store.connection import Store


def no_cache(store: Store) -> AnswerCache:
    return AnswerCache(store, Seal((SealingKey(bytes(32)),)))


def no_pressure(ledger: Ledger, live: LiveSettings, world: World) -> Pressures:
    return Pressures((), standing=ledger.standing, live=live, world=world, terms=PressureTerms())
