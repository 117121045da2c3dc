"""The benchmark of certificates: its bounds, and a very short run of it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.guarantee import FILES, Population
from benchmarks.guarantee_bounds import OTHERS, Sample, empirical_bernstein, naive, student

ROOT = Path(__file__).parents[2]


def sample(rows: int, seed: int) -> Sample:
    chance = np.random.default_rng(seed)
    large = (chance.random(rows) < 0.8).astype(np.float64)
    small = np.where(chance.random(rows) < np.linspace(0.0, 0.5, rows), 0.0, large)
    return Sample(large - small, large, np.arange(1, rows + 1), seed)


@given(st.integers(2, 400), st.integers(0, 99), st.floats(0.5, 0.99), st.floats(0.6, 0.99))
def test_what_a_wider_bound_passes_a_narrower_one_passes_too(
    rows: int, seed: int, floor: float, confidence: float
):
    drawn = sample(rows, seed)
    passed = [bound(drawn, floor, confidence) for bound in (empirical_bernstein, student, naive)]
    assert not (passed[0] & ~passed[1]).any()
    assert not (passed[1] & ~passed[2]).any()


def test_every_other_bound_passes_where_much_is_lost_by_nobody_and_fails_where_all_is():
    drawn = sample(400, 1)
    nothing = Sample(np.zeros(400), drawn.large, drawn.ends, 1)
    everything = Sample(drawn.large, drawn.large, drawn.ends, 1)
    for bound in OTHERS.values():
        assert bound(nothing, 0.8, 0.95)[:200].all()
        assert not bound(everything, 0.8, 0.95)[-1]


def test_a_population_knows_what_each_threshold_does():
    population = Population(np.array([0.3, 0.1, 0.3, 0.2]), np.array([0.0, 1, 0, 1]), np.ones(4))
    assert [population.small_rows(threshold) for threshold in (None, 0.1, 0.25, 0.3, 1.0)] == [0, 0, 2, 2, 4]
    assert population.best(0.9) == 2
    assert population.best(0.4) == 4


def test_it_runs_on_kept_difficulties(tmp_path: Path):
    chance = np.random.default_rng(0)
    columns = {}
    for name in FILES:
        difficulty, large = chance.random(3000), np.ones(3000)
        small = (chance.random(3000) > 0.3 * difficulty).astype(np.float64)
        columns |= {f"{name}_difficulty": difficulty, f"{name}_small": small, f"{name}_large": large}
    kept = tmp_path / "difficulties.npz"
    np.savez(kept, **columns)
    command = [sys.executable, "-m", "benchmarks.guarantee", "--outcomes", str(tmp_path)]
    command += ["--difficulties", str(kept), "--draws", "2", "--compare", "0", "--judged", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "mmlu          200  0.90" in done.stdout
    assert "corrected" in done.stdout
