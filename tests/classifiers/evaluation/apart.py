"""Outcomes whose queries are no near-copies of each other, so that some may be learned from and others judged."""

import random
from typing import Any

from tests.classifiers.outcome_rows import rows

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def rows_apart(count: int, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """`outcome_rows.rows`, each with words at its end that stand nowhere else."""
    draw = random.Random(f"apart {seed}")
    made = rows(count, seed, **more)
    for row in made:
        names = ["".join(draw.choices(_LETTERS, k=7)) for _ in range(12)]
        row["query"] += f" Mind {' '.join(names)}."
    return made
