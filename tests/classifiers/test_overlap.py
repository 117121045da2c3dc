"""What an artifact learned from is known again, its near-copies too, and other queries are not taken for it."""

from pathlib import Path

import numpy as np

from classifiers import QueryFacts
from classifiers.artifact import read_artifact
from classifiers.overlap import seen
from classifiers.train import Choice, train
from tests.classifiers.outcome_rows import rows, written

LONG = (
    "a ferry leaves the northern harbour at dawn with forty lanterns aboard and returns by dusk with half of "
    "them lit while number {} of the crew counts what is left and writes it into ledger {}"
)


def test_copies_and_near_copies_are_seen_and_other_queries_are_not(tmp_path: Path):
    made = rows(120)
    draw = np.random.default_rng(0)
    tales = [" ".join(f"w{draw.integers(4_000)}" for _ in range(30)) for _ in range(20)]
    for row, tale in zip(made, tales, strict=False):
        row["query"] = tale
    train([written(tmp_path / "made.jsonl", made)], tmp_path / "artifact", choice=Choice(prior=None))
    artifact = read_artifact(tmp_path / "artifact")

    def those_seen(texts: list[str]) -> list[bool]:
        return seen(artifact, [QueryFacts(text) for text in texts]).tolist()

    assert all(those_seen(tales))
    assert all(those_seen([tale.upper().replace(" ", "\n") + "!" for tale in tales]))
    assert all(those_seen([f"Please, quickly: {tale} Thanks a lot." for tale in tales]))
    inserted = [" ".join([*tale.split()[:15], "really", *tale.split()[15:]]) for tale in tales]
    assert sum(those_seen(inserted)) >= 18
    others = [LONG.format(at, at * 7) for at in range(5)] + [
        "",
        "hello",
        " ".join(reversed(tales[0].split())),
    ]
    assert not any(those_seen(others))
    assert those_seen([]) == []
