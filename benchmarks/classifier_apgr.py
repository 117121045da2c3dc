"""How well the classifier ranks, on rows it did not learn from: each file alone, all together, one left out.

Training as a user would run it, without an earlier artifact; every figure is out of fold and near-copies
never stand on both sides of one. ± is one standard error; the interval is of the paired difference, 95 %. An
APGR of 0.5 is chance.

Usage: python benchmarks/classifier_apgr.py --outcomes DIR
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.classifier_retrain import recipe
from benchmarks.machine import machine
from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED
from classifiers.train import Choice, train

FILES = ("mmlu", "mixed", "routerbench")
BASELINES = ("length_alone", "form_alone")


def line(name: str, judged: dict[str, Any]) -> str:
    """One ranking beside the baselines, with the paired differences."""
    own = judged["chosen"]
    cells = [f"{name:<34} {own['apgr']:.3f} ± {own['standard_error']:.3f}"]
    for baseline in BASELINES:
        other, apart = judged[baseline], judged["better_than"][baseline]
        cells.append(
            f"{baseline.split('_')[0]} {other['apgr']:.3f}, "
            f"{apart['difference']:+.3f} [{apart['low']:+.3f}, {apart['high']:+.3f}]"
        )
    return "  ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--outcomes", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    print("command: python benchmarks/classifier_apgr.py --outcomes DIR")
    print(f"machine: {machine()}")
    paths = {name: options.outcomes / f"{name}.jsonl.gz" for name in FILES}
    with tempfile.TemporaryDirectory() as place:
        for name, path in paths.items():
            start = time.perf_counter()
            report = train([path], Path(place) / name, choice=Choice(prior=None))
            print(f"{name} alone: {report.rows} rows, {time.perf_counter() - start:.0f} s, {report.reason}")
            for kind, judged in report.manifest["out_of_fold"].items():
                error = judged["calibration_error"]
                print(f"{line(f'  {name}, {kind} folds', judged)}  calibration error {error:.3f}")
        choice = recipe(read_artifact(SHIPPED).manifest)
        start = time.perf_counter()
        report = train(list(paths.values()), Path(place) / "all", choice=choice)
        print(f"all: {report.rows} rows, {time.perf_counter() - start:.0f} s, {report.reason}")
        for kind, judged in report.manifest["out_of_fold"].items():
            error = judged["calibration_error"]
            print(f"{line(f'  all, {kind}', judged)}  calibration error {error:.3f}")
            for name, one in judged["by_file"].items():
                print(line(f"    {name}, {kind}", one))


if __name__ == "__main__":
    main()
