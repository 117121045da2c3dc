"""Does a certificate keep its promise, and what does its certainty cost?

Each file of outcomes is a population: rows are drawn from it with replacement, a threshold is certified on
them, and the quality that this threshold really has, over the whole file, is compared with the floor. Per
file, number of rows and floor:

  missed  share of draws whose certified threshold is below the floor on the whole file; what the confidence
          leaves, 5 %, is the most there should be (5.8 % allows for the noise of 3,000 draws)
  cost    what certainty costs: mean share of the whole file to large at the certified threshold, less that of
          the least costly threshold that keeps the floor, in points (100 points: everything)
  ratio   that cost as a multiple of plain Student's in the same draws; 1.1 at most where Student holds

Difficulties are out of fold, by `classifiers.train` on each file alone; they are kept in a file, so that the
benchmark can be run again on the same ones. A second table has other bounds on fewer draws, a third what a
judge does that takes a quarter of the small model's failures for successes: certified on its scores alone,
corrected by hand scores of some of the rows, and on those hand scores alone.

Usage: python benchmarks/guarantee.py --outcomes DIR --difficulties FILE.npz
           [--draws N] [--compare N] [--judged N] [--processes N]
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.guarantee_bounds import OTHERS, Bound, Sample, naive, student
from benchmarks.machine import machine
from policies.certificate import certify, certify_corrected

Floats = npt.NDArray[np.float64]

FILES = ("mmlu", "mixed", "routerbench")
ROWS = (200, 500, 1000, 2000)
FLOORS = (0.90, 0.95, 0.98)
CONFIDENCE = 0.95
MOST_MISSED = 0.058
MOST_COST = 1.1
JUDGED_ROWS = 2000
HAND_SCORED = (100, 200, 500)
TAKEN_FOR_GOOD = 0.25
JUDGE_FLOOR = 0.95
OURS, STUDENT, NAIVE = "certify", "student", "naive"


class Population:
    """A whole file, in order of difficulty, and what each threshold really does on it."""

    def __init__(self, difficulty: Floats, small: Floats, large: Floats) -> None:
        order = np.argsort(difficulty, kind="stable")
        self.difficulty, self.small, self.large = difficulty[order], small[order], large[order]
        gained = np.concatenate(([0.0], np.cumsum(self.small - self.large)))
        self.quality = 1.0 + gained / self.large.sum()
        """Share of always-large quality with so many of the rows answered small."""
        self.cuts = np.append(np.unique(self.difficulty, return_index=True)[1], len(order))

    def small_rows(self, threshold: float | None) -> int:
        return 0 if threshold is None else int(np.searchsorted(self.difficulty, threshold))

    def large_share(self, small_rows: npt.NDArray[np.int64]) -> float:
        return float(1.0 - np.mean(small_rows) / len(self.small))

    def best(self, floor: float) -> int:
        """Most rows answered small by a threshold that keeps the floor."""
        return int(self.cuts[self.quality[self.cuts] >= floor - 1e-12].max())


@dataclass(frozen=True, slots=True)
class Cell:
    """What one way to certify did over all draws."""

    missed: float
    nothing: float
    cost: float


def measure(population: Population, floor: float, small_rows: list[int]) -> Cell:
    chosen = np.array(small_rows)
    best = np.array([population.best(floor)])
    return Cell(
        missed=float((population.quality[chosen] < floor - 1e-12).mean()),
        nothing=float((chosen == 0).mean()),
        cost=population.large_share(chosen) - population.large_share(best),
    )


def walked(population: Population, thresholds: Floats, passes: npt.NDArray[np.bool_]) -> int:
    """Rows of the population answered small at the last step before the first that fails."""
    steps = len(passes) if passes.all() else int(np.argmin(passes))
    return population.small_rows(float(thresholds[steps - 1])) if steps else 0


def run(
    job: tuple[str, int], populations: dict[str, Population], draws: int, others: dict[str, Bound]
) -> dict[tuple[str, float], Cell]:
    """All draws of so many rows from one file; every way to certify sees the same ones."""
    name, count = job
    population = populations[name]
    chance = np.random.default_rng([FILES.index(name), count])
    chosen: dict[tuple[str, float], list[int]] = {}
    for draw in range(draws):
        rows = np.sort(chance.integers(0, len(population.small), count))
        difficulty, small, large = population.difficulty[rows], population.small[rows], population.large[rows]
        ends = np.append(np.flatnonzero(np.diff(difficulty) > 0.0) + 1, count)
        ends = ends[difficulty[ends - 1] < 1.0]
        thresholds = np.append(difficulty, 1.0)[ends]
        sample = Sample(large - small, large, ends, draw)
        for floor in FLOORS:
            if not others:
                made = certify(difficulty, small, large, floor=floor, confidence=CONFIDENCE)
                chosen.setdefault((OURS, floor), []).append(population.small_rows(made.threshold))
            bounds = others or {STUDENT: student, NAIVE: naive}
            for bound_name, bound in bounds.items():
                passes = bound(sample, floor, CONFIDENCE)
                kept = walked(population, thresholds, passes)
                chosen.setdefault((bound_name, floor), []).append(kept)
    return {(way, floor): measure(population, floor, kept) for (way, floor), kept in chosen.items()}


def run_judged(job: tuple[str, int], populations: dict[str, Population], draws: int) -> dict[str, Cell]:
    """Draws of rows that a biased judge scored, so many of them by hand as well."""
    name, by_hand = job
    population = populations[name]
    chance = np.random.default_rng([FILES.index(name), by_hand, 1])
    asked = {"floor": JUDGE_FLOOR, "confidence": CONFIDENCE}
    chosen: dict[str, list[int]] = {}
    for _ in range(draws):
        rows = chance.integers(0, len(population.small), JUDGED_ROWS)
        difficulty, small, large = population.difficulty[rows], population.small[rows], population.large[rows]
        judged = np.where(chance.random(JUDGED_ROWS) < TAKEN_FOR_GOOD, np.maximum(small, large), small)
        scored = np.arange(JUDGED_ROWS) < by_hand
        hand = [np.where(scored, column, np.nan) for column in (small, large)]
        made = {
            "judge alone": certify(difficulty, judged, large, **asked),
            "corrected": certify_corrected(difficulty, judged, large, *hand, **asked),
            "hand alone": certify(difficulty[:by_hand], small[:by_hand], large[:by_hand], **asked),
        }
        for way, certificate in made.items():
            chosen.setdefault(way, []).append(population.small_rows(certificate.threshold))
    return {way: measure(population, JUDGE_FLOOR, kept) for way, kept in chosen.items()}


def difficulties(outcomes: Path, kept: Path) -> dict[str, Population]:
    """Out-of-fold difficulties of each file, from the kept ones or by training."""
    if not kept.exists():
        from classifiers.train import Choice, train

        columns: dict[str, Floats] = {}
        for name in FILES:
            print(f"training on {name}", file=sys.stderr)
            with tempfile.TemporaryDirectory() as place:
                choice = Choice(prior=None)  # the shipped artifact has seen these rows
                found = train([outcomes / f"{name}.jsonl.gz"], Path(place), choice=choice).out_of_fold
            columns |= {
                f"{name}_difficulty": found.difficulty,
                f"{name}_small": found.small,
                f"{name}_large": found.large,
            }
        np.savez_compressed(kept, **columns)
    with np.load(kept) as read:
        return {
            name: Population(*(read[f"{name}_{column}"] for column in ("difficulty", "small", "large")))
            for name in FILES
        }


def print_guarantee(jobs: list[tuple[str, int]], found: list[dict[tuple[str, float], Cell]]) -> bool:
    print(f"{'':11} {'':5} {'':5} | {'certify':>23} | {'Student':>14} | {'naive':>14} |")
    print(
        f"{'file':11} {'rows':>5} {'floor':>5} | {'missed':>7} {'nothing':>8} {'cost':>6} |"
        f" {'missed':>7} {'cost':>6} | {'missed':>7} {'cost':>6} | ratio"
    )
    kept = True
    for (name, count), cells in zip(jobs, found, strict=True):
        for floor in FLOORS:
            ours, plain, none = (cells[way, floor] for way in (OURS, STUDENT, NAIVE))
            ratio = ours.cost / plain.cost
            notes = ["missed too often"] if ours.missed > MOST_MISSED else []
            if plain.missed > MOST_MISSED:
                notes.append("Student does not hold")
            elif ratio > MOST_COST:
                notes.append("too dear")
            kept &= not {"missed too often", "too dear"} & set(notes)
            print(
                f"{name:11} {count:5} {floor:5.2f} | {ours.missed:7.1%} {ours.nothing:8.1%}"
                f" {100 * ours.cost:6.1f} | {plain.missed:7.1%} {100 * plain.cost:6.1f}"
                f" | {none.missed:7.1%} {100 * none.cost:6.1f} | {ratio:5.2f} {', '.join(notes)}".rstrip()
            )
    return kept


def print_others(jobs: list[tuple[str, int]], found: list[dict[tuple[str, float], Cell]], draws: int) -> None:
    print(f"missed and cost of other bounds, on the first {draws:,} of these draws")
    print(f"{'file':11} {'rows':>5} {'floor':>5} | " + " | ".join(f"{name:>19}" for name in OTHERS))
    for (name, count), cells in zip(jobs, found, strict=True):
        for floor in FLOORS:
            told = [cells[way, floor] for way in OTHERS]
            print(
                f"{name:11} {count:5} {floor:5.2f} | "
                + " | ".join(f"{cell.missed:10.1%} {100 * cell.cost:8.1f}" for cell in told)
            )


def print_judged(jobs: list[tuple[str, int]], found: list[dict[str, Cell]], draws: int) -> None:
    print(
        f"a biased judge: {JUDGED_ROWS:,} rows judged, floor {JUDGE_FLOOR}, {draws:,} draws; missed and cost"
    )
    print(f"{'file':11} {'by hand':>7} | " + " | ".join(f"{way:>15}" for way in found[0]))
    for (name, by_hand), cells in zip(jobs, found, strict=True):
        told = " | ".join(f"{cell.missed:7.1%} {100 * cell.cost:7.1f}" for cell in cells.values())
        print(f"{name:11} {by_hand:7} | {told}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True, help="folder of the three files")
    parser.add_argument("--difficulties", type=Path, required=True, help="where difficulties are kept (.npz)")
    parser.add_argument("--draws", type=int, default=3000)
    parser.add_argument("--compare", type=int, default=60, help="draws for the other bounds, 0 for none")
    parser.add_argument("--judged", type=int, default=1000, help="draws for the judge, 0 for none")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    populations = difficulties(options.outcomes, options.difficulties)
    jobs = [(name, count) for name in FILES for count in ROWS]
    start = time.perf_counter()
    ways: dict[str, Bound] = {}
    with ProcessPoolExecutor(options.processes) as pool:
        found = list(pool.map(partial(run, populations=populations, draws=options.draws, others=ways), jobs))
        compared = list(
            pool.map(partial(run, populations=populations, draws=options.compare, others=OTHERS), jobs)
            if options.compare
            else []
        )
        judge_jobs = [(name, by_hand) for name in FILES for by_hand in HAND_SCORED]
        judged = list(
            pool.map(partial(run_judged, populations=populations, draws=options.judged), judge_jobs)
            if options.judged
            else []
        )
    print(
        "command: python benchmarks/guarantee.py --outcomes DIR --difficulties FILE"
        f" --draws {options.draws} --compare {options.compare} --judged {options.judged}"
    )
    print(f"machine: {machine()}, numpy {np.__version__}")
    print(f"{options.draws:,} draws with replacement a cell, confidence {CONFIDENCE}")
    kept = print_guarantee(jobs, found)
    print("the promise is kept in every cell" if kept else "THE PROMISE IS NOT KEPT in the cells noted")
    if compared:
        print()
        print_others(jobs, compared, options.compare)
    if judged:
        print()
        print_judged(judge_jobs, judged, options.judged)
    print(f"took {time.perf_counter() - start:,.0f} s", file=sys.stderr)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
