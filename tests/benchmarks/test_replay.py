"""The replay of recorded outcomes: its figures, and a small one through the real service."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.replay_figures import Replayed, against_random, sweep, ways
from tests.classifiers.outcome_rows import rows, written

ROOT = Path(__file__).parents[2]
unit = st.sampled_from([0.0, 0.5, 1.0])


def replayed(difficulty: float, large: bool, small_score: float, large_score: float) -> Replayed:  # noqa: FBT001 - as hypothesis draws it
    return Replayed(
        difficulty=difficulty,
        large=large,
        score=large_score if large else small_score,
        cost_nano=1_000 if large else 100,
        small_score=small_score,
        large_score=large_score,
        small_nano=100,
        large_nano=1_000,
    )


some = st.lists(st.builds(replayed, st.floats(0, 1), st.booleans(), unit, unit), min_size=1, max_size=30)


@given(some)
def test_no_way_is_better_than_the_oracle_nor_outside_the_two_tiers_cost(done: list[Replayed]):
    found = {way.name: way for way in ways(done)}
    assert all(way.quality <= found["oracle"].quality + 1e-9 for way in found.values())
    assert all(1e-7 - 1e-12 <= way.usd <= 1e-6 + 1e-12 for way in found.values())
    assert found["routed"].quality <= found["oracle, same share"].quality + 1e-9
    assert found["random, same cost"].usd == pytest.approx(found["routed"].usd)
    lead, _ = against_random(done)
    assert found["routed"].quality - found["random, same share"].quality == pytest.approx(lead, abs=1e-9)


@given(some)
def test_a_sweep_goes_from_always_large_to_always_small(done: list[Replayed]):
    found = {way.name: way for way in ways(done)}
    tried = [way for _, way in sweep(done)]
    shares = [way.large_share for way in tried]
    assert shares == sorted(shares, reverse=True)
    assert tried[0].quality == pytest.approx(found["always large"].quality)
    assert tried[-1].quality == pytest.approx(found["always small"].quality)


def test_a_small_replay_through_the_real_service_accounts_for_every_nano_dollar(tmp_path: Path):
    made = rows(160)
    for at, row in enumerate(made):
        row["query"] += f" ({at})"
        row["small"]["cost_usd"], row["large"]["cost_usd"] = 1e-5 + at * 1e-9, 0.0012345675 + at * 1e-7
    path = written(tmp_path / "made.jsonl.gz", made)
    also = written(tmp_path / "also.jsonl.gz", rows(120, seed=5))
    script = ROOT / "benchmarks" / "replay_outcomes.py"
    options = ["--outcomes", path, "--also", also, "--concurrency", "4", "--out", tmp_path / "said.txt"]
    done = subprocess.run([sys.executable, script, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
    said = (tmp_path / "said.txt").read_text(encoding="utf-8")
    assert "160 queries over HTTP /complete" in said
    assert ": equal" in said
    assert str(tmp_path) not in said
