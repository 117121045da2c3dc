"""Traffic through configurations: in this process, or by all cores where there is much of it."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice

from router.replay.asked import Asked, Unreadable
from router.replay.configuration import Configuration, Terms
from router.replay.deciding import Replayed, decide_all

BATCH = 1_000
WORTH_PROCESSES = 10_000
"""Fewer queries than this are decided sooner than a second process has started."""

Found = Asked | Unreadable
Result = Replayed | Unreadable
_configurations: list[Configuration] = []
"""Of a process that works for another one, set once by `_begin`."""


def replay(
    traffic: Iterable[Found], configurations: Sequence[Configuration], told: Callable[[int], None]
) -> list[Result]:
    """Every query through every configuration, in the order of the traffic.

    Args:
        traffic: read as it is needed.
        configurations: what it goes through.
        told: hears how many queries were decided so far.

    Raises:
        PennyrouteError: traffic cannot be read, or names what is not in a configuration.
    """
    stream = iter(traffic)
    begun = list(islice(stream, WORTH_PROCESSES))
    cores = _cores()
    results: list[Result] = []
    whole = chain(begun, stream)
    decided = (
        _here(whole, configurations)
        if len(begun) < WORTH_PROCESSES or cores < 2
        else _by_processes(whole, [one.terms for one in configurations], cores)
    )
    for batch in decided:
        results += batch
        told(len(results))
    return results


def _here(traffic: Iterable[Found], configurations: Sequence[Configuration]) -> Iterator[list[Result]]:
    for batch in _batches(traffic):
        yield _decide(batch, configurations)


def _by_processes(traffic: Iterable[Found], terms: Sequence[Terms], cores: int) -> Iterator[list[Result]]:
    """The same by other processes; so many batches are on their way that none waits, and no more."""
    # Not forked: the command line may draw its progress in a thread, which a forked child would inherit half.
    started = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, mp_context=started, initializer=_begin, initargs=(list(terms),)) as pool:
        waiting: deque[Future[list[Result]]] = deque()
        for batch in _batches(traffic):
            waiting.append(pool.submit(_decide_there, batch))
            if len(waiting) > 3 * cores:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _begin(terms: Sequence[Terms]) -> None:
    _configurations.extend(Configuration.of(one) for one in terms)


def _decide_there(batch: Sequence[Found]) -> list[Result]:
    return _decide(batch, _configurations)


def _decide(batch: Sequence[Found], configurations: Sequence[Configuration]) -> list[Result]:
    decided = iter(decide_all([one for one in batch if isinstance(one, Asked)], configurations))
    return [one if isinstance(one, Unreadable) else next(decided) for one in batch]


def _batches(traffic: Iterable[Found]) -> Iterator[list[Found]]:
    stream = iter(traffic)
    while batch := list(islice(stream, BATCH)):
        yield batch


def _cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
