"""A certificate stands with its threshold: its id is its content, and it goes with what it was made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from router.errors import InvalidRequest
from router.routes.certificate import CertificateInForce, decode_certificate, encode_certificate
from router.routes.thresholds import WATCH, Change, Thresholds
from router.store.connection import Store
from tests.certificates import a_certificate

unit = st.floats(0, 1)
certificates = st.builds(
    CertificateInForce,
    id=st.just(""),
    threshold=unit,
    floor=unit,
    confidence=unit,
    lower_bound=unit,
    large_share=unit,
    n=st.integers(0, 10**9),
    method=st.text(),
    made_at=st.text(),
    source=st.text(),
    provisional=st.booleans(),
    classifier=st.text(),
    small=st.text(),
    large=st.text(),
    answers=st.text(),
    correction=st.floats(-1, 1),
    judged_by=st.lists(st.text()).map(tuple),
)


@given(certificates)
def test_it_comes_back_from_the_store_as_it_was_with_an_id_that_is_its_content(made: CertificateInForce):
    assert decode_certificate(encode_certificate(made)) == made
    assert made.genuine
    assert made.id.startswith("crt_")
    assert len(made.id) == 16


def test_anything_changed_in_it_shows():
    made = a_certificate()
    assert not replace(made, floor=0.5).genuine
    assert not replace(made, lower_bound=0.99).genuine


async def test_an_altered_one_and_one_of_another_threshold_are_refused(store: Store):
    thresholds, made = Thresholds(store), a_certificate()
    with pytest.raises(InvalidRequest, match="is of threshold"):
        await thresholds.set(Change("support", 0.4, "ada", certificate=made))
    with pytest.raises(InvalidRequest, match="not what was certified"):
        await thresholds.set(Change("support", 0.5, "ada", certificate=replace(made, floor=0.99)))
    assert await thresholds.current("support") is None


async def test_it_is_kept_in_the_history_and_a_plain_change_drops_it(store: Store):
    thresholds, made = Thresholds(store), a_certificate()
    certified = await thresholds.set(Change("support", 0.5, "ada", certificate=made))
    assert await thresholds.current("support") == certified
    plain = await thresholds.set(Change("support", 0.6, "ada"))
    assert plain.certificate is None
    assert await thresholds.history("support") == [plain, certified]


async def test_going_back_to_before_a_suspension_lifts_it_and_going_back_to_it_proves_nothing(store: Store):
    thresholds, made = Thresholds(store), a_certificate()
    await thresholds.set(Change("support", 0.5, "ada", certificate=made))
    withdrawn = await thresholds.set(Change("support", 0.0, WATCH, certificate=made, suspended=True))
    assert (withdrawn.suspended, withdrawn.certificate) == (True, made)
    lifted = await thresholds.rollback("support", "ada")
    assert (lifted.value, lifted.certificate, lifted.suspended) == (0.5, made, False)
    again = await thresholds.rollback("support", "ada", 2)
    assert (again.value, again.certificate, again.suspended) == (0.0, None, False)
