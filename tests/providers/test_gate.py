"""A limit on calls in flight, first come, first served."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.providers.failure import AttemptFailed, FailureKind
from router.providers.gate import Gate


async def test_no_more_than_its_places_are_inside_and_the_line_is_in_order() -> None:
    gate = Gate("tiny", 2, 5.0)
    order: list[int] = []

    async def visit(number: int) -> None:
        await gate.enter()
        order.append(number)
        assert gate.inside <= 2
        await asyncio.sleep(0)
        gate.leave()

    await asyncio.gather(*(visit(number) for number in range(20)))
    assert order == list(range(20))
    assert (gate.inside, gate.waiting) == (0, 0)


async def test_a_wait_that_is_too_long_ends_busy() -> None:
    gate = Gate("tiny", 1, 0.01)
    await gate.enter()
    with pytest.raises(AttemptFailed) as caught:
        await gate.enter()
    assert (caught.value.kind, caught.value.billed) == (FailureKind.BUSY, "no")
    assert (gate.inside, gate.waiting) == (1, 0)
    gate.leave()
    assert gate.inside == 0


async def test_who_leaves_the_line_gives_up_nothing_of_others() -> None:
    gate = Gate("tiny", 1, 5.0)
    await gate.enter()
    first = asyncio.create_task(gate.enter())
    second = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.leave()
    await second
    assert (gate.inside, gate.waiting) == (1, 0)


async def test_a_turn_given_to_who_is_just_leaving_goes_to_the_next() -> None:
    gate = Gate("tiny", 1, 5.0)
    await gate.enter()
    first = asyncio.create_task(gate.enter())
    second = asyncio.create_task(gate.enter())
    await asyncio.sleep(0)
    gate.leave()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await asyncio.wait_for(second, 5)
    gate.leave()
    assert (gate.inside, gate.waiting) == (0, 0)


@settings(max_examples=60, deadline=None)
@given(places=st.integers(1, 3), steps=st.lists(st.integers(0, 9), min_size=1, max_size=40))
async def test_whatever_is_cancelled_places_are_neither_lost_nor_made(places: int, steps: list[int]) -> None:
    gate = Gate("tiny", places, 60.0)
    release = asyncio.Event()

    async def visit() -> None:
        await gate.enter()
        try:
            assert gate.inside <= places
            await release.wait()
        finally:
            gate.leave()

    visits: list[asyncio.Task[None]] = []
    for step in steps:
        if step < 6 or not visits:
            visits.append(asyncio.create_task(visit()))
        else:
            visits[step * len(visits) // 10].cancel()
        if step % 2:
            await asyncio.sleep(0)
    release.set()
    await asyncio.gather(*visits, return_exceptions=True)
    assert (gate.inside, gate.waiting) == (0, 0)
