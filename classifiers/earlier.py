"""The prior of a training: an artifact learned earlier from other rows, or the hand-set score alone.

An artifact that has seen a row must not say what it thinks of it when candidates are judged: an APGR above 1
would be a leak and no result. So for rows whose hash it names, its recipe is fitted again on those of its
rows that stand outside the fold.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from classifiers.artifact import Artifact, read_artifact
from classifiers.blend import Blend, Judged
from classifiers.errors import ArtifactError
from classifiers.facts import QueryFacts
from classifiers.features import FREE
from classifiers.heads import Fitted, Matrix, fit
from classifiers.overlap import seen

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

LEAST_SEEN: Final = 100
"""With fewer of the artifact's own rows outside a fold, the hand-set score stands in for it."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """An artifact as the prior of n rows: `raw` (n,) its raw scores, `seen` (n,) which rows it knows."""

    artifact: Artifact
    raw: Floats
    seen: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, directory: Path, facts: list[QueryFacts]) -> "Earlier":
        """Scores and compares all rows.

        Raises:
            ArtifactError: as `read_artifact`; or it carries an earlier artifact itself.
        """
        artifact = read_artifact(directory)
        if artifact.classifier.model.prior is not None:
            raise ArtifactError(
                f"{directory}: carries an earlier artifact itself, and only one is carried along; "
                "start from that one, or from none"
            )
        return cls(artifact, np.array(artifact.classifier.raw_many(facts)), seen(artifact, facts))

    @property
    def vocabulary(self) -> npt.NDArray[np.uint8]:
        """The words that the artifact knows: see `Vocabulary`."""
        return self.artifact.classifier.model.vocabulary

    @property
    def blend(self) -> Blend:
        """The recipe of the artifact."""
        return self.artifact.blend

    def out_of_fold(self, fold: "Fold", fitted: Fitted) -> Floats:
        """Raw scores of the judged rows by a prior that saw none of them; `fitted` is of all learned rows."""
        raw = self.raw[fold.judged].copy()
        known = self.seen[fold.judged]
        if not known.any():
            return raw
        own = fold.learned[self.seen[fold.learned]]
        there = fold.matrix.take(fold.judged[known])
        if len(own) < LEAST_SEEN:
            hand = fitted.outputs(there)["hand"]
            raw[known] = self.blend.prior_offset + self.blend.prior_scale * hand
            return raw
        again = fitted
        if len(own) < len(fold.learned):
            again = fit(fold.matrix.take(own), fold.small[own], fold.large[own], seed=fold.seed)
        outputs = again.outputs(there)
        free = there.format == FREE
        raw[known] = self.blend.raw(Judged(outputs, again.known_share(there), free, outputs["hand"]))
        return raw


@dataclass(frozen=True, slots=True)
class Fold:
    """One split of the rows of a training: row numbers to learn from and to judge."""

    matrix: Matrix
    small: Floats
    large: Floats
    learned: Numbers
    judged: Numbers
    seed: int
