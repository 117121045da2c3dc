"""The hand-set score: what a person would guess from a query's form, without any data.

Used alone as the `Heuristic`; and in what is trained where words are strange and a little in all free text,
because public benchmarks hold hardly any plain everyday queries. Every sign is fixed by hand: more reasoning
words, mathematics, code or length can only raise it, plain-errand words can only lower it.
"""

import math
from operator import mul
from typing import Final

from classifiers.features import FORM

HAND_WEIGHTS: Final[dict[str, float]] = {
    "question length": 0.65,
    "prompt length above 6.4": 0.15,
    "mathematical signs": 0.35,
    "code signs": 0.10,
    "TeX signs": 0.45,
    "contains code": 0.9,
    "asks for proof or design": 5.0,
    "reasoning words": 5.0,
    "expert vocabulary": 4.0,
    "plain-errand words": -10.0,
    "many turns": 0.2,
    "long system prompt": 0.05,
    "long history": 0.05,
    "has tools": 0.5,
    "has images": 0.3,
}
HAND_BIAS: Final = -5.0

GUESS: Final = tuple(HAND_WEIGHTS.get(name, 0.0) for name in FORM)

STRANGE_LENGTH: Final = 2.65
"""What length weighs where words are strange: on a collection left out nothing else ranked as well."""

WEIGHTS: Final = tuple(
    STRANGE_LENGTH if name == "question length" else weight for name, weight in zip(FORM, GUESS, strict=True)
)
"""The prior of training, which fits its scale; beside what was learned only the proportions count."""


def hand_score(form: list[float]) -> float:
    """The raw hand-set score of a query's form features: any real number, 0 where small and large may tie."""
    return HAND_BIAS + math.fsum(map(mul, form, GUESS))
