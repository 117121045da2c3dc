"""Work that many want at once is done once, and never is its result older than their asking."""

import asyncio

import pytest

from router.joint import Joint


class Work:
    """Answers the number of its run, each as soon as the test lets it."""

    def __init__(self) -> None:
        self.began: list[float] = []
        self.gate = asyncio.Semaphore(0)

    async def __call__(self) -> int:
        self.began.append(asyncio.get_running_loop().time())
        number = len(self.began)
        await self.gate.acquire()
        if number == 13:
            raise ConnectionAbortedError
        return number


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whoever_asks_during_a_run_gets_the_next_one_and_shares_it():
    work = Work()
    joint = Joint(work)
    first = [asyncio.create_task(joint()) for _ in range(50)]
    await turns()
    assert len(work.began) == 1
    late = [asyncio.create_task(joint()) for _ in range(50)]
    await turns()
    assert len(work.began) == 1
    work.gate.release()
    assert set(await asyncio.gather(*first)) == {1}
    work.gate.release()
    assert set(await asyncio.gather(*late)) == {2}
    assert len(work.began) == 2


async def test_one_who_leaves_takes_nothing_from_the_others():
    work = Work()
    joint = Joint(work)
    leaving, staying = asyncio.create_task(joint()), asyncio.create_task(joint())
    await turns()
    leaving.cancel()
    await turns()
    work.gate.release()
    assert await staying == 1
    assert leaving.cancelled()


async def test_what_a_run_raises_all_of_its_hear_and_nobody_else():
    work = Work()
    work.began = [0.0] * 12
    joint = Joint(work)
    failing = [asyncio.create_task(joint()) for _ in range(3)]
    await turns()
    after = asyncio.create_task(joint())
    work.gate.release()
    work.gate.release()
    failures = await asyncio.gather(*failing, return_exceptions=True)
    assert [type(failure) for failure in failures] == [ConnectionAbortedError] * 3
    assert await after == 14


async def test_runs_begin_as_far_apart_as_they_are_told_to():
    work = Work()
    joint = Joint(work, apart_s=0.05)
    for number in range(1, 4):
        work.gate.release()
        assert await joint() == number
    assert all(later - earlier > 0.045 for earlier, later in zip(work.began, work.began[1:], strict=False))


async def test_closing_ends_what_is_on_its_way():
    work = Work()
    joint = Joint(work)
    asked = [asyncio.create_task(joint())]
    await turns()
    asked.append(asyncio.create_task(joint()))
    await turns()
    await joint.aclose()
    for one in asked:
        with pytest.raises(asyncio.CancelledError):
            await one
    assert len(work.began) == 1
