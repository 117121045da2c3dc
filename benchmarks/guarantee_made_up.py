"""How often do certificates miss on populations made to break the bound?

Every row has the same difficulty, so that there is one step, and the population is just below the floor: each
certificate misses. Recorded outcomes are in guarantee.py; these are the extremes that they do not have:

  partial  large answers are worth 0.8, small ones `gain` more on `often` of the rows, and small loses a whole
           point on as many as the floor takes: many small gains and a handful of total losses
  binary   scores of 0 and 1, 85 of 100 right; small gains on `gain` of the rows
  weighed  one kind of query, a tenth of the traffic, is drawn 30 times as rarely as the rest, and small only
           loses there: with the heaviest weight that was drawn, and with `heaviest_weight`

Missed is the share of draws that certify; the confidence leaves 5 %. The noise is 0.4 % at 3,000 draws.

Usage: python benchmarks/guarantee_made_up.py [--draws N]
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial as partly
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.guarantee_bounds import Sample, student
from benchmarks.machine import machine
from policies.certificate import certify

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
DIFFICULTY = 0.3
RARELY = 30.0
RARE_SHARE = 0.1
PARTIAL = (
    (50, 1.0, 0.05, 0.9),
    (50, 0.95, 0.05, 0.9),
    (200, 0.98, 0.02, 0.9),
    (100, 1.0, 0.02, 1.0),
    (200, 1.0, 0.01, 1.0),
    (50, 0.98, 0.18, 1.0),
    (50, 1.0, 0.2, 1.0),
    (100, 0.99, 0.18, 1.0),
    (100, 0.99, 0.15, 1.0),
    (500, 0.99, 0.1, 1.0),
)
"""Rows, floor, gain, often."""
BINARY = (
    (100, 0.9, 0.03),
    (200, 0.95, 0.01),
    (200, 0.95, 0.015),
    (200, 0.98, 0.03),
    (500, 0.95, 0.005),
    (500, 0.98, 0.005),
    (1000, 0.98, 0.004),
    (2000, 0.95, 0.002),
)
"""Rows, floor, gain."""
WEIGHED = ((200, 0.9), (200, 0.95), (500, 0.95), (1000, 0.95))
"""Rows, floor."""


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kinds of rows in a population; each is (kinds,)."""

    small: Floats
    large: Floats
    share: Floats

    def quality(self) -> float:
        return float(self.share @ self.small / (self.share @ self.large))


def kinds(*rows: tuple[float, float, float]) -> Kinds:
    """Of (small score, large score, share)."""
    small, large, share = np.array(rows).T
    return Kinds(small, large, share)


def partial(loss: float, gain: float, often: float) -> Kinds:
    kept = 1.0 - loss
    return kinds((0.8 + gain, 0.8, often * kept), (0.0, 1.0, loss), (0.8, 0.8, (1.0 - often) * kept))


def binary(loss: float, gain: float) -> Kinds:
    rest = 1.0 - gain - loss
    return kinds((0.0, 1.0, loss), (1.0, 0.0, gain), (1.0, 1.0, 0.85 * rest), (0.0, 0.0, 0.15 * rest))


def weighed(loss: float) -> Kinds:
    """The first two kinds are the rare ones."""
    rest = 1.0 - RARE_SHARE
    rare = ((0.0, 1.0, RARE_SHARE * loss), (0.9, 0.9, RARE_SHARE * (1.0 - loss)))
    return kinds(*rare, (1.0, 0.0, 0.01 * rest), (0.9, 0.9, 0.99 * rest))


def just_below(floor: float, made: Callable[[float], Kinds], most: float) -> Kinds:
    """The population with the least loss at which the floor is lost, by bisection."""
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if made(middle).quality() >= floor else (low, middle)
    return made(high * (1.0 + 1e-9))


def missed(population: Kinds, rows: int, floor: float, draws: int) -> tuple[float, float]:
    """By `certify` and by Student's bound, of the same draws."""
    chance = np.random.default_rng([rows, round(1000 * floor), len(population.share)])
    difficulty, ends = np.full(rows, DIFFICULTY), np.array([rows])
    ours = plain = 0
    for draw in range(draws):
        drawn = chance.choice(len(population.share), rows, p=population.share / population.share.sum())
        small, large = population.small[drawn], population.large[drawn]
        found = certify(difficulty, small, large, floor=floor, confidence=CONFIDENCE)
        ours += found.threshold is not None
        plain += bool(student(Sample(large - small, large, ends, draw), floor, CONFIDENCE)[0])
    return ours / draws, plain / draws


def missed_weighed(rows: int, floor: float, draws: int) -> tuple[float, float]:
    """By the heaviest weight drawn, and by the heaviest there is."""
    population = just_below(floor, weighed, 1.0)
    weights = np.array([RARELY, RARELY, 1.0, 1.0])
    often = population.share / weights
    chance = np.random.default_rng([rows, round(1000 * floor)])
    counts = [0, 0]
    for _ in range(draws):
        drawn = chance.choice(len(often), rows, p=often / often.sum())
        columns = (np.full(rows, DIFFICULTY), population.small[drawn], population.large[drawn])
        for way, heaviest in enumerate((None, RARELY)):
            found = certify(
                *columns,
                floor=floor,
                confidence=CONFIDENCE,
                weights=weights[drawn],
                heaviest_weight=heaviest,
            )
            counts[way] += found.threshold is not None
    return counts[0] / draws, counts[1] / draws


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=3000)
    draws = parser.parse_args().draws
    start = time.perf_counter()
    print(f"command: python benchmarks/guarantee_made_up.py --draws {draws}")
    print(f"machine: {machine()}, numpy {np.__version__}")
    print(f"{draws:,} draws with replacement a cell, confidence {CONFIDENCE}; share of draws that miss")
    print(f"{'kind':8} {'rows':>5} {'floor':>5} {'gain':>6} {'often':>5} | certify Student")
    for rows, floor, gain, often in PARTIAL:
        population = just_below(floor, partly(partial, gain=gain, often=often), 1.0)
        ours, plain = missed(population, rows, floor, draws)
        print(f"{'partial':8} {rows:5} {floor:5.2f} {gain:6.3f} {often:5.2f} | {ours:7.1%} {plain:7.1%}")
    for rows, floor, gain in BINARY:
        population = just_below(floor, partly(binary, gain=gain), 1.0 - gain)
        ours, plain = missed(population, rows, floor, draws)
        print(f"{'binary':8} {rows:5} {floor:5.2f} {gain:6.3f} {'':5} | {ours:7.1%} {plain:7.1%}")
    print()
    print(f"{'kind':8} {'rows':>5} {'floor':>5} | heaviest drawn, heaviest_weight={RARELY:g}")
    for rows, floor in WEIGHED:
        drawn, given = missed_weighed(rows, floor, draws)
        print(f"{'weighed':8} {rows:5} {floor:5.2f} | {drawn:14.1%}  {given:18.1%}")
    print(f"took {time.perf_counter() - start:,.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
