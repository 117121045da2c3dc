"""What more labels of one's own bring: 50 to 10,000 of one file, started from an artifact of the other two.

The rows that are not learned from judge; near-copies of a row stand on its side. "prior" is the artifact of
the other two files as it is. Small counts are drawn several times and their APGRs averaged; ± is one standard
error of one draw, the difference is paired and on the same rows.

Usage: python benchmarks/learning_curve.py --outcomes DIR
"""

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.machine import machine
from classifiers import load_artifact
from classifiers.apgr import apgr, apgr_difference
from classifiers.neighbours import groups
from classifiers.outcomes import Outcome, read_outcomes
from classifiers.train import Choice, train

FILES = ("mmlu", "mixed", "routerbench")
LABELS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
DRAWS = {50: 8, 100: 8, 200: 6, 500: 4, 1_000: 2}
LEAST_JUDGED = 500


def drawn(group: np.ndarray, labels: int, seed: int) -> np.ndarray:
    """Which rows to learn from: whole groups in a drawn order, until they are so many rows."""
    order = np.random.default_rng(seed).permutation(int(group.max()) + 1)
    place = np.argsort(order)[group]
    sizes = np.bincount(place)
    return np.asarray((np.cumsum(sizes) - sizes)[place] < labels)


def judged(directory: Path, rows: list[Outcome]) -> np.ndarray:
    """Raw scores, which rank as difficulties do and never tie."""
    return np.array(load_artifact(directory).raw_many([row.facts for row in rows]))


def curve(name: str, options: argparse.Namespace, place: Path) -> None:
    """Prints one file's curve."""
    paths = {file: options.outcomes / f"{file}.jsonl.gz" for file in FILES}
    prior = place / f"without-{name}"
    others = [path for file, path in paths.items() if file != name]
    train(others, prior, choice=Choice(select_by="grouped", prior_share=0.5, prior=None))
    rows = read_outcomes([paths[name]]).rows
    group = groups([row.facts for row in rows])
    by_prior = judged(prior, rows)
    for labels in LABELS:
        if labels > len(rows) - LEAST_JUDGED:
            continue
        found, chosen = [], Counter[str]()
        for seed in range(DRAWS.get(labels, 1)):
            learned = drawn(group, labels, seed)
            path = place / f"{name}-{labels}-{seed}.jsonl"
            path.write_bytes(b"".join(row.line for row, inside in zip(rows, learned, strict=True) if inside))
            report = train([path], place / "own", choice=Choice(prior=prior, seed=seed))
            chosen[report.chosen] += 1
            rest = [row for row, inside in zip(rows, learned, strict=True) if not inside]
            small = np.array([row.small_score for row in rest])
            large = np.array([row.large_score for row in rest])
            raw, before = judged(place / "own", rest), by_prior[~learned]
            one, other = apgr(raw, small, large), apgr(before, small, large)
            found.append(
                (one.value, one.standard_error, other.value, *apgr_difference(raw, before, small, large))
            )
        own, error, before, apart, apart_error = np.array(found, dtype=float).mean(axis=0)
        worst, spread = min((gained, error) for *_, gained, error in found)
        picks = ", ".join(f"{pick} {count}" for pick, count in chosen.most_common())
        print(
            f"{name:<12} {labels:>6} {own:.3f} ± {error:.3f}  prior {before:.3f}  {apart:+.3f} ± "
            f"{apart_error:.3f}  worst draw {worst:+.3f} ± {spread:.3f}  {picks}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True, metavar="DIR")
    parser.add_argument("--files", nargs="+", default=FILES, choices=FILES)
    options = parser.parse_args()
    print("command: python benchmarks/learning_curve.py --outcomes DIR")
    print(f"machine: {machine()}")
    with tempfile.TemporaryDirectory() as place:
        for name in options.files:
            curve(name, options, Path(place))


if __name__ == "__main__":
    main()
