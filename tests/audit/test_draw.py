"""The salt of the draw: made once a store, shown to nobody."""

import asyncio

import pytest

from policies.sampling import drawn_number
from router.audit.draw import Lot, lot_of
from router.store.connection import Store
from router.store.keys import AUDIT_SALT

SALT = bytes(range(32))


async def test_whoever_asks_first_makes_the_salt_and_all_draw_alike(store: Store):
    lots = await asyncio.gather(*(lot_of(store) for _ in range(5)))
    salt: bytes = await store.command("GET", AUDIT_SALT)
    assert len(salt) == 32
    assert {lot.number("dec_1") for lot in lots} == {drawn_number(salt, "dec_1")}
    again = await lot_of(store)
    assert again.number("dec_1") == lots[0].number("dec_1")


async def test_two_stores_draw_differently(store: Store):
    first = (await lot_of(store)).number("dec_1")
    await store.command("DEL", AUDIT_SALT)
    assert (await lot_of(store)).number("dec_1") != first


def test_a_lot_does_not_show_its_salt():
    lot = Lot(SALT)
    for said in (repr(lot), str(lot), f"{lot}"):
        assert said == "Lot()"
    assert not hasattr(lot, "__dict__")
    assert SALT.hex() not in lot.mark("dec_1")


def test_a_salt_of_another_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        Lot(b"short")


def test_what_fences_an_answer_in_depends_on_the_decision_and_the_salt():
    marks = {Lot(SALT).mark("dec_1"), Lot(SALT).mark("dec_2"), Lot(bytes(32)).mark("dec_1")}
    assert len(marks) == 3
    assert Lot(SALT).mark("dec_1") in marks
    assert all(len(mark) == 16 for mark in marks)
