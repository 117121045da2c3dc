"""Which queries an artifact has learned from: nothing may be tuned, certified or judged on those."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from classifiers.artifact import Artifact
from classifiers.facts import QueryFacts
from classifiers.neighbours import row_hash, tail_hash


def seen(artifact: Artifact, facts: Sequence[QueryFacts]) -> npt.NDArray[np.bool_]:
    """(n,) True where the query is a copy or a near-copy of a row that the artifact learned from."""
    copies = np.array([(row_hash(one.text), tail_hash(one.text)) for one in facts], dtype=np.uint64).reshape(
        len(facts), 2
    )
    return np.asarray(np.isin(copies, artifact.row_hashes).any(axis=1), dtype=np.bool_)
