"""The artifact that is shipped: small, of these features, measured out of fold, and light to load."""

import json
import subprocess
import sys

import pytest

import classifiers
from classifiers import default_classifier
from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED
from classifiers.features import FEATURE_VERSION

HEAVY = (
    "sklearn",
    "scipy",
    "pyarrow",
    "pandas",
    "matplotlib",
    "litellm",
    "redis",
    "fastapi",
    "router",
    "policies",
)
MANIFEST = read_artifact(SHIPPED).manifest


def test_it_is_at_most_two_megabytes():
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 2_000_000
    assert sorted(file.name for file in SHIPPED.iterdir()) == ["manifest.json", "weights.npz"]


def test_it_is_of_these_features_and_names_itself_by_its_hash():
    assert MANIFEST["feature_version"] == FEATURE_VERSION
    assert default_classifier().id == f"{MANIFEST['name']}+sha256:{MANIFEST['weights_sha256'][:8]}"


def test_its_default_threshold_is_where_difficulties_are():
    assert 0.05 <= MANIFEST["default_threshold"] <= 0.15
    assert default_classifier().default_threshold == MANIFEST["default_threshold"]


@pytest.mark.parametrize("kind", ["random", "grouped", "leave-one-file-out"])
def test_its_manifest_has_out_of_fold_figures_of_every_kind(kind: str):
    figures = MANIFEST["out_of_fold"][kind]
    assert set(figures["by_file"]) == {"mmlu", "mixed", "routerbench"}
    for one in (figures, *figures["by_file"].values()):
        for ranking in (one["chosen"], one["length_alone"]):
            assert 0 < ranking["apgr"] < 1
            assert ranking["standard_error"] > 0
    assert 0 <= figures["calibration_error"] <= 0.1
    routed = figures["at_default_threshold"]
    assert routed["always_small"] < routed["quality"] < routed["always_large"]


def test_on_queries_like_those_it_learned_from_it_ranks_better_than_length_in_every_file():
    for one in MANIFEST["out_of_fold"]["random"]["by_file"].values():
        assert one["chosen"]["apgr"] > one["length_alone"]["apgr"]


def test_serving_imports_neither_what_training_needs_nor_the_other_rooms():
    code = (
        "import sys, json, classifiers; classifiers.default_classifier().score(classifiers.QueryFacts('hi'));"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert set(json.loads(loaded)).isdisjoint(HEAVY)


def test_everything_the_room_offers_is_there():
    offered = {"Classifier", "Difficulty", "Factor", "QueryFacts", "default_classifier", "load_artifact"}
    assert offered <= set(classifiers.__all__)
    assert all(hasattr(classifiers, name) for name in classifiers.__all__)
