"""How long a difficulty takes: p50 and p99 of one score, and the rate of a batch, on one core.

Texts are made here, from a fixed seed, of a vocabulary with a natural spread of word lengths.
Usage: python benchmarks/classifier_latency.py [--classifier DIR] [--rounds N]
"""

import argparse
import os
import platform
import random
import sys
import time
from pathlib import Path

import numpy as np

from classifiers import QueryFacts, default_classifier, load_artifact

SIZES = {"1 kB": 1_000, "100 kB": 100_000, "1 MB": 1_000_000}


def texts(size: int, count: int, seed: int = 0) -> list[QueryFacts]:
    """Queries of exactly `size` characters: words of 1 to 12 letters, with punctuation, numbers and line breaks."""
    draw = random.Random(seed)
    vocabulary = [
        "".join(
            draw.choices("etaoinshrdlcumwfgypbvk", k=draw.choice((1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 10, 12)))
        )
        for _ in range(5_000)
    ]
    ends = [" "] * 14 + [", ", ". ", "? ", ".\n"]
    made = []
    for _ in range(count):
        pieces, length = [], 0
        while length < size:
            word = str(draw.randrange(10_000)) if draw.random() < 0.03 else draw.choice(vocabulary)
            pieces += [word, draw.choice(ends)]
            length += len(pieces[-1]) + len(word)
        made.append(QueryFacts("".join(pieces)[:size]))
    return made


def machine() -> str:
    """Processor, cores and Python, for the record."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    model = next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown"
    )
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", type=Path)
    parser.add_argument("--rounds", type=int, default=4_000)
    options = parser.parse_args()
    classifier = load_artifact(options.classifier) if options.classifier else default_classifier()
    print(f"command: python {' '.join(sys.argv)}")
    print(f"machine: {machine()}")
    print(f"classifier: {classifier.id}")
    for name, size in SIZES.items():
        queries = texts(size, 64 if size <= 1_000 else 4)
        taken = []
        for at in range(options.rounds):
            query = queries[at % len(queries)]
            start = time.perf_counter_ns()
            classifier.score(query)
            taken.append(time.perf_counter_ns() - start)
        p50, p99 = np.percentile(taken, [50, 99]) / 1e6
        print(f"{name:>7}: p50 {p50:.3f} ms  p99 {p99:.3f} ms")
    batch = texts(1_000, 64) * 100
    start = time.perf_counter()
    classifier.score_many(batch)
    print(f"batch of 1 kB queries: {len(batch) / (time.perf_counter() - start):,.0f} a second")


if __name__ == "__main__":
    main()
