"""Outcomes of our own making: queries whose words say which model does well on them."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

_EASY = ("what colour is the", "name a town with a", "greet the", "spell the word", "find a rhyme for the")
_HARD = ("prove a bound for the", "derive the limit of the", "refute the claim about the", "invert the")
_THINGS = (
    "lantern",
    "river",
    "engine",
    "violin",
    "harbour",
    "meadow",
    "signal",
    "matrix",
    "ladder",
    "candle",
)
_ENDS = ("near the coast", "of last year", "in two steps", "without a diagram", "for a class", "by hand")


def rows(count: int, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Outcomes in the documented form; the small model does well on the easy ones only."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        hard = draw.random() < 0.5
        words = (draw.choice(_HARD if hard else _EASY), draw.choice(_THINGS), draw.choice(_ENDS))
        small = float(draw.random() < (0.3 if hard else 0.9))
        large = float(draw.random() < 0.95)
        made.append(
            {
                "id": f"row-{number}",
                "query": f"{' '.join(words)} {draw.choice(_THINGS)} {draw.randrange(90)}?",
                "category": words[0],
                "small": {"model": "s", "score": small, "cost_usd": 0.0001},
                "large": {"model": "l", "score": large, "cost_usd": None},
                **more,
            }
        )
    return made


def written(path: Path, some: list[dict[str, Any]]) -> Path:
    """The rows in a file, packed if its name ends in .gz."""
    text = "".join(json.dumps(row) + "\n" for row in some).encode()
    path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
    return path
