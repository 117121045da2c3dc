"""How soon does the watch see that a certificate no longer holds, and how often is it wrong?

For each outcomes file, out-of-fold difficulties (near-copies together) and the threshold at which the whole
file keeps the floor exactly: a query between two neighbouring thresholds is drawn for one of them. Audits are
rows drawn with replacement. Then the route falls below the floor, in three ways: more goes to the small model
(a higher threshold), the small model fails more often where it answered well, or the traffic turns to the
queries that lose most. "Points" are hundredths of always-large quality. The simulation carries many runs at
once; a sample of them is carried by policies.watch itself and must come to the same audit.

Usage: python benchmarks/watch.py --outcomes DIR [--runs N]
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.machine import machine  # noqa: E402 - found only once the root is on the path
from classifiers.train import train  # noqa: E402
from policies.choice import Tier  # noqa: E402
from policies.watch import WatchTerms, advance, alarmed, begin, excess  # noqa: E402

FILES = ("mmlu", "mixed", "routerbench")
FLOORS = (0.90, 0.95, 0.98)
FLOOR = 0.95
POINTS = (0.01, 0.02, 0.03, 0.05, 0.10)
OTHER_BETS = ((0.1,), (0.2,), (0.4,), (0.6,), (0.2, 0.4), (0.1, 0.3, 0.5))
LONGEST = 60_000
AIMS = {"mmlu": 420, "mixed": 550}
HEALTHY_AUDITS = 2_000
WAYS = ("more to small", "small fails more", "harder traffic")

Floats = npt.NDArray[np.float64]


class NotReached(Exception):  # noqa: N818 - the name says what happened
    """The rows cannot be routed or changed so that they lose this much."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One file: out-of-fold difficulty and both scores, each (n,), easiest first."""

    name: str
    small: Floats
    large: Floats

    @classmethod
    def of(cls, path: Path, name: str) -> "Rows":
        with tempfile.TemporaryDirectory() as place:
            found = train([path], Path(place)).out_of_fold
        order = np.argsort(found.difficulty, kind="stable")
        return cls(name, found.small[order], found.large[order])


@dataclass(frozen=True)
class Audited:
    """What an audit can find: z of each row when it is and is not routed small, and the chance of each.

    Attributes:
        to_small: (n,) chance that the row was routed small.
        small_fails: chance that the small model's answer is worth nothing whatever was recorded.
        weight: (n,) how often the row is asked, summing to 1.
        floor: share of always-large quality.
    """

    rows: Rows
    to_small: Floats
    weight: Floats
    floor: float
    small_fails: float = 0.0

    @cached_property
    def cumulative(self) -> Floats:
        """Running sum of the weights: rows are drawn from it."""
        return np.cumsum(self.weight)

    @property
    def routed(self) -> float:
        """Routed quality as a share of always-large quality, exactly."""
        rows = self.rows
        small = rows.small * (1 - self.small_fails)
        quality = (self.to_small * small + (1 - self.to_small) * rows.large) @ self.weight
        return float(quality / (rows.large @ self.weight))

    def draw(self, chance: np.random.Generator, size: int) -> Floats:
        """`size` audits: z of each."""
        rows = self.rows
        at = np.searchsorted(self.cumulative, chance.random(size) * self.cumulative[-1], side="right")
        to_small = chance.random(size) < self.to_small[at]
        small = np.where(chance.random(size) < self.small_fails, 0.0, rows.small[at])
        large = rows.large[at]
        return np.where(to_small, large - small, 0.0) - (1 - self.floor) * large


def at_share(rows: Rows, kept: float, floor: float) -> Audited:
    """Routed so that exactly `kept` of always-large quality is left: the easiest small, one row by chance."""
    lost = np.concatenate(([0.0], np.cumsum(rows.large - rows.small)))
    allowed = (1 - kept) * rows.large.sum()
    crossing = np.flatnonzero((lost[:-1] <= allowed) & (lost[1:] > allowed))
    if not len(crossing):
        raise NotReached
    last = int(crossing[-1])
    to_small = (np.arange(len(rows.large)) < last).astype(np.float64)
    to_small[last] = (allowed - lost[last]) / (lost[last + 1] - lost[last])
    return Audited(rows, to_small, np.full(len(rows.large), 1 / len(rows.large)), floor)


def small_fails(healthy: Audited, kept: float) -> Audited:
    """The same routing; the small model's answers fail so often that `kept` is left."""
    rows = healthy.rows
    answered = float((healthy.to_small * rows.small).sum())
    fails = (healthy.routed - kept) * float(rows.large.sum()) / answered
    if not 0 <= fails <= 1:
        raise NotReached
    return replace(healthy, small_fails=fails)


def harder_traffic(healthy: Audited, kept: float) -> Audited:
    """The same routing; the rows that it loses by are asked so much oftener that `kept` is left."""
    rows = healthy.rows
    hurt = (healthy.to_small > 0) & (rows.large > rows.small)

    def with_share(factor: float) -> Audited:
        weight = np.where(hurt, factor, 1.0)
        return replace(healthy, weight=weight / weight.sum())

    low, high = 1.0, 1_000.0
    if with_share(high).routed > kept:
        raise NotReached
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if with_share(middle).routed > kept else (low, middle)
    return with_share(high)


def runs_to_alarm(
    population: Audited, terms: WatchTerms, runs: int, seed: int, start: Floats | None = None
) -> npt.NDArray[np.int64]:
    """Audits to the alarm in each of `runs`, `LONGEST` where none sounded; `start` (runs, λs) are levels."""
    chance = np.random.default_rng(seed)
    bets = np.array(terms.lambdas)
    levels = np.zeros((runs, len(bets))) if start is None else start.copy()
    ended = np.full(runs, LONGEST)
    running = np.arange(runs)
    for audit in range(1, LONGEST + 1):
        z = population.draw(chance, len(running))
        levels = (1 + levels) * (1 + bets * z[:, None])
        over = levels.mean(axis=1) >= terms.alarm_at
        ended[running[over]] = audit
        running, levels = running[~over], levels[~over]
        if not len(running):
            break
    return ended


def healthy_levels(population: Audited, terms: WatchTerms, runs: int, seed: int) -> Floats:
    """Levels after `HEALTHY_AUDITS` audits without an alarm; runs that had one are begun again at 0."""
    chance = np.random.default_rng(seed)
    bets = np.array(terms.lambdas)
    levels = np.zeros((runs, len(bets)))
    for _ in range(HEALTHY_AUDITS):
        levels = (1 + levels) * (1 + bets * population.draw(chance, runs)[:, None])
        levels[levels.mean(axis=1) >= terms.alarm_at] = 0.0
    return levels


def check_against_the_policy(population: Audited, terms: WatchTerms) -> None:
    """One run at a time through `policies.watch` comes to the same audit, or this is of something else."""
    for seed in range(20):
        ours = int(runs_to_alarm(population, terms, 1, seed)[0])
        chance = np.random.default_rng(seed)
        state = begin(terms)
        while not alarmed(state, terms):
            state = advance(state, float(population.draw(chance, 1)[0]), terms)
        if state.audits != ours:
            raise SystemExit(f"policies.watch alarms at audit {state.audits}, the simulation at {ours}")
    for tier, small, large in ((Tier.SMALL, 0.25, 1.0), (Tier.LARGE, 0.25, 1.0), (Tier.SMALL, 1.0, 0.5)):
        shortfall = np.where(tier is Tier.SMALL, large - small, 0.0) - (1 - FLOOR) * large
        if excess(tier, small, large, FLOOR) != float(shortfall):
            raise SystemExit("policies.watch has another z than the simulation")


def martingale_alarms(population: Audited, bet: float, runs: int, seed: int, healthy: Audited) -> Floats:
    """For comparison: a plain e-process, E ← E(1 + λz), alarm at E >= 20 (5 %), after healthy audits."""
    chance = np.random.default_rng(seed)
    process = np.zeros(runs)
    for _ in range(HEALTHY_AUDITS):
        process += np.log1p(bet * healthy.draw(chance, runs))
    ended = np.full(runs, float(LONGEST))
    for audit in range(1, 6_001):
        process += np.log1p(bet * population.draw(chance, runs))
        ended[(process >= np.log(20)) & (ended == LONGEST)] = audit
    return ended


def repeated_test_alarms(healthy: Audited, runs: int, seed: int) -> float:
    """For comparison: share of runs where a one-sided 5 % t-test after every 50 audits alarms once."""
    chance = np.random.default_rng(seed)
    total, square, wrong = np.zeros(runs), np.zeros(runs), np.zeros(runs, dtype=bool)
    for audit in range(1, HEALTHY_AUDITS + 1):
        z = healthy.draw(chance, runs)
        total, square = total + z, square + z * z
        if audit % 50 == 0:
            mean = total / audit
            error = np.sqrt(np.maximum(square / audit - mean**2, 1e-12) / audit)
            wrong |= mean > 1.645 * error
    return float(wrong.mean())


def ways(healthy: Audited, points: float) -> dict[str, Audited]:
    """Ways to end up `points` below the floor, of those that can."""
    kept = healthy.floor - points
    found = {}
    for name, way in (
        ("more to small", lambda: at_share(healthy.rows, kept, healthy.floor)),
        ("small fails more", lambda: small_fails(healthy, kept)),
        ("harder traffic", lambda: harder_traffic(healthy, kept)),
    ):
        try:
            found[name] = way()
        except NotReached:
            continue
    return found


def quantiles(ended: npt.NDArray[np.int64]) -> str:
    low, middle, high = np.quantile(ended, (0.1, 0.5, 0.9))
    return f"{middle:6,.0f} ({low:,.0f} to {high:,.0f})"


def show_false_alarms(every: Sequence[Rows], terms: WatchTerms, runs: int) -> bool:
    print(f"\nFalse alarms: audits to one exactly at the floor; {runs:,} runs to their end")
    print(
        "file         floor  to small      mean ± s.e.   median  within 2,000   mean, 1 point above the floor"
    )
    kept = True
    for rows in every:
        for floor in FLOORS:
            try:
                healthy = at_share(rows, floor, floor)
                better = at_share(rows, floor + 0.01, floor)
            except NotReached:
                print(f"{rows.name:<12} {floor:.2f}   always small keeps it")
                continue
            ended = runs_to_alarm(healthy, terms, runs, seed=1)
            error = ended.std(ddof=1) / len(ended) ** 0.5
            kept = kept and ended.mean() >= terms.alarm_at
            above = runs_to_alarm(better, terms, max(runs // 10, 50), seed=2)
            longer = "at least " if (above == LONGEST).any() else ""
            print(
                f"{rows.name:<12} {floor:.2f}   {healthy.to_small.mean():6.1%}  "
                f"{ended.mean():8,.0f} ± {error:4,.0f}  {np.median(ended):7,.0f}  "
                f"{np.mean(ended <= HEALTHY_AUDITS):12.0%}   {longer}{above.mean():,.0f}"
            )
    return kept


def show_delays(every: Sequence[Rows], terms: WatchTerms, runs: int) -> bool:
    print(f"\nDelays: audits to the alarm, median (10 % to 90 %) of {runs:,} runs, watch begun at the fall")
    print(f"{'file':<12} floor  points below  " + "".join(f"{name:<24}" for name in WAYS))
    met = True
    for rows in every:
        for floor in FLOORS:
            for points in POINTS if floor == FLOOR else (0.05,):
                try:
                    healthy = at_share(rows, floor, floor)
                except NotReached:
                    continue
                ended = {
                    name: runs_to_alarm(way, terms, runs, seed=3)
                    for name, way in ways(healthy, points).items()
                }
                cells = [quantiles(ended[name]) if name in ended else "cannot fall so far" for name in WAYS]
                line = "".join(f"{cell:<24}" for cell in cells).rstrip()
                print(f"{rows.name:<12} {floor:.2f}   {points * 100:11.0f}   {line}")
                if floor == FLOOR and points == 0.05 and rows.name in AIMS:
                    met = met and all(np.median(one) <= AIMS[rows.name] for one in ended.values())
    return met


def show_past(every: Sequence[Rows], terms: WatchTerms, runs: int) -> None:
    print(f"\nThe same 5 points below {FLOOR}, more to small, after {HEALTHY_AUDITS:,} audits exactly at the")
    print("floor, or 2 points above it; beside a plain e-process (E >= 20) after the latter, and how often")
    print(f"a t-test after every 50 of {HEALTHY_AUDITS:,} audits exactly at the floor raises a false alarm")
    print(f"{'file':<12} {'after at the floor':<24}{'after 2 points above':<24}{'e-process':<24}t-test")
    for rows in every:
        fallen = at_share(rows, FLOOR - 0.05, FLOOR)
        cells = []
        for above in (0.0, 0.02):
            healthy = at_share(rows, FLOOR + above, FLOOR)
            start = healthy_levels(healthy, terms, runs, seed=4)
            cells.append(f"{quantiles(runs_to_alarm(fallen, terms, runs, seed=5, start=start)):<24}")
        plain = martingale_alarms(fallen, terms.lambdas[0], runs, 6, at_share(rows, FLOOR + 0.02, FLOOR))
        never = float(np.mean(plain == LONGEST))
        late = f"{np.median(plain):,.0f}" if never < 0.5 else f"over 6,000 in {never:.0%}"
        wrong = repeated_test_alarms(at_share(rows, FLOOR, FLOOR), runs, 7)
        print(f"{rows.name:<12} {''.join(cells)}{late:<24}{wrong:.0%}")


def show_other_bets(every: Sequence[Rows], terms: WatchTerms, runs: int) -> None:
    print(f"\nOther λ, floor {FLOOR}, more to small: median (10 % to 90 %) audits at 2 and at 5 points below")
    for rows in every:
        for bets in (terms.lambdas, *OTHER_BETS):
            other = WatchTerms(terms.alarm_at, bets)
            cells = [
                quantiles(runs_to_alarm(at_share(rows, FLOOR - points, FLOOR), other, runs, seed=8))
                for points in (0.02, 0.05)
            ]
            print(f"{rows.name:<12} λ {', '.join(map(str, bets)):<15} {cells[0]:<26}{cells[1]}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True, metavar="DIR")
    parser.add_argument("--runs", type=int, default=2_000)
    options = parser.parse_args()
    terms = WatchTerms()
    print("command: python benchmarks/watch.py --outcomes DIR")
    print(f"machine: {machine()}, numpy {np.__version__}")
    bets = ", ".join(map(str, terms.lambdas))
    print(f"alarm at {terms.alarm_at:,.0f}, λ {bets}; {options.runs:,} runs a cell")
    every = [Rows.of(options.outcomes / f"{name}.jsonl.gz", name) for name in FILES]
    check_against_the_policy(at_share(every[0], FLOOR - 0.05, FLOOR), terms)
    kept = show_false_alarms(every, terms, options.runs)
    met = show_delays(every, terms, options.runs)
    show_past(every, terms, options.runs)
    show_other_bets(every, terms, options.runs)
    said = ", ".join(f"{name} {most}" for name, most in AIMS.items())
    print(f"\nmean run to a false alarm at least {terms.alarm_at:,.0f} audits: {'yes' if kept else 'NO'}")
    print(f"median audits to the alarm, 5 points below {FLOOR}, at most ({said}): {'yes' if met else 'NO'}")
    return 0 if kept and met else 1


if __name__ == "__main__":
    sys.exit(main())
