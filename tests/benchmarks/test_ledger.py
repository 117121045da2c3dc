"""The ledger's benchmark in a form that takes seconds: replays count nothing twice, and it measures what it says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def ran(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "benchmarks/ledger.py", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_thousands_of_replayed_settles_count_nothing_twice():
    said = ran("--replays", "5000", "--attempts", "200")
    assert "5,000 replayed settles of 200 attempts (20 of them assumed and adjusted)" in said
    assert ": 0 duplicates;" in said
    assert "entries before and after: 220 and 220;" in said
    assert "verify clean" in said


def test_reserve_and_settle_are_measured_beside_plain_set_in_the_same_run():
    said = ran("--rounds", "1", "--seconds", "0.1", "--concurrency", "1", "8", "--fsync", "always")
    for concurrency in (1, 8):
        assert f"concurrency {concurrency}\n" in said
    assert len(re.findall(r"reserve p50 [\d.]+ ms, p99 [\d.]+ ms; settle p50", said)) == 2
    assert len(re.findall(r"entries a second to a SET: [\d.]+", said)) == 2
    assert "appendfsync always" in said


def test_memory_is_said_of_each_kind_of_key_and_of_parquet():
    said = ran("--memory", "--entries", "2000")
    for what in ("decisions", "attempts", "entries", "as Parquet"):
        assert re.search(rf"  {what}: [1-9]\d* bytes each", said.replace(",", "")), said
