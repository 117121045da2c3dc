"""docs/configuration.md says what the code does, and every example of a configuration is a good one."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.providers.presets import PRESETS, Lane
from router.settings import Settings, check_config
from router.settings.reference import with_reference
from router.settings.schema import FILE_NAME, schema_text
from tests.docs.pages import ROOT, page, pages

SMALLEST = """
models:
  tiny: {provider: offline, model: offline/small}
  big: {provider: offline, model: offline/large}
routes:
  default: {small: tiny, large: big}
"""


def examples() -> list[Any]:
    """Every YAML block that is a `pennyroute.yaml` or a part of one, with the page it is on."""
    found: list[Any] = []
    for one in pages():
        for block in one.blocks("yaml"):
            data = yaml.safe_load(block)
            if isinstance(data, dict) and data.keys() <= Settings.model_fields.keys():
                found.append(pytest.param(block, id=f"{one.name}-{len(found)}"))
    return found


@pytest.mark.parametrize("block", examples())
def test_every_example_is_a_configuration_without_a_problem(block: str, tmp_path: Path):
    data = yaml.safe_load(block)
    missing = {name: value for name, value in yaml.safe_load(SMALLEST).items() if name not in data}
    file = tmp_path / "pennyroute.yaml"
    file.write_text(block + (yaml.safe_dump(missing) if missing else ""), "utf-8")
    if "classifier" in data:
        shutil.copytree(ROOT / "classifiers" / "artifact", tmp_path / data["classifier"])
    environ = dict.fromkeys(re.findall(r"os\.environ/(\w+)", block), "a-key")
    environ |= {preset.key_env: "a-key" for preset in PRESETS.values() if preset.key_env}
    assert check_config(file, environ).problems == ()


def test_there_are_examples_to_check():
    assert len(examples()) >= 2


def test_the_reference_of_fields_is_as_the_code_has_them():
    text = page("docs/configuration.md").text
    assert text == with_reference(text), "run `make docs`"


def test_the_schema_is_as_the_code_has_it():
    assert (ROOT / "docs" / FILE_NAME).read_text("utf-8") == schema_text(), "run `make docs`"


def test_every_provider_is_in_the_table_with_its_key_and_its_lane():
    rows = re.findall(
        r"^\| `([^`]+)` \| [^|]+ \| (?:`(\w+)`)? ?\| (fast|wide) \|$",
        page("docs/configuration.md").text,
        re.MULTILINE,
    )
    assert rows == [
        (preset.name, preset.key_env or "", "fast" if preset.lane is Lane.FAST else "wide")
        for preset in PRESETS.values()
    ]
