"""Does training on the same outcomes give the shipped artifact again?

Trains with the recipe that the shipped manifest states, prints every out-of-fold figure beside the manifest's
and ends with status 1 where one differs by more than a standard error (versions of libraries may differ; with
the manifest's versions the bytes are the same).

Usage: python benchmarks/classifier_retrain.py OUTCOMES… [--out DIR]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.progress import Progress

from classifiers.artifact import read_artifact
from classifiers.default import SHIPPED
from classifiers.train import Choice, train


def recipe(manifest: dict[str, Any]) -> Choice:
    """How the shipped artifact was trained."""
    head = manifest["head"]
    return Choice(
        seed=manifest["seed"],
        select_by="grouped" if head["selected_by"] == "grouped folds" else "random",
        prior=None,
        prior_share=head["prior_share"],
        name=manifest["name"],
    )


def figures(manifest: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Name → (APGR, standard error) of everything that was judged."""
    found: dict[str, tuple[float, float]] = {}
    for kind, judged in manifest["out_of_fold"].items():
        named = {**judged["candidates"], "shipped": judged["chosen"]}
        named |= {f"shipped, {file}": one["chosen"] for file, one in judged["by_file"].items()}
        found |= {f"{kind}: {name}": (one["apgr"], one["standard_error"]) for name, one in named.items()}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("outcomes", nargs="+", type=Path, metavar="OUTCOMES")
    parser.add_argument("--out", type=Path, help="where the artifact is written; else it is thrown away")
    options = parser.parse_args()
    shipped = read_artifact(SHIPPED).manifest
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as place, Progress(transient=True) as progress:
        task = progress.add_task("training", total=1.0)
        again = train(
            options.outcomes,
            options.out or Path(place),
            choice=recipe(shipped),
            progress=lambda step, share: progress.update(task, description=step, completed=share),
        ).manifest
    print(f"{again['data']['rows']} rows in {time.perf_counter() - start:.0f} s")
    theirs, apart = figures(shipped), 0
    for name, (ours, _) in figures(again).items():
        said, error = theirs.get(name, (float("nan"), 0.0))
        agrees = abs(ours - said) <= error
        apart += not agrees
        print(f"{name:<45} {ours:.4f}  manifest {said:.4f} {'' if agrees else '  differs'}")
    same = again["weights_sha256"] == shipped["weights_sha256"]
    print(f"threshold {again['default_threshold']}, manifest {shipped['default_threshold']}")
    print(f"the weights are {'the same, byte for byte' if same else 'other bytes'}")
    return 1 if apart or again["default_threshold"] != shipped["default_threshold"] else 0


if __name__ == "__main__":
    sys.exit(main())
