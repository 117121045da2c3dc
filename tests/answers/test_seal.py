"""Sealing: what opens, what does not, and which keys are taken."""

import base64
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.answers.keys import SealingKey, keys_from, with_installation_key
from router.answers.seal import Seal, SealBroken
from router.errors import SetupError

OLD, NEW = SealingKey(bytes(range(32))), SealingKey(bytes(range(100, 132)))


@given(st.text(), st.binary())
def test_what_was_sealed_opens_under_its_name(name: str, plain: bytes) -> None:
    assert Seal([OLD]).open(name, Seal([OLD]).seal(name, plain)) == plain


@given(st.binary(min_size=1), st.data())
def test_no_changed_byte_is_taken(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(Seal([OLD]).seal("a", plain))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(SealBroken):
        Seal([OLD]).open("a", bytes(sealed))


@given(st.binary())
def test_what_was_never_sealed_does_not_open(raw: bytes) -> None:
    with pytest.raises(SealBroken):
        Seal([OLD]).open("a", raw)


def test_nothing_opens_under_another_name_or_cut_short() -> None:
    sealed = Seal([OLD]).seal("pr:{main}:once:1", b"text")
    with pytest.raises(SealBroken, match="moved"):
        Seal([OLD]).open("pr:{other}:once:1", sealed)
    for end in range(len(sealed)):
        with pytest.raises(SealBroken):
            Seal([OLD]).open("pr:{main}:once:1", sealed[:end])


def test_the_same_text_is_sealed_otherwise_each_time() -> None:
    assert Seal([OLD]).seal("a", b"text") != Seal([OLD]).seal("a", b"text")


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    old = Seal([OLD]).seal("a", b"text")
    both = Seal([NEW, OLD])
    assert both.open("a", old) == b"text"
    assert Seal([NEW]).open("a", both.seal("a", b"text")) == b"text"
    with pytest.raises(SealBroken, match="does not have"):
        Seal([NEW]).open("a", old)


def test_a_key_is_read_in_base64_and_in_hexadecimal_digits() -> None:
    raw = bytes(range(200, 232))
    forms = [base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("="), raw.hex()]
    for form in forms:
        assert keys_from({"PENNYROUTE_ANSWERS_KEY": f" {form}\n"}) == (SealingKey(raw),)
    assert keys_from({"PENNYROUTE_ANSWERS_KEY": ",".join(forms)}) == (SealingKey(raw),) * 3
    assert keys_from({}) == keys_from({"PENNYROUTE_ANSWERS_KEY": ""}) == ()


@pytest.mark.parametrize("text", ["secret", "00" * 32, "QUJD", "ü" * 32, f"{OLD.secret.hex()},", "g" * 64])
def test_a_key_that_is_none_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(SetupError, match="openssl rand") as caught:
        keys_from({"PENNYROUTE_ANSWERS_KEY": text})
    assert text.strip(",") not in str(caught.value)


def test_a_key_never_shows_itself() -> None:
    assert OLD.secret.hex() not in repr(OLD)
    assert "secret" not in repr(OLD)


def test_an_installation_makes_one_key_and_keeps_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    first = with_installation_key((), folder)
    assert with_installation_key((), folder) == first
    assert with_installation_key((NEW,), folder) == (NEW, *first)
    assert stat.S_IMODE((folder / "answers.key").stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == ["answers.key"]


def test_a_configured_key_needs_none_of_the_installation(tmp_path: Path) -> None:
    assert with_installation_key((NEW,), tmp_path) == (NEW,)
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_is_broken_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "answers.key"
    file.write_text("nonsense")
    file.chmod(0o600)
    with pytest.raises(SetupError, match=r"answers\.key"):
        with_installation_key((), tmp_path)
