"""Writing a configuration into a file and checking it."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from router.settings import CheckedConfig, check_config

KEYS = {"TINY_KEY": "tiny-secret-1", "ANTHROPIC_API_KEY": "anthropic-secret-2"}

GOOD = """\
models:
  tiny: {provider: openai-compatible, base_url: http://127.0.0.1:9001/v1, model: tiny-1,
         api_key: os.environ/TINY_KEY, price: {input: 0.10, output: 0.40}}
  big:  {provider: anthropic, model: claude-opus-5-5}
routes:
  default: {small: tiny, large: big, threshold: 0.12}
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "pennyroute.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def check(
    directory: Path, text: str, environ: Mapping[str, str] = KEYS, *, priced: bool = True
) -> CheckedConfig:
    return check_config(write(directory, text), environ, lambda _provider, _model: priced)


def said(checked: CheckedConfig) -> list[str]:
    """The problems as a person reads them, without the directory."""
    return [str(problem).partition("pennyroute.yaml")[2].lstrip(":") for problem in checked.problems]
