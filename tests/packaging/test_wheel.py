"""What a wheel carries: all that the service needs when it runs, and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a freshly built wheel."""
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = out.glob("pennyroute-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_three_packages_is_in_it(names: set[str]):
    kept = {
        path.relative_to(ROOT).as_posix()
        for package in ("router", "classifiers", "policies")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if not name.startswith("pennyroute-")} == kept


@pytest.mark.parametrize("ending", [".lua", ".yaml", ".npz", "manifest.json", "workload.jsonl", "py.typed"])
def test_what_is_no_code_travels_along(names: set[str], ending: str):
    assert any(name.endswith(ending) for name in names)


def test_it_says_its_licence_and_its_command(names: set[str]):
    info = {name.partition("/")[2] for name in names if name.startswith("pennyroute-")}
    assert {"METADATA", "entry_points.txt", "licenses/LICENSE"} <= info
