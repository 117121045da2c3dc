"""Thresholds: versioned, with who, when and why; nobody overwrites what they have not seen."""

import asyncio

import pytest

from router.errors import InvalidRequest, NotFound, StoreUnavailable, VersionConflict
from router.routes.threshold import Threshold
from router.routes.thresholds import CONFIG, Change, Thresholds
from router.store.connection import Store, StoreRefused
from router.store.keys import SETTINGS_VERSION, threshold_history_key, threshold_key
from tests.store.cut import Cut
from tests.store.servers import MakeServer


async def test_a_route_nobody_has_set_has_none(store: Store):
    assert await Thresholds(store).current("support") is None
    assert await Thresholds(store).history("support") == []


async def test_a_set_threshold_is_in_force_with_who_when_and_why(store: Store):
    thresholds = Thresholds(store)
    before = await store.now_ms()
    made = await thresholds.set(Change("support", 0.4, "key_1", "too many went large"))
    assert await thresholds.current("support") == made
    assert (made.version, made.set_by, made.reason) == (1, "key_1", "too many went large")
    assert before <= made.set_at_ms <= await store.now_ms()
    assert made.as_json()["set_at"].endswith("+00:00")  # type: ignore[attr-defined]


async def test_every_version_stays_in_the_history_newest_first(store: Store):
    thresholds = Thresholds(store)
    made = [await thresholds.set(Change("support", value / 10, "me", f"n{value}")) for value in range(4)]
    assert await thresholds.history("support") == made[::-1]
    assert await thresholds.history("support", 2) == made[:1:-1]


async def test_a_change_of_a_version_that_is_not_in_force_is_a_conflict_and_changes_nothing(store: Store):
    thresholds = Thresholds(store)
    first = await thresholds.set(Change("support", 0.4, "me", expected_version=0))
    for seen in (0, 2):
        with pytest.raises(VersionConflict, match="is at version 1"):
            await thresholds.set(Change("support", 0.9, "you", expected_version=seen))
    assert await thresholds.history("support") == [first]
    assert VersionConflict.status == 412


async def test_of_many_who_change_the_same_version_one_wins(store: Store):
    thresholds = Thresholds(store)
    await thresholds.set(Change("support", 0.4, "me"))
    answers = await asyncio.gather(
        *(thresholds.set(Change("support", n / 20, f"u{n}", expected_version=1)) for n in range(20)),
        return_exceptions=True,
    )
    [winner] = [answer for answer in answers if isinstance(answer, Threshold)]
    assert sum(isinstance(answer, VersionConflict) for answer in answers) == 19
    assert await thresholds.current("support") == winner


async def test_a_rollback_is_a_new_version_with_the_old_value(store: Store):
    thresholds = Thresholds(store)
    for value in (0.1, 0.2, 0.3):
        await thresholds.set(Change("support", value, "me"))
    back = await thresholds.rollback("support", "you")
    assert (back.value, back.version, back.set_by) == (0.2, 4, "you")
    assert back.reason == "rollback to version 2"
    assert (await thresholds.rollback("support", "you", to_version=1)).value == 0.1


async def test_there_is_nothing_to_roll_back_to_before_the_first_version(store: Store):
    thresholds = Thresholds(store)
    for version in (None, 7):
        with pytest.raises(NotFound, match="no version"):
            await thresholds.rollback("support", "me", version)
    await thresholds.set(Change("support", 0.1, "me"))
    with pytest.raises(NotFound, match="no version 0"):
        await thresholds.rollback("support", "me")


async def test_the_configs_threshold_is_brought_in_once_and_follows_the_config(store: Store):
    thresholds = Thresholds(store)
    first = await thresholds.seed("support", 0.12)
    assert (first.value, first.version, first.set_by) == (0.12, 1, CONFIG)
    assert await thresholds.seed("support", 0.12) == first
    assert (await thresholds.seed("support", 0.2)).version == 2


async def test_what_a_person_set_stays_whatever_the_config_says(store: Store):
    thresholds = Thresholds(store)
    await thresholds.seed("support", 0.12)
    theirs = await thresholds.set(Change("support", 0.5, "me"))
    assert await thresholds.seed("support", 0.3) == theirs


async def test_workers_that_start_at_once_bring_it_in_once(store: Store):
    found = await asyncio.gather(*(Thresholds(store).seed("support", 0.12) for _ in range(10)))
    assert {threshold.version for threshold in found} == {1}
    assert len(await Thresholds(store).history("support")) == 1


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan"), float("inf")])
async def test_a_threshold_is_a_number_from_0_to_1(store: Store, value: float):
    with pytest.raises(InvalidRequest, match="from 0 to 1"):
        await Thresholds(store).set(Change("support", value, "me"))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1 + 0.2, 5e-324, 1 / 3])
async def test_a_value_comes_back_to_the_last_bit(store: Store, value: float):
    await Thresholds(store).set(Change("support", value, "me"))
    [found] = await Thresholds(store).history("support")
    assert found.value == value


@pytest.mark.parametrize("reason", ['quotes " \\ and more', "日本語 🙂", "a" * 500])
async def test_any_line_of_text_is_a_reason(store: Store, reason: str):
    made = await Thresholds(store).set(Change("support", 0.5, "me", reason))
    assert await Thresholds(store).history("support") == [made]
    assert (await Thresholds(store).current("support")) == made


@pytest.mark.parametrize("reason", ["a" * 501, "half \ud800", "NUL \x00 here", "two\nlines"])
async def test_what_is_too_long_or_no_line_of_text_is_refused(store: Store, reason: str):
    with pytest.raises(InvalidRequest, match="reason"):
        await Thresholds(store).set(Change("support", 0.5, "me", reason))


@pytest.mark.parametrize("key", [threshold_history_key("support"), SETTINGS_VERSION])
async def test_a_key_of_another_type_refuses_the_change_before_anything_is_written(store: Store, key: str):
    await store.command("SADD", key, "x")
    with pytest.raises(StoreRefused, match="WRONGTYPE"):
        await Thresholds(store).set(Change("support", 0.5, "me"))
    assert await store.command("EXISTS", threshold_key("support")) == 0


@pytest.mark.parametrize("expected", [1, None])
async def test_a_threshold_whose_answer_is_lost_is_set_once_and_is_no_false_conflict(
    own_server: MakeServer, expected: int | None
):
    async with Cut(own_server()) as cut:
        store = Store.at_url(cut.url)
        thresholds = Thresholds(store)
        await thresholds.set(Change("support", 0.1, "me"))
        cut.cuts = 1
        with pytest.raises(StoreUnavailable):
            await thresholds.set(Change("support", 0.2, "me", expected_version=expected))
        assert [past.value for past in await thresholds.history("support")] == [0.2, 0.1]
        await store.aclose()
