"""The artifact: a directory with `manifest.json` and `weights.npz`. Data only; loading one runs no code.

`weights.npz` is read without pickle, only after its size is within bounds and its SHA-256 equals the
manifest's; its arrays serve only if they have the types and shapes that this version's features ask for.
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from classifiers import arrays as npz
from classifiers.blend import Blend
from classifiers.errors import ArtifactError
from classifiers.features import BUCKETS, FEATURE_VERSION, FORM, FORMATS, NO_TAG
from classifiers.model import LearnedClassifier, Model
from classifiers.neighbours import RARE_KEPT
from classifiers.ranking import BLEND_NUMBERS, TRUST_FROM, TRUST_FULL, Weights
from classifiers.vocabulary import VOCABULARY_BYTES

FORMAT: Final = "pennyroute-classifier"
FORMAT_VERSION: Final = 2
MANIFEST: Final = "manifest.json"
WEIGHTS: Final = "weights.npz"
MAX_MANIFEST_BYTES: Final = 1 << 20
MAX_WEIGHTS_BYTES: Final = 16 << 20
MAX_UNPACKED_BYTES: Final = 64 << 20
_MAX_CHANNELS: Final = 8
_MAX_KNOTS: Final = 4096
_WIDEST: Final = 1e12
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,80}")
_PRIOR: Final = "prior."
"""What the names of a second ranking's arrays begin with."""


@dataclass(frozen=True, slots=True)
class Learned:
    """Which rows an artifact learned from.

    `row_hashes` (sorted) are the `neighbours.copy_hashes` of each; `rare_shingles` (rows, RARE_KEPT) are 32
    bits of shingles of each row that few rows share: see `neighbours.rarest`. `apart_hashes` (sorted) are
    `neighbours.row_hash` of the rows that were kept apart by comparing them in full.
    """

    row_hashes: npt.NDArray[np.uint64]
    rare_shingles: npt.NDArray[np.uint32]
    apart_hashes: npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a directory holds: classifier, manifest, which rows it learned from, and its recipe."""

    classifier: LearnedClassifier
    manifest: dict[str, Any]
    learned: Learned
    blend: Blend

    @property
    def row_hashes(self) -> npt.NDArray[np.uint64]:
        """See `Learned`."""
        return self.learned.row_hashes


def load_artifact(directory: Path) -> LearnedClassifier:
    """The classifier in a directory.

    Raises:
        ArtifactError: nothing there, altered since it was written, or made by another version of the
        features.
    """
    return read_artifact(directory).classifier


def read_artifact(directory: Path) -> Artifact:
    """Everything in a directory, checked; raises as `load_artifact`."""
    manifest = _read_manifest(directory)
    packed = _read_bounded(directory / WEIGHTS, MAX_WEIGHTS_BYTES)
    digest = hashlib.sha256(packed).hexdigest()
    expected = _text(manifest, "weights_sha256", directory)
    if digest != expected:
        raise ArtifactError(
            f"{directory / WEIGHTS}: SHA-256 is {digest[:12]}…, the manifest says {expected[:12]}…; "
            "the file was altered or belongs to another artifact: train again or restore it"
        )
    arrays = _unpack(packed, directory)
    classifier = LearnedClassifier(
        _model(arrays, directory),
        name=checked_name(_text(manifest, "name", directory)),
        digest=digest,
        default_threshold=_share(manifest, "default_threshold", directory),
        familiar_from=_share(manifest, "familiar_from", directory),
    )
    learned = Learned(
        _array(arrays, "row_hashes", np.dtype(np.uint64), (None,), directory),
        _array(arrays, "rare_shingles", np.dtype(np.uint32), (None, RARE_KEPT), directory),
        _array(arrays, "apart_hashes", np.dtype(np.uint64), (None,), directory),
    )
    return Artifact(classifier, manifest, learned, _blend(manifest, directory))


def checked_name(name: str) -> str:
    """The name itself: it stands in decisions, in logs and on terminals, so not any character will do.

    Raises:
        ArtifactError: it is no name of an artifact.
    """
    if not _NAME.fullmatch(name):
        raise ArtifactError(
            f"{name[:80]!r} is no name of an artifact: 1 to 80 letters A to Z, digits, '.', '_' and '-'"
        )
    return name


def write_artifact(
    directory: Path, model: Model, learned: Learned, manifest: dict[str, Any]
) -> dict[str, Any]:
    """Write both files and return the manifest as written. The same input gives the same bytes."""
    packed = packed_arrays(model, learned)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / WEIGHTS).write_bytes(packed)
    whole = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "feature_version": FEATURE_VERSION,
        "weights_sha256": hashlib.sha256(packed).hexdigest(),
        "weights_bytes": len(packed),
        **manifest,
    }
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return whole


def packed_arrays(model: Model, learned: Learned) -> bytes:
    """What `weights.npz` holds."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "row_hashes": np.sort(learned.row_hashes),
        "rare_shingles": learned.rare_shingles,
        "apart_hashes": np.sort(learned.apart_hashes),
        "knots": model.knots,
        "vocabulary": model.vocabulary,
        **_named("", model.weights),
        **(_named(_PRIOR, model.prior) if model.prior is not None else {}),
    }
    return npz.pack(arrays)


def _named(prefix: str, weights: Weights) -> dict[str, npt.NDArray[Any]]:
    return {f"{prefix}{field.name}": getattr(weights, field.name) for field in fields(weights)}


def _read_bounded(path: Path, most: int) -> bytes:
    try:
        with open(path, "rb", opener=_unwaiting) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            data = file.read(most + 1) if regular else b""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) else error
        raise ArtifactError(
            f"{path}: cannot be read ({why}); is this a directory made by `train`?"
        ) from error
    if not regular:
        raise ArtifactError(f"{path}: cannot be read (no regular file); is this a directory made by `train`?")
    if len(data) > most:
        raise ArtifactError(f"{path}: larger than {most} bytes, which no artifact is")
    return data


def _unwaiting(path: str, flags: int) -> int:
    """Opens without waiting for a writer: a pipe in the place of a file would hang the service."""
    return os.open(path, flags | os.O_NONBLOCK)


def _read_manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    try:
        manifest = json.loads(_read_bounded(path, MAX_MANIFEST_BYTES))
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path}: not JSON ({error})") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ArtifactError(f'{path}: not a classifier manifest ("format" should be "{FORMAT}")')
    for key, ours in (("format_version", FORMAT_VERSION), ("feature_version", FEATURE_VERSION)):
        if manifest.get(key) != ours:
            raise ArtifactError(
                f"{path}: {key} is {manifest.get(key)!r}, this version reads {ours}: train the artifact again"
            )
    return manifest


def _text(manifest: dict[str, Any], key: str, directory: Path) -> str:
    value = manifest.get(key)
    if not isinstance(value, str) or not value:
        raise ArtifactError(f"{directory / MANIFEST}: {key!r} should be a text, is {value!r}")
    return value


def _share(manifest: dict[str, Any], key: str, directory: Path) -> float:
    value = manifest.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ArtifactError(f"{directory / MANIFEST}: {key!r} should be a number from 0 to 1, is {value!r}")
    return float(value)


def _blend(manifest: dict[str, Any], directory: Path) -> Blend:
    head = manifest.get("head")
    try:
        return Blend.read(head.get("blend") if isinstance(head, dict) else None)
    except ValueError as error:
        raise ArtifactError(f"{directory / MANIFEST}: 'blend' of 'head' {error}") from error


def _unpack(packed: bytes, directory: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        return npz.unpack(packed, most_bytes=MAX_UNPACKED_BYTES)
    except ValueError as error:
        raise ArtifactError(f"{directory / WEIGHTS}: {error}") from error


def _array(
    arrays: dict[str, npt.NDArray[Any]],
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int | None, ...],
    directory: Path,
) -> npt.NDArray[Any]:
    array = arrays.get(name)
    if array is None:
        raise ArtifactError(f"{directory / WEIGHTS}: array {name!r} is missing")
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape, strict=True))
    if array.dtype != dtype or not fits:
        raise ArtifactError(
            f"{directory / WEIGHTS}: array {name!r} is {array.dtype}{array.shape}, "
            f"these features need {dtype}{shape}"
        )
    if array.dtype == np.float64 and not np.isfinite(array).all():
        raise ArtifactError(f"{directory / WEIGHTS}: array {name!r} holds a number that is not finite")
    return array


def _model(arrays: dict[str, npt.NDArray[Any]], directory: Path) -> Model:
    knots = _array(arrays, "knots", np.dtype(np.float64), (2, None), directory)
    rising = bool(np.all(np.diff(knots[0]) > 0) and np.all(np.diff(knots[1]) >= 0))
    inside = bool(np.all((knots[1] >= 0) & (knots[1] <= 1)) and np.all(np.abs(knots) <= _WIDEST))
    if not 1 <= knots.shape[1] <= _MAX_KNOTS or not rising or not inside:
        raise ArtifactError(f"{directory / WEIGHTS}: the calibration curve is not a rising curve from 0 to 1")
    second = any(name.startswith(_PRIOR) for name in arrays)
    return Model(
        weights=_weights(arrays, "", directory),
        knots=knots,
        vocabulary=_array(arrays, "vocabulary", np.dtype(np.uint8), (VOCABULARY_BYTES,), directory),
        prior=_weights(arrays, _PRIOR, directory) if second else None,
    )


def _weights(arrays: dict[str, npt.NDArray[Any]], prefix: str, directory: Path) -> Weights:
    real, features = np.dtype(np.float64), len(FORM)
    coefficients = _array(arrays, f"{prefix}coefficients", real, (None,), directory)
    channels = len(coefficients)
    if not 1 <= channels <= _MAX_CHANNELS:
        raise ArtifactError(f"{directory / WEIGHTS}: {channels} channels, expected 1 to {_MAX_CHANNELS}")

    def numbers(name: str, *shape: int) -> npt.NDArray[Any]:
        return _array(arrays, prefix + name, real, shape, directory)

    table = _array(arrays, f"{prefix}table", np.dtype(np.int16), (BUCKETS, channels + 2), directory)
    weights = Weights(
        table=table,
        scales=numbers("scales", channels + 1),
        bias=numbers("bias", FORMATS, channels),
        coefficients=coefficients,
        logistic=_array(arrays, f"{prefix}logistic", np.dtype(np.bool_), (channels,), directory),
        form_weights=numbers("form_weights", FORMATS, features, channels),
        form_low=numbers("form_low", features),
        form_high=numbers("form_high", features),
        form_mean=numbers("form_mean", features),
        prior_form=numbers("prior_form", features),
        blend=numbers("blend", BLEND_NUMBERS),
    )
    if weights.scales[-1] < 0 or (table[:, -2] < 0).any() or (table[:, -1] < NO_TAG).any():
        raise ArtifactError(f"{directory / WEIGHTS}: negative document frequencies or tags")
    if (weights.form_low > weights.form_high).any():
        raise ArtifactError(f"{directory / WEIGHTS}: a form feature's range ends below its start")
    if weights.blend[TRUST_FROM] >= weights.blend[TRUST_FULL]:
        raise ArtifactError(f"{directory / WEIGHTS}: trust in known words ends before its start")
    _reject_overflow(weights, directory)
    return weights


def _reject_overflow(weights: Weights, directory: Path) -> None:
    """Finite weights can overflow to infinity when added up; a sound artifact stays far below this."""
    widest = max(
        float(np.abs(array).max(initial=0.0))
        for array in (
            weights.scales,
            weights.bias,
            weights.coefficients,
            weights.form_weights,
            weights.form_low,
            weights.form_high,
            weights.form_mean,
            weights.prior_form,
            weights.blend,
        )
    )
    if widest > _WIDEST:
        raise ArtifactError(
            f"{directory / WEIGHTS}: holds a weight of {widest:g}, beyond any that training gives"
        )
