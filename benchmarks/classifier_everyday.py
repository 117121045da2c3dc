"""Does a classifier treat plain errands as plain and hard work as hard?

Prompts of our own writing stand in classifier_everyday.jsonl. Those of the list "tuned" were looked at while
the hand-set prior was written; those of the list "fresh" were written afterwards and changed nothing.

Usage: python benchmarks/classifier_everyday.py [--classifier DIR] [--threshold T]
"""

import argparse
import json
from pathlib import Path

from classifiers import QueryFacts, default_classifier, load_artifact

PROMPTS = Path(__file__).with_suffix(".jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classifier", type=Path)
    parser.add_argument("--threshold", type=float)
    options = parser.parse_args()
    classifier = load_artifact(options.classifier) if options.classifier else default_classifier()
    threshold = classifier.default_threshold if options.threshold is None else options.threshold
    rows = [json.loads(line) for line in PROMPTS.read_text(encoding="utf-8").splitlines()]
    print(f"{classifier.id}, threshold {threshold}")
    for name in ("tuned", "fresh"):
        for kind in ("plain", "hard"):
            prompts = [row["query"] for row in rows if (row["list"], row["kind"]) == (name, kind)]
            scored = [(classifier.score(QueryFacts(prompt)), prompt) for prompt in prompts]
            wrong = sorted(one for one in scored if (one[0] >= threshold) != (kind == "hard"))
            print(f"{name}, {kind}: {len(scored) - len(wrong)} of {len(scored)} on the expected side")
            for value, prompt in wrong:
                print(f"  {value:.3f} {prompt[:80]!r}")
                print(f"        {classifier.explain(QueryFacts(prompt)).sentence}")


if __name__ == "__main__":
    main()
