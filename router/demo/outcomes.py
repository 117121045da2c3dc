"""Example outcomes: made up, and named so, for trying `train`, `evaluate` and `tune` before having any.

Nobody asked a model anything. Queries are put together from phrases, scores are drawn with chances that
depend on the kind of query, and costs are the bundled offline upstream's example prices at drawn lengths.
What comes of them shows how the commands work and says nothing about any model.
"""

import json
import random
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from router.pricing.book import PriceBook, load_book
from router.pricing.money import NANO_PER_USD
from router.pricing.price import cost_nano
from router.pricing.tokens import count_tokens
from router.pricing.usage import Usage
from router.settings.zero_config import OFFLINE_LARGE, OFFLINE_SMALL

ROWS: Final = 2_000
_PHRASES: Final = "outcomes.json"
_PROVIDER: Final = "offline"
_LENGTHS_VARY: Final = 0.4  # standard deviation of their logarithm


def write_example_outcomes(path: Path, *, rows: int = ROWS, seed: int = 0) -> None:
    """Writes them as JSON lines; the same seed and number give the same bytes.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in example_outcomes(rows, seed):
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def example_outcomes(rows: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """The rows, in the outcome format."""
    phrases = json.loads((files("router.demo") / _PHRASES).read_text(encoding="utf-8"))
    kinds: list[dict[str, Any]] = phrases["kinds"]
    draw, book = random.Random(seed), load_book()  # noqa: S311 - examples are no secrets
    for number in range(rows):
        (kind,) = draw.choices(kinds, [kind["share"] for kind in kinds])
        query = _query(draw, draw.choice(kind["phrases"]), phrases)
        output_tokens = max(1, round(draw.lognormvariate(0.0, _LENGTHS_VARY) * kind["output_tokens"]))
        usage = Usage(count_tokens(query), output_tokens)
        yield {
            "id": f"example-{number}",
            "query": query,
            "category": kind["name"],
            "small": _tier(draw, kind["small_right"], OFFLINE_SMALL, usage, book),
            "large": _tier(draw, kind["large_right"], OFFLINE_LARGE, usage, book),
            "judged_by": "example",
        }


def _query(draw: random.Random, phrase: str, phrases: dict[str, Any]) -> str:
    people = draw.sample(phrases["people"], 3)
    properties = draw.sample(phrases["properties"], 2)
    return phrase.format(
        person=people[0],
        person2=people[1],
        person3=people[2],
        place=draw.choice(phrases["places"]),
        thing=draw.choice(phrases["things"]),
        fault=draw.choice(phrases["faults"]),
        tongue=draw.choice(phrases["tongues"]),
        subject=draw.choice(phrases["subjects"]),
        property=properties[0],
        property2=properties[1],
        number=draw.randint(20, 9_999),
        hour=draw.randint(7, 18),
    )


def _tier(draw: random.Random, right: float, model: str, usage: Usage, book: PriceBook) -> dict[str, Any]:
    price = book.price(_PROVIDER, model)
    cost = None if price is None else cost_nano(usage, price) / NANO_PER_USD
    return {"model": model, "score": float(draw.random() < right), "cost_usd": cost}
