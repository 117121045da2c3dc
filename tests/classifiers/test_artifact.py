"""An artifact is data: what is altered, cut short, swollen or of another version is refused by name."""

import hashlib
import io
import json
import os
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from classifiers import ArtifactError, QueryFacts, load_artifact
from classifiers import arrays as npz
from classifiers.artifact import MAX_MANIFEST_BYTES, MAX_WEIGHTS_BYTES, read_artifact, write_artifact
from classifiers.features import BUCKETS, FEATURE_VERSION
from classifiers.train import TrainingReport

Manifest = dict[str, Any]
Members = dict[str, bytes]


def resigned(place: Path, packed: bytes) -> None:
    """Puts other weights there, with a manifest that vouches for them."""
    manifest = json.loads((place / "manifest.json").read_text())
    manifest["weights_sha256"] = hashlib.sha256(packed).hexdigest()
    (place / "weights.npz").write_bytes(packed)
    (place / "manifest.json").write_text(json.dumps(manifest))


def arrays_of(place: Path) -> dict[str, Any]:
    return npz.unpack((place / "weights.npz").read_bytes(), most_bytes=1 << 30)


def zipped(members: Members, packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def member(array: Any, *, pickled: bool = False) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=pickled)
    return file.getvalue()


def claiming(shape: tuple[int, ...]) -> bytes:
    """An array file whose header claims a shape that nothing stands behind."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_what_is_written_is_read_again_and_scores_the_same(copied: Path, trained: TrainingReport):
    artifact = read_artifact(copied)
    again = copied / "again"
    extra = {key: value for key, value in artifact.manifest.items() if key != "weights_sha256"}
    write_artifact(again, artifact.classifier.model, artifact.learned, extra)
    assert (again / "weights.npz").read_bytes() == (copied / "weights.npz").read_bytes()
    facts = QueryFacts("prove a bound for the river")
    assert load_artifact(again).score(facts) == load_artifact(trained.directory).score(facts)
    assert load_artifact(again).id == load_artifact(trained.directory).id


def test_weights_in_memory_cannot_be_written_to(trained: TrainingReport):
    with pytest.raises(ValueError, match="read-only"):
        load_artifact(trained.directory).model.weights.table[0, 0] = 1


@pytest.mark.parametrize("name", ["manifest.json", "weights.npz"])
def test_a_missing_file_is_named(copied: Path, name: str):
    (copied / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name}: cannot be read .*made by `train`"):
        load_artifact(copied)


def test_a_directory_that_is_not_there_or_no_directory_is_refused(copied: Path):
    for place in (copied / "nowhere", copied / "weights.npz", Path("a\0b"), copied.parent):
        with pytest.raises(ArtifactError, match="cannot be read"):
            load_artifact(place)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(data=st.data())
def test_any_altered_byte_of_the_weights_is_noticed(copied: Path, trained: TrainingReport, data: Any):
    packed = bytearray((trained.directory / "weights.npz").read_bytes())
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    (copied / "weights.npz").write_bytes(packed)
    with pytest.raises(ArtifactError, match=r"SHA-256 is .* altered or belongs to another artifact"):
        load_artifact(copied)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_altered_weights_that_the_manifest_vouches_for_are_refused_or_are_sound(
    copied: Path, trained: TrainingReport, data: Any
):
    packed = bytearray((trained.directory / "weights.npz").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.sampled_from([len(packed), len(packed) // 2, len(packed) - 1, 1, 0]))
    resigned(copied, bytes(packed[:cut]))
    try:
        classifier = load_artifact(copied)
    except ArtifactError as error:
        assert "weights.npz: " in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert 0 <= classifier.score(QueryFacts("prove it")) <= 1


def test_weights_cut_short_are_refused(copied: Path):
    packed = (copied / "weights.npz").read_bytes()
    (copied / "weights.npz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ArtifactError, match="SHA-256"):
        load_artifact(copied)


@pytest.mark.parametrize(
    ("name", "most"), [("weights.npz", MAX_WEIGHTS_BYTES), ("manifest.json", MAX_MANIFEST_BYTES)]
)
def test_a_huge_file_is_refused_unread(copied: Path, name: str, most: int):
    with (copied / name).open("r+b") as file:
        file.truncate(most + 1)  # sparse
    with pytest.raises(ArtifactError, match=f"larger than {most} bytes"):
        load_artifact(copied)


@pytest.mark.parametrize("name", ["manifest.json", "weights.npz"])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_waits_for_nobody(copied: Path, name: str):
    (copied / name).unlink()
    os.mkfifo(copied / name)
    with pytest.raises(ArtifactError, match=rf"{name}: cannot be read \(no regular file\)"):
        load_artifact(copied)


def blended(spoil: Callable[[Manifest], Any]) -> Callable[[Manifest], Manifest]:
    return lambda m: m | {"head": m["head"] | {"blend": spoil(m["head"]["blend"])}}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda m: m | {"format_version": 1}, "format_version is 1, this version reads 2: train the artifact again"),
        (lambda m: m | {"feature_version": 1}, f"feature_version is 1, this version reads {FEATURE_VERSION}"),
        (lambda m: m | {"feature_version": None}, "feature_version is None"),
        (lambda m: m | {"format": "other"}, "not a classifier manifest"),
        (lambda m: m | {"weights_sha256": 7}, "'weights_sha256' should be a text"),
        (lambda m: m | {"name": ""}, "'name' should be a text"),
        (lambda m: m | {"name": "a\x1b[2Jb"}, r"'a\\x1b\[2Jb' is no name of an artifact"),
        (lambda m: m | {"name": "a\n"}, "is no name of an artifact"),
        (lambda m: m | {"name": "a" * 81}, "is no name of an artifact: 1 to 80 letters"),
        (lambda m: m | {"default_threshold": 1.5}, "'default_threshold' should be a number from 0 to 1"),
        (lambda m: m | {"default_threshold": True}, "'default_threshold' should be a number"),
        (lambda m: m | {"default_threshold": float("nan")}, "'default_threshold' should be a number"),
        (lambda m: m | {"familiar_from": "0.4"}, "'familiar_from' should be a number"),
        (lambda m: [m], "not a classifier manifest"),
        (lambda m: {key: value for key, value in m.items() if key != "head"}, "'blend' of 'head' should be an object"),
        (lambda m: m | {"head": [1]}, "'blend' of 'head' should be an object"),
        (blended(lambda b: {"coefficients": b["coefficients"]}), "'blend' of 'head' should be an object of coeff"),
        (blended(lambda b: b | {"more": 1.0}), "'blend' of 'head' should be an object"),
        (blended(lambda b: b | {"coefficients": {"nope": 1.0}}), "coefficients of gap, small_ok, .* nothing else"),
        (blended(lambda b: b | {"coefficients": {"gap": float("nan")}}), "should have a number as gap"),
        (blended(lambda b: b | {"offset": float("inf")}), "should have a number as offset"),
        (blended(lambda b: b | {"offset": 10**400}), "should have a number as offset"),
        (blended(lambda b: b | {"steady": True}), "should have a number as steady"),
        (blended(lambda b: b | {"trust_full": b["trust_from"]}), "trust_full that is not above its trust_from"),
    ],
)  # fmt: skip
def test_a_manifest_of_another_version_or_shape_is_refused(
    copied: Path, spoil: Callable[[Manifest], Any], says: str
):
    manifest = spoil(json.loads((copied / "manifest.json").read_text()))
    (copied / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=says):
        load_artifact(copied)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_a_manifest_that_is_not_json_is_refused(copied: Path, text: bytes):
    (copied / "manifest.json").write_bytes(text)
    with pytest.raises(ArtifactError, match="manifest"):
        load_artifact(copied)


class Bomb:
    """Unpickling one of these would run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("code was run",))


BOMB = pickle.dumps(Bomb())
DEEP = b"\x93NUMPY\x01\x00" + (9_000).to_bytes(2, "little") + b"(" * 9_000


@pytest.mark.parametrize(
    ("packed", "says"),
    [
        (b"not a zip", "not a readable array file"),
        (BOMB, "not a readable array file"),
        (zipped({"table.npy": BOMB}), "not a readable array file"),
        (zipped({"table.npy": member(np.array([Bomb()], dtype=object), pickled=True)}), "not of numbers"),
        (zipped({"table.npy": claiming((10**12,))}), "says it is float64"),
        (zipped({"table.npy": claiming((-1,))}), "not of numbers"),
        (zipped({"table.npy": claiming((10**12, 0)) + b"x"}), "says it is float64"),
        (zipped({"table.npy": DEEP}), "not of numbers"),
        (zipped({"table.npy": member(np.asfortranarray(np.ones((2, 2))))}), "by row"),
        (zipped({"bomb.npy": bytes(70 << 20)}), "unpacks to 73400320 bytes, more than 67108864"),
        (zipped({f"{at}.npy": b"" for at in range(100)}), "100 members"),
        (zipped({"table.txt": b"hello"}), "not an array packed as numpy packs them"),
        (zipped({"table.npy": b"x"}, zipfile.ZIP_LZMA), "not an array packed as numpy packs them"),
        (zipped({}), "array 'knots' is missing"),
    ],
    ids=["text", "pickle", "pickled member", "object array", "claims 8 TB", "negative", "zero", "nested",
         "by column", "zip bomb", "many members", "no array", "lzma", "empty"],
)  # fmt: skip
def test_a_hostile_array_file_is_refused_even_if_the_manifest_vouches_for_it(
    copied: Path, packed: bytes, says: str
):
    resigned(copied, packed)
    with pytest.raises(ArtifactError, match=says):
        load_artifact(copied)


def test_a_zip_that_lies_about_its_sizes_is_refused(copied: Path):
    packed = bytearray(zipped({"bias.npy": bytes(50 << 20)}))
    real = (50 << 20).to_bytes(4, "little")
    while (at := packed.find(real)) >= 0:
        packed[at : at + 4] = (100).to_bytes(4, "little")
    resigned(copied, bytes(packed))
    with pytest.raises(ArtifactError, match="not a readable array file"):
        load_artifact(copied)


def test_a_zip_that_lies_about_its_sizes_takes_no_more_memory_than_it_says(copied: Path):
    real = 192 << 20
    packed = bytearray(zipped({"row_hashes.npy": bytes(real)}))
    while (at := packed.find(real.to_bytes(4, "little"))) >= 0:
        packed[at : at + 4] = (8).to_bytes(4, "little")
    resigned(copied, bytes(packed))
    tracemalloc.start()
    try:
        with pytest.raises(ArtifactError, match="not a readable array file"):
            load_artifact(copied)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def replaced(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def spoil(arrays: dict[str, Any]) -> None:
        arrays[name] = change(arrays[name].copy())

    return spoil


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda arrays: arrays.pop("table"), "array 'table' is missing"),
        (replaced("table", lambda a: a[:-1]), f"array 'table' is int16.* need int16.{BUCKETS}"),
        (replaced("table", lambda a: a.astype(np.int32)), "array 'table' is int32"),
        (replaced("table", lambda a: a - 30_000), "negative document frequencies or tags"),
        (replaced("bias", lambda a: a * np.nan), "array 'bias' holds a number that is not finite"),
        (replaced("form_weights", lambda a: a + np.inf), "not finite"),
        (replaced("form_weights", lambda a: a + 1e300), "beyond any that training gives"),
        (replaced("form_mean", lambda a: a + 1e300), "beyond any that training gives"),
        (replaced("form_weights", lambda a: a[:-1]), "array 'form_weights'"),
        (replaced("form_low", lambda a: a + 1e6), "range ends below its start"),
        (replaced("knots", lambda a: a[:, ::-1]), "not a rising curve from 0 to 1"),
        (replaced("knots", lambda a: a * 9), "not a rising curve from 0 to 1"),
        (replaced("knots", lambda a: a[:, :0]), "not a rising curve from 0 to 1"),
        (replaced("coefficients", lambda a: a[:0]), "0 channels, expected 1 to 8"),
        (replaced("bias", lambda a: a[:-1]), "array 'bias' is float64"),
        (replaced("vocabulary", lambda a: a[:-1]), "array 'vocabulary' is uint8"),
        (replaced("blend", np.zeros_like), "trust in known words ends before its start"),
        (replaced("rare_shingles", lambda a: a[:, :1]), "array 'rare_shingles' is uint32"),
        (replaced("row_hashes", lambda a: a.astype(np.int64)), "array 'row_hashes' is int64"),
    ],
)
def test_arrays_that_do_not_fit_these_features_are_refused(
    copied: Path, spoil: Callable[[dict[str, Any]], None], says: str
):
    arrays = arrays_of(copied)
    spoil(arrays)
    resigned(copied, npz.pack(arrays))
    with pytest.raises(ArtifactError, match=says):
        load_artifact(copied)
