"""How long a difficulty takes: p50 and p99 of one, and the rate of a batch.

`assess` is what serving asks for, a score with reasons that quote nothing.

Texts are made here, from a fixed seed: "noise" is random words of natural lengths, most of them unknown to
the classifier; "prose" repeats the words of the prompts in classifier_everyday.jsonl, nearly all of them
known. "hostile" is the dearest to read that we know of: combining marks in the wrong order.

Usage: python benchmarks/classifier_latency.py [--classifier DIR] [--rounds N]
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.machine import machine
from classifiers import QueryFacts, default_classifier, load_artifact

PROMPTS = Path(__file__).with_name("classifier_everyday.jsonl")
SIZES = {"1 kB": 1_000, "100 kB": 100_000, "1 MB": 1_000_000}
BATCHES = 5
ENDS = [" "] * 14 + [", ", ". ", "? ", ".\n"]


def noise_words(draw: random.Random) -> list[str]:
    """Words of 1 to 12 letters."""
    lengths = (1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10, 12)
    return ["".join(draw.choices("etaoinshrdlcumwfgypbvk", k=draw.choice(lengths))) for _ in range(5_000)]


def prose_words(_draw: random.Random) -> list[str]:
    """Words of the everyday prompts, as often as they stand there."""
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    return [word for row in rows for word in row["query"].split()]


def texts(words: list[str], size: int, count: int, draw: random.Random) -> list[QueryFacts]:
    """Queries of exactly `size` characters: words, with punctuation, numbers and line breaks."""
    made = []
    for _ in range(count):
        pieces, length = [], 0
        while length < size:
            word = str(draw.randrange(10_000)) if draw.random() < 0.03 else draw.choice(words)
            pieces += [word, draw.choice(ENDS)]
            length += len(pieces[-1]) + len(word)
        made.append(QueryFacts("".join(pieces)[:size]))
    return made


def hostile(size: int) -> list[QueryFacts]:
    """One long run of combining marks that canonical ordering has to sort."""
    return [QueryFacts("a" + "\u0360\u0334" * (size // 2))]


def percentiles(call: Callable[[QueryFacts], object], queries: list[QueryFacts], rounds: int) -> str:
    taken = []
    for at in range(rounds):
        query = queries[at % len(queries)]
        start = time.perf_counter_ns()
        call(query)
        taken.append(time.perf_counter_ns() - start)
    p50, p99 = np.percentile(taken, [50, 99]) / 1e6
    return f"p50 {p50:.3f} ms  p99 {p99:.3f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", type=Path)
    parser.add_argument("--rounds", type=int, default=4_000)
    options = parser.parse_args()
    classifier = load_artifact(options.classifier) if options.classifier else default_classifier()
    print(f"command: python {' '.join(['benchmarks/classifier_latency.py', *sys.argv[1:]])}")
    print(f"machine: {machine()}, numpy {np.__version__}")
    print(f"classifier: {classifier.id}")
    draw = random.Random(0)
    for kind, words in (("noise", noise_words(draw)), ("prose", prose_words(draw))):
        for name, size in SIZES.items():
            queries = texts(words, size, 64 if size <= 1_000 else 4, draw)
            for call in (classifier.score, classifier.assess, classifier.explain):
                figures = percentiles(call, queries, options.rounds)
                print(f"{call.__name__:>8}, {kind:>7}, {name:>6}: {figures}")
    for name, size in SIZES.items():
        figures = percentiles(classifier.score, hostile(size), min(options.rounds, 400))
        print(f"{'score':>8}, {'hostile':>7}, {name:>6}: {figures}")
    batch = texts(prose_words(draw), 1_000, 64, draw) * 100
    rates = []
    for _ in range(BATCHES):
        start = time.perf_counter()
        classifier.score_many(batch)
        rates.append(len(batch) / (time.perf_counter() - start))
    print(
        f"score_many, prose, 1 kB: {sorted(rates)[BATCHES // 2]:,.0f} a second, the median of {BATCHES} "
        f"batches of {len(batch):,}; the best {max(rates):,.0f}"
    )


if __name__ == "__main__":
    main()
