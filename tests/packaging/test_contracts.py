"""The import contracts hold, and one that is broken is found."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The three packages, to break."""
    for package in ("router", "classifiers", "policies"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def broken(root: Path) -> set[str]:
    """The names of the contracts that are broken, as lint-imports reports them."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(r"^Contracts: \d+ kept, \d+ broken", done.stdout, re.MULTILINE), (
        done.stdout + done.stderr
    )
    return set(re.findall(r"^(.+?) BROKEN\b", done.stdout, re.MULTILINE))


def add(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


def test_every_contract_holds(copy: Path):
    assert broken(copy) == set()


def test_each_wrong_import_is_found(copy: Path):
    add(copy / "policies" / "choice.py", "\nimport random\nimport numpy\n")
    add(copy / "policies" / "caps.py", "\nimport classifiers\nimport router\n")
    add(copy / "classifiers" / "model.py", "\nimport sklearn\n")
    add(
        copy / "router" / "core.py",
        "\nimport litellm, redis, fastapi, aiohttp, pickle, rich, uvicorn\nimport classifiers.train\n",
    )
    assert broken(copy) >= {
        "Arrows go one way: router to policies, router to classifiers",
        "Policies and classifiers do not know each other",
        "Policies have no clock, no chance and no world of their own: those come in as arguments",
        "Policies use numpy and scipy in the certificate and tuning files only",
        "Choosing loads no numbers library",
        "Scoring never loads what only training needs",
        "An artifact is data: nothing here reads pickles",
        "The router trains from the command line only",
        "One file imports litellm",
        "One folder imports redis",
        "One folder imports FastAPI",
        "One place opens outgoing HTTP",
        "One folder speaks to the terminal; the report's table is drawn beside its figures",
        "Two files start an ASGI server: ours and the bundled upstreams'",
    }
