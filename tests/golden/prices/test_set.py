"""What the set of fixtures is: how many, of how many shapes, of every preset, and made by what it says."""

import ast
import json
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from router.providers.presets import PRESETS
from tests.golden.prices import make

FIXTURES: list[dict[str, Any]] = [
    json.loads(line)
    for page in sorted(make.FIXTURES.glob("*.jsonl"))
    for line in page.read_text(encoding="utf-8").splitlines()
]
SOURCES = json.loads(make.SOURCES.read_text(encoding="utf-8"))
BUCKETS = {
    "cached_input",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
}


def shape_of(fixture: dict[str, Any]) -> tuple[object, ...]:
    """What tells shapes apart: the wire, whole or streamed, and the fields stated with the kind of each value.

    Numbers do not: 5 and 7 are one kind, 0 is another. Nor do model, provider, price or service tier.
    """
    stated = fixture.get("stream", [fixture["usage"]] if "usage" in fixture else [])
    return fixture["wire"], "stream" in fixture, tuple(frozenset(_kinds(usage)) for usage in stated)


def _kinds(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [kind for name, one in value.items() for kind in _kinds(one, f"{path}.{name}")] or [
            (path, "{}")
        ]
    if isinstance(value, list):
        return [kind for one in value for kind in _kinds(one, f"{path}[{one.get('modality')}]")]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [(path, "negative" if value < 0 else "zero" if value == 0 else "positive")]
    return [(path, type(value).__name__)]


def test_there_are_three_hundred_fixtures_of_sixty_shapes_and_no_two_alike() -> None:
    assert len(FIXTURES) >= 300
    assert len({shape_of(fixture) for fixture in FIXTURES}) >= 60
    assert len({json.dumps(fixture, sort_keys=True) for fixture in FIXTURES}) == len(FIXTURES)


def test_every_preset_is_among_them() -> None:
    assert {fixture["preset"] for fixture in FIXTURES} == set(PRESETS)


def test_every_bucket_tier_step_and_hour_is_among_them() -> None:
    buckets = {name for fixture in FIXTURES for name in fixture["buckets"] or ()}
    assert buckets == BUCKETS | {"input", "output"}
    written = json.dumps(FIXTURES)
    for word in (
        "flex",
        "priority",
        "batch",
        "default",
        '"speed": "fast"',
        "272001",
        "200001",
        "100001",
        "32001",
    ):
        assert word in written
    for stated in ("usd_per_hour", "watts", "per_request_usd", '"cost"', '"at"', '"served"'):
        assert stated in written
    assert sum(fixture["nano"] is None for fixture in FIXTURES) >= 10  # missing, zero, null, nonsense


def test_the_fixtures_are_what_their_script_makes() -> None:
    assert {page.name: page.read_text(encoding="utf-8") for page in make.FIXTURES.iterdir()} == make.pages()


def test_the_reference_has_no_code_of_the_product() -> None:
    for name in ("reference.py", "shapes.py", "make.py"):
        tree = ast.parse((Path(make.__file__).parent / name).read_text(encoding="utf-8"))
        imported = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {
            module for module in imported if module.split(".")[0] in ("router", "policies", "litellm")
        }


def test_every_price_is_stated_by_the_fixture_or_by_a_dated_source() -> None:
    for fixture in FIXTURES:
        if "price" not in fixture:
            assert date.fromisoformat(SOURCES["dates"][fixture["source"]]) < date(2026, 12, 1)


def test_the_prices_of_litellm_are_word_for_word_those_of_its_release() -> None:
    copied = {one["name"]: one for one in SOURCES["models"].values() if one["source"].startswith("litellm")}
    installed = make.installed_prices(copied)
    for name, one in copied.items():
        assert one["source"] == f"litellm {version('litellm')}"
        assert one["price"] == installed[name] | one.get("also", {})
