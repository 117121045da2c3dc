"""A configuration to replay through, and traffic for it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from router.replay.configuration import Configuration, Terms
from router.replay.deciding import Replayed
from router.replay.replay import Result, replay
from router.replay.traffic import rows_of

CONFIG = """\
models:
  tiny: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", price: {input: 0.10, output: 0.40},
         context_window: 300, supports: {tools: false, vision: false}}
  big: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", price: {input: 2, output: 10},
        context_window: 3000}
  blind: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1", price: {input: 1, output: 1},
          supports: {vision: false}}
  unpriced: {provider: openai-compatible, base_url: "http://127.0.0.1:9/v1"}
routes:
  default: {small: tiny, large: big, threshold: 0.12}
  support: {small: tiny, large: big, threshold: 0.3, caps: {max_input_tokens: 100}}
  floored: {small: tiny, large: big, quality_floor: 0.95}
  worth: {small: tiny, large: big, value_usd: 0.01}
  text: {small: tiny, large: blind, threshold: 0.12}
  no-price: {small: tiny, large: unpriced, threshold: 0.12, price: unknown-ok}
"""


def configured(folder: Path, label: str = "A", **thresholds: float) -> Configuration:
    """The configuration, with thresholds named for the replay."""
    path = folder / "pennyroute.yaml"
    path.write_text(CONFIG)
    return Configuration.of(Terms(label, path, thresholds))


def lines(path: Path, some: Sequence[Any]) -> Path:
    """A file of JSON lines; a text stands as it is."""
    path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in some))
    return path


def results(paths: Sequence[Path], *through: Configuration, route: str | None = None) -> list[Result]:
    """What comes of files."""
    return replay(rows_of(paths, route), through, lambda _: None)


def replayed(paths: Sequence[Path], *through: Configuration, route: str | None = None) -> list[Replayed]:
    """The same, where all can be replayed."""
    found = results(paths, *through, route=route)
    assert all(isinstance(one, Replayed) for one in found), found
    return [one for one in found if isinstance(one, Replayed)]
