"""Traffic through configurations: in this process, or by all cores where there is much of it to read."""

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice

from router.replay.asked import Asked, Row, Unreadable
from router.replay.configuration import Configuration, Terms
from router.replay.deciding import Replayed, decide_all
from router.replay.traffic import asked_of

BATCH = 1_000
WORTH_PROCESSES = 10_000
"""Fewer texts than this are scored sooner than a second process has started."""

Found = Asked | Row
Result = Replayed | Unreadable
_configurations: list[Configuration] = []
"""Of a process that works for another one, set once by `_begin`."""


def replay(
    traffic: Iterable[Found], configurations: Sequence[Configuration], told: Callable[[int], None]
) -> list[Result]:
    """Every query through every configuration, in the order of the traffic.

    Args:
        traffic: read as it is needed: rows of files, or what the store has recorded; not both.
        configurations: what it goes through.
        told: hears how many queries were decided so far.

    Raises:
        PennyrouteError: traffic cannot be read, or names what is not in a configuration.
    """
    stream = iter(traffic)
    begun = list(islice(stream, WORTH_PROCESSES))
    texts = sum(isinstance(one, Row) or one.facts is not None for one in begun)
    batches = _batches(chain(begun, stream))
    results: list[Result] = []
    alone = texts < WORTH_PROCESSES or _cores() < 2
    decided = _here(batches, configurations) if alone else _by_processes(batches, configurations)
    for some in decided:
        results += some
        told(len(results))
    return results


def _here(batches: Iterable[list[Found]], configurations: Sequence[Configuration]) -> Iterator[list[Result]]:
    for batch in batches:
        yield _decide(batch, configurations)


def _by_processes(
    batches: Iterable[list[Found]], configurations: Sequence[Configuration]
) -> Iterator[list[Result]]:
    """The same with other processes; so many batches are on their way that none waits, and no more."""
    # Not forked: the command line may draw its progress in a thread, which a forked child would inherit half.
    started = multiprocessing.get_context("spawn")
    cores, terms = _cores(), [one.terms for one in configurations]
    with ProcessPoolExecutor(cores, mp_context=started, initializer=_begin, initargs=(terms,)) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_decide_there, batch))
            if len(waiting) > 3 * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for cycles: a replay makes none, and walking all its records takes longest."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _begin(terms: Sequence[Terms]) -> None:
    gc.disable()  # see `uncollected`
    _configurations.extend(Configuration.of(one) for one in terms)


def _decide_there(batch: Sequence[Found]) -> list[Result]:
    return _decide(batch, _configurations)


def _decide(batch: Sequence[Found], configurations: Sequence[Configuration]) -> list[Result]:
    read = [asked_of(one) if isinstance(one, Row) else one for one in batch]
    decided = iter(decide_all([one for one in read if isinstance(one, Asked)], configurations))
    return [one if isinstance(one, Unreadable) else next(decided) for one in read]


def _batches(traffic: Iterable[Found]) -> Iterator[list[Found]]:
    stream = iter(traffic)
    while batch := list(islice(stream, BATCH)):
        yield batch


def _cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
