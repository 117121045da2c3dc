"""What does `pennyroute evaluate` say of a classifier that learned one half of a file, on the other half?

For each file: APGR and its paired difference from length, the shares that quality takes, AIQ over no router,
what equal quality saves; how long evaluation takes, and how much memory reading takes in each form of file.

Usage: python benchmarks/evaluate_outcomes.py --outcomes DIR
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.machine import machine  # noqa: E402
from classifiers.evaluation.files import Question, evaluate  # noqa: E402
from classifiers.outcomes import read_outcomes  # noqa: E402
from classifiers.train import HOLDOUT, Choice, train  # noqa: E402

FILES = ("mmlu.jsonl.gz", "mixed.jsonl.gz", "routerbench.jsonl.gz")
_READ = """
import re, sys
from pathlib import Path
from classifiers.outcomes import read_outcomes
rows = read_outcomes([Path(name) for name in sys.argv[1:]], strict=True).rows
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(len(rows), int(peak[1]) // 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True, metavar="DIR")
    outcomes: Path = parser.parse_args().outcomes
    print("python benchmarks/evaluate_outcomes.py --outcomes DIR")
    print(machine())
    with tempfile.TemporaryDirectory() as place:
        for name in FILES:
            judge(outcomes / name, Path(place) / name.partition(".")[0])
        print("\nMemory to read all three files, peak of the whole process:")
        for kind, files in forms([outcomes / name for name in FILES], Path(place)).items():
            report_memory(kind, files)


def judge(file: Path, place: Path) -> None:
    """Trains on one half of a file and prints what evaluation says of the other."""
    train([file], place, choice=Choice(holdout=0.5))
    start = time.perf_counter()
    found = evaluate(Question([place], [place / HOLDOUT])).as_json()
    took = time.perf_counter() - start
    against = {one["minus"]: one for one in found["differences"]}
    print(f"\n{file.name}: {found['n']:,} rows held out, evaluated in {took:.1f} s")
    print(f"  small {found['small']:.3f}, large {found['large']:.3f}")
    print(f"  APGR {shown(found['apgr'], found['intervals']['apgr'])}")
    for name in ("length", "random"):
        more = against[name]["apgr"]
        print(f"  … more than {name}: {shown(more['value'], more['interval'])}")
    for name in ("cpt50", "cpt80", "cpt95", "share_at_95pct_quality"):
        print(f"  {name} {shown(found[name], found['intervals'][name])}")
    routed = found["routed"]
    print(
        f"  at its threshold {found['threshold']:g}: "
        + ", ".join(
            f"{name} {routed[name]['value']:.3f}"
            for name in ("large_share", "quality_of_large", "false_cheap_rate", "unnecessary_large_rate")
        )
    )
    aiq = found["aiq"]
    gain = shown(aiq["gain"], aiq["intervals"]["gain"], digits=4)
    print(f"  AIQ over no router {gain}, cost as {aiq['axis']}")
    for level in found.get("cost_at_equal_quality", ()):
        saved = shown(level["saved_of_always_large"]["value"], level["saved_of_always_large"]["interval"])
        print(f"  {level['quality_of_large']:.0%} of large's quality saves {saved} of its cost")


def shown(value: float, interval: list[float], *, digits: int = 3) -> str:
    low, high = interval
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def forms(files: list[Path], place: Path) -> dict[str, list[Path]]:
    """The same rows in each form."""
    rows: list[dict[str, Any]] = [json.loads(row.line) for row in read_outcomes(files, strict=True).rows]
    parquet.write_table(pa.Table.from_pylist(rows), place / "all.parquet")
    with (place / "all.csv").open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "query", "category", "small", "large"])
        for row in rows:
            tiers = (json.dumps(row["small"]), json.dumps(row["large"]))
            writer.writerow([row["id"], row["query"], row["category"], *tiers])
    return {"JSON lines": files, "Parquet": [place / "all.parquet"], "CSV": [place / "all.csv"]}


def report_memory(kind: str, files: list[Path]) -> None:
    start = time.perf_counter()
    command = [sys.executable, "-c", _READ, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    rows, mib = done.stdout.split()
    took = time.perf_counter() - start
    print(f"  {kind:<10} {int(rows):,} rows, {mib} MiB, {took:.1f} s with the start of Python")


if __name__ == "__main__":
    main()
