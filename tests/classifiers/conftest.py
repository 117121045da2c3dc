from pathlib import Path

import pytest

from classifiers.train import Choice, TrainingReport, train
from tests.classifiers.outcome_rows import rows, written


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainingReport:
    """An artifact trained on 400 rows of our own making; do not write into its directory."""
    place = tmp_path_factory.mktemp("trained")
    path = written(place / "made.jsonl.gz", rows(400))
    return train([path], place / "artifact", choice=Choice(prior=None))


@pytest.fixture
def copied(trained: TrainingReport, tmp_path: Path) -> Path:
    """A copy of that artifact, to be spoilt."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("manifest.json", "weights.npz"):
        (copy / name).write_bytes((trained.directory / name).read_bytes())
    return copy
